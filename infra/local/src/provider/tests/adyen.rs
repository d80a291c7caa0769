//! Adyen's payments, call by call.

use bytes::Bytes;
use http::{Request, Response};
use roost::clock::Clock;
use serde_json::{Value, json};

use super::webhooks::{event, order, provider};
use super::{FaultOrder, ordered, run};
use crate::provider::{Provider, sign_item};

fn sent(provider: &Provider, path: &str, key: &str, body: &Value) -> Option<Response<Bytes>> {
    let request = Request::post(format!("/adyen/v71/{path}"));
    let request = request.header("X-API-Key", "local").header("Idempotency-Key", key);
    run(provider.answer(request.body(Bytes::from(body.to_string())).unwrap()))
}

/// The answer's status and body, after a look at its headers.
fn post(provider: &Provider, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let answer = sent(provider, path, key, body).unwrap();
    let shown: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer.headers()["pspReference"], shown["pspReference"].as_str().unwrap());
    assert_eq!(answer.headers()["Idempotency-Key"], key);
    (answer.status().as_u16(), shown)
}

fn payment(card: &str) -> Value {
    json!({
        "merchantAccount": "Roost", "reference": "p", "amount": { "value": 1_000, "currency": "EUR" },
        "paymentMethod": { "type": "scheme", "storedPaymentMethodId": card },
        "metadata": { "booking": "b", "payment": "p" },
    })
}

fn part(value: i64) -> Value {
    json!({ "merchantAccount": "Roost", "reference": "r", "amount": { "value": value, "currency": "EUR" } })
}

/// The path of a payment that holds ten euros.
fn held(provider: &Provider) -> String {
    let (status, held) = post(provider, "payments", "pay", &payment("pm_card_visa"));
    assert_eq!(
        (status, &held["resultCode"], &held["merchantReference"]),
        (200, &json!("Authorised"), &json!("p"))
    );
    format!("payments/{}", held["pspReference"].as_str().unwrap())
}

/// The book in short.
fn entries(provider: &Provider) -> Vec<String> {
    let short = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap();
        assert_eq!((text("provider"), text("id"), text("bookingId")), ("adyen", "p", "b"));
        format!("{} {} {}", text("operation"), text("status"), entry["amount"]["amount"])
    };
    provider.ledger()["entries"].as_array().unwrap().iter().map(short).collect()
}

/// What the notifications that are due say, each signed.
fn told(provider: &Provider) -> Vec<String> {
    let short = |due: &crate::provider::Webhook| {
        assert_eq!((due.path, due.signature.as_str()), ("/v1/webhooks/adyen", ""));
        let whole = event(due);
        assert_eq!(whole["live"], "false");
        let item = &whole["notificationItems"][0]["NotificationRequestItem"];
        let additional = &item["additionalData"];
        assert_eq!(additional["hmacSignature"], sign_item(item));
        assert_eq!(
            (&additional["metadata.booking"], &additional["metadata.payment"]),
            (&json!("b"), &json!("p"))
        );
        assert_eq!(item["merchantReference"], "p");
        let text = |name: &str| item[name].as_str().unwrap();
        format!("{} {} {}", text("eventCode"), text("success"), item["amount"]["value"])
    };
    provider.due_webhooks().iter().map(short).collect()
}

#[test]
fn a_payment_is_held_taken_and_given_back_in_parts() {
    let (provider, _) = provider();
    order(&provider, 0, 1, "in_order");
    let path = held(&provider);
    let call =
        |name: &str, key: &str, value: i64| post(&provider, &format!("{path}/{name}"), key, &part(value));
    assert_eq!(call("captures", "much", 1_001).1["errorCode"], "137");
    assert_eq!(call("refunds", "early", 1).0, 422);
    let taken = call("captures", "take", 600);
    assert_eq!(taken.0, 201);
    assert_eq!(taken.1["status"], "received");
    assert_eq!(format!("payments/{}", taken.1["paymentPspReference"].as_str().unwrap()), path);
    assert_eq!(taken.1["amount"], json!({ "value": 600, "currency": "EUR" }));
    assert_eq!(call("captures", "take", 600), taken, "once under a key");
    assert_eq!(call("captures", "take", 500).1["errorCode"], "704");
    assert_eq!(call("captures", "again", 400).0, 422, "the rest is released");
    assert_eq!(call("refunds", "a", 200).0, 201);
    assert_eq!(call("refunds", "b", 401).0, 422, "more than is left");
    assert_eq!(call("reversals", "c", 1).0, 201);
    assert_eq!(call("refunds", "d", 1).0, 422);
    let done =
        ["authorize succeeded 1000", "capture succeeded 600", "refund succeeded 200", "refund succeeded 400"];
    assert_eq!(entries(&provider), done);
    let events =
        ["AUTHORISATION true 1000", "CAPTURE true 600", "REFUND true 200", "CANCEL_OR_REFUND true 400"];
    assert_eq!(told(&provider), events);
}

#[test]
fn a_hold_is_given_up_once_whichever_way_it_is_asked_for() {
    let by_reference = json!({ "merchantAccount": "Roost", "paymentReference": "p" });
    for (way, code) in
        [("cancels", "CANCELLATION"), ("reversals", "CANCEL_OR_REFUND"), ("", "TECHNICAL_CANCEL")]
    {
        let (provider, _) = provider();
        order(&provider, 0, 1, "in_order");
        let path = held(&provider);
        for key in ["one", "two"] {
            let (status, answer) = match way {
                "" => post(&provider, "cancels", key, &by_reference),
                way => post(&provider, &format!("{path}/{way}"), key, &part(1)),
            };
            assert_eq!((status, &answer["status"]), (201, &json!("received")), "{way}");
        }
        assert_eq!(entries(&provider), ["authorize succeeded 1000", "void succeeded 1000"]);
        let events =
            ["AUTHORISATION true 1000".into(), format!("{code} true 1000"), format!("{code} false 1000")];
        assert_eq!(told(&provider), events);
        assert_eq!(post(&provider, &format!("{path}/captures"), "late", &part(1_000)).0, 422);
    }
}

#[test]
fn a_card_that_is_refused_says_why_and_what_is_wrong_is_refused_in_adyens_words() {
    for (card, code) in [
        ("pm_card_chargeDeclined", "2"),
        ("pm_card_chargeDeclinedInsufficientFunds", "12"),
        ("pm_card_chargeDeclinedExpiredCard", "6"),
        ("pm_card_authenticationRequired", "38"),
    ] {
        let (provider, _) = provider();
        order(&provider, 0, 1, "in_order");
        let (status, refused) = post(&provider, "payments", "k", &payment(card));
        assert_eq!((status, &refused["resultCode"]), (200, &json!("Refused")), "{card}");
        assert_eq!(refused["refusalReasonCode"], code, "{card}");
        assert_eq!(entries(&provider), ["authorize failed 1000"]);
        assert_eq!(told(&provider), ["AUTHORISATION false 1000"]);
    }
    let provider = Provider::new(Clock::system());
    let without = |field: &str| {
        let mut body = payment("pm_card_visa");
        body.as_object_mut().unwrap().remove(field);
        body
    };
    for (body, status, code) in [
        (payment("pm_nobody"), 422, "803"),
        (without("amount"), 422, "100"),
        (without("reference"), 422, "130"),
        (without("merchantAccount"), 422, "901"),
        (json!(7), 400, "702"),
    ] {
        let (answered, error) = post(&provider, "payments", "k", &body);
        assert_eq!((answered, &error["status"], &error["errorCode"]), (status, &json!(status), &json!(code)));
    }
    assert_eq!(post(&provider, "payments/ABC/captures", "k", &part(1)).1["errorCode"], "167");
    assert_eq!(post(&provider, "donations", "k", &part(1)).0, 404);
    let request = Request::post("/adyen/v71/payments").body(Bytes::new()).unwrap();
    assert_eq!(run(provider.answer(request)).unwrap().status(), 401);
    assert!(entries(&provider).is_empty());
}

#[test]
fn faults_befall_the_provider_that_they_are_ordered_for() {
    let provider = Provider::new(Clock::system());
    let order = |name: &str, fault: &str| {
        provider.inject(FaultOrder { provider: Some(name.into()), ..ordered(fault, 1) }).unwrap();
    };
    let pay = |key: &str| sent(&provider, "payments", key, &payment("pm_card_visa"));
    order("stripe", "down");
    assert_eq!(pay("k").unwrap().status(), 200);
    order("adyen", "down");
    let stripe = || run(provider.answer(Request::get("/v1/refunds").body(Bytes::new()).unwrap())).unwrap();
    assert_eq!(stripe().status(), 401, "no key, no fault");
    assert!(stripe().headers().contains_key("request-id"), "it was read");
    let down = pay("down").unwrap();
    assert_eq!((down.status().as_u16(), down.headers().get("pspReference")), (503, None));
    let signed = Request::get("/v1/refunds").header("Authorization", "Bearer sk_test_1");
    let down = run(provider.answer(signed.body(Bytes::new()).unwrap())).unwrap();
    assert_eq!((down.status().as_u16(), down.headers().get("request-id")), (503, None));

    // The answer is lost, and the work is done once.
    order("adyen", "timeout_after");
    assert!(pay("lost").is_none());
    assert_eq!(entries(&provider).len(), 2);
    assert_eq!(pay("lost").unwrap().status(), 200);
    // A failure is kept under no key.
    order("adyen", "error500");
    let broken = pay("broken").unwrap();
    assert_eq!(broken.status(), 500);
    assert!(broken.headers().contains_key("pspReference"));
    assert_eq!(pay("broken").unwrap().status(), 200);
    order("adyen", "decline");
    let declined = post(&provider, "payments", "declined", &payment("pm_card_visa")).1;
    assert_eq!(declined["resultCode"], "Refused");
    assert_eq!(entries(&provider)[3..], ["authorize failed 1000"]);
}

#[test]
fn a_kept_book_knows_adyens_payments_and_keys_are_apart_from_stripes() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Provider::open(Clock::system(), Some(folder.path().join("payments.jsonl"))).unwrap();
    let provider = open();
    let path = held(&provider);
    let capture = |provider: &Provider| post(provider, &format!("{path}/captures"), "take", &part(600));
    let taken = capture(&provider);
    super::money::fine(super::money::post(&provider, "/v1/accounts", "take", "type=express"));
    drop(provider);

    let provider = open();
    assert_eq!(capture(&provider), taken);
    assert_eq!(post(&provider, &format!("{path}/refunds"), "much", &part(601)).0, 422);
    assert_eq!(post(&provider, &format!("{path}/refunds"), "all", &part(600)).0, 201);
    let done = ["authorize succeeded 1000", "capture succeeded 600", "refund succeeded 600"];
    assert_eq!(entries(&provider), done);
}

#[test]
fn the_signature_is_of_eight_fields() {
    let item = json!({
        "pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704", "eventCode": "AUTHORISATION", "success": "true",
        "amount": { "value": 1_130, "currency": "EUR" },
    });
    // Computed by another program.
    assert_eq!(sign_item(&item), "dbdyzDA2Rb2+MJhJOMd+0PvYuQ49nakk8I11xpJqikg=");
}

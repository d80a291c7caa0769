//! The bytes on the wire, against scripted answers. What the adapter makes of every sequence of
//! faults is tested against the local provider, which keeps a book.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

use super::*;
use crate::ids::{BookingId, PaymentId, UserId};
use crate::money::{Currency, Money};

/// Answers from a list and keeps the requests.
#[derive(Clone, Debug)]
struct Script(Arc<Mutex<(VecDeque<Scripted>, Vec<HttpRequest>)>>);

/// Status, whether it is replayed, and body.
type Scripted = (u16, bool, &'static str);

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut script = self.0.lock().unwrap();
        script.1.push(request);
        let (status, replayed, body) = script.0.pop_front().expect("the script has an answer");
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if replayed {
            response.headers_mut().insert("Idempotent-Replayed", "true");
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn scripted(answers: &[Scripted]) -> (Stripe, Script) {
    let script = Script(Arc::new(Mutex::new((answers.iter().copied().collect(), Vec::new()))));
    let config = Config::from(|name| match name {
        "ROOST_SECRET" => Some("s".repeat(32)),
        "ROOST_STRIPE_URL" => Some("http://stripe.test/".into()),
        "ROOST_STRIPE_KEY" => Some("sk_test_1".into()),
        _ => None,
    });
    // Pauses are drawn below a bound from eight bytes: zeros make them none.
    let entropy = Entropy::of(|bytes| bytes.fill(0));
    let connector = SharedHttpConnector::new(script.clone());
    let stripe = Stripe::new(&config.unwrap(), connector, &Clock::system(), &entropy).unwrap();
    (stripe, script)
}

fn order() -> PaymentOrder {
    PaymentOrder {
        began: Clock::system().now(),
        payment: PaymentId::from_bits(1),
        booking: BookingId::from_bits(2),
        guest: UserId::from_bits(7),
        amount: Money { amount: 94_500, currency: Currency::of("USD").unwrap() },
        method: "pm_card_visa".into(),
        guest_is_there: false,
        keeps_card: false,
        card_of: None,
        reference: None,
    }
}

const MADE: Scripted = (200, false, r#"{"id":"pi_1","status":"requires_confirmation"}"#);
const HELD: Scripted = (200, false, r#"{"id":"pi_1","status":"requires_capture"}"#);
const GONE: Scripted = (200, false, r#"{"id":"pi_1","status":"canceled"}"#);
const CARD: Scripted = (
    402,
    false,
    r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"generic_decline"}}"#,
);

#[tokio::test]
async fn a_payment_is_made_unconfirmed_and_then_confirmed_by_its_id() {
    let (stripe, script) = scripted(&[MADE, HELD]);
    let held = Authorization::Held { reference: "pi_1".into(), capture_before: None };
    assert_eq!(stripe.authorize(&order()).await, held);

    let sent = std::mem::take(&mut script.0.lock().unwrap().1);
    let id = "bkg_0000000000000000000002:pyt_0000000000000000000001";
    let header = |index: usize, name| sent[index].headers().get(name).map(str::to_owned);
    assert_eq!((sent[0].method(), sent[0].uri()), ("POST", "http://stripe.test/v1/payment_intents"));
    assert_eq!(header(0, "authorization").unwrap(), "Bearer sk_test_1");
    assert_eq!(header(0, "stripe-version").unwrap(), "2024-06-20");
    assert_eq!(header(0, "content-type").unwrap(), "application/x-www-form-urlencoded");
    assert_eq!(header(0, "idempotency-key").unwrap(), format!("{id}:create"));
    assert_eq!(
        std::str::from_utf8(sent[0].body().bytes().unwrap()).unwrap(),
        "amount=94500&currency=usd&capture_method=manual&payment_method=pm_card_visa\
         &payment_method_types%5B%5D=card&transfer_group=bkg_0000000000000000000002&metadata%5Bbooking%5D=bkg_0000000000000000000002\
         &metadata%5Bpayment%5D=pyt_0000000000000000000001"
    );
    assert_eq!(sent[1].uri(), "http://stripe.test/v1/payment_intents/pi_1/confirm");
    assert_eq!(header(1, "idempotency-key").unwrap(), format!("{id}:confirm"));
}

#[tokio::test]
async fn another_key_is_used_only_after_a_stored_failure_came_back() {
    let (stripe, script) = scripted(&[(500, false, ""), (500, true, ""), MADE, (503, false, ""), HELD]);
    assert!(matches!(stripe.authorize(&order()).await, Authorization::Held { .. }));
    let sent = std::mem::take(&mut script.0.lock().unwrap().1);
    let keys: Vec<_> = sent.iter().map(|request| request.headers().get("idempotency-key").unwrap()).collect();
    let ends: Vec<_> = keys.iter().map(|key| &key[key.find("1:").unwrap() + 2..]).collect();
    assert_eq!(ends, ["create", "create", "create:2", "confirm", "confirm"]);
}

#[tokio::test]
async fn a_refused_card_is_a_decline_and_a_wrong_request_is_none() {
    let (stripe, _) = scripted(&[MADE, CARD]);
    let declined = |reference: Option<&str>, authentication_required| Authorization::Declined {
        reference: reference.map(str::to_owned),
        authentication_required,
    };
    assert_eq!(stripe.authorize(&order()).await, declined(Some("pi_1"), false));

    let missing =
        r#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"payment_method"}}"#;
    let (stripe, _) = scripted(&[(400, false, missing)]);
    assert_eq!(stripe.authorize(&order()).await, declined(None, false));

    let small = r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","param":"amount"}}"#;
    let (stripe, _) = scripted(&[(400, false, small)]);
    assert_eq!(stripe.authorize(&order()).await, Authorization::Nothing);

    let used = r#"{"error":{"type":"idempotency_error"}}"#;
    let (stripe, _) = scripted(&[(400, false, used)]);
    assert!(matches!(stripe.authorize(&order()).await, Authorization::Unknown { .. }));

    let action = (200, false, r#"{"id":"pi_1","status":"requires_action"}"#);
    let (stripe, _) = scripted(&[MADE, action, action, GONE]);
    assert_eq!(stripe.authorize(&order()).await, declined(Some("pi_1"), true));
}

#[tokio::test]
async fn a_replayed_answer_is_not_the_truth() {
    let (stripe, script) = scripted(&[MADE, (200, true, HELD.2), GONE]);
    assert_eq!(stripe.authorize(&order()).await, Authorization::Nothing);
    assert_eq!(script.0.lock().unwrap().1[2].method(), "GET");
}

const WAITS: Scripted = (200, false, r#"{"id":"pi_1","status":"requires_action","client_secret":"pi_1_s"}"#);

#[tokio::test]
async fn a_guest_who_is_there_confirms_and_one_who_is_not_is_declined() {
    let waits = Authorization::ActionRequired { reference: "pi_1".into(), secret: "pi_1_s".into() };
    let present = PaymentOrder { guest_is_there: true, ..order() };
    let (stripe, _) = scripted(&[MADE, WAITS]);
    assert_eq!(stripe.authorize(&present).await, waits);
    // The answer was given before: the intent is asked.
    let (stripe, _) = scripted(&[MADE, (200, true, WAITS.2), WAITS]);
    assert_eq!(stripe.authorize(&present).await, waits);

    let declined = Authorization::Declined { reference: Some("pi_1".into()), authentication_required: true };
    let (stripe, _) = scripted(&[MADE, WAITS, WAITS, GONE]);
    assert_eq!(stripe.authorize(&order()).await, declined);
    // It must never be held once it is settled, whoever is there.
    let (stripe, script) = scripted(&[MADE, WAITS, GONE]);
    assert_eq!(stripe.settle(&present).await, declined);
    assert!(script.0.lock().unwrap().1[2].uri().ends_with("/cancel"));
}

#[tokio::test]
async fn resuming_tells_what_the_guest_has_done() {
    let known = PaymentOrder { guest_is_there: true, reference: Some("pi_1".into()), ..order() };
    let declined = |authentication_required| Authorization::Declined {
        reference: Some("pi_1".into()),
        authentication_required,
    };
    let waits = Authorization::ActionRequired { reference: "pi_1".into(), secret: "pi_1_s".into() };
    let held = Authorization::Held { reference: "pi_1".into(), capture_before: None };
    let failed = r#"{"id":"pi_1","status":"requires_payment_method","last_payment_error":
        {"type":"invalid_request_error","code":"payment_intent_authentication_failure"}}"#;
    let broke = r#"{"id":"pi_1","status":"requires_payment_method","last_payment_error":
        {"type":"card_error","code":"card_declined","decline_code":"insufficient_funds"}}"#;
    let left = r#"{"id":"pi_1","status":"requires_payment_method"}"#;
    let cases: [(&[Scripted], Authorization); 6] = [
        (&[WAITS], waits),
        (&[HELD], held),
        (&[(200, false, failed), GONE], declined(true)),
        (&[(200, false, broke), GONE], declined(false)),
        (&[(200, false, left), GONE], declined(false)),
        (&[GONE], Authorization::Nothing),
    ];
    for (answers, outcome) in cases {
        let (stripe, script) = scripted(answers);
        assert_eq!(stripe.resume(&known).await, outcome);
        assert!(script.0.lock().unwrap().0.is_empty());
    }
}

#[tokio::test]
async fn what_was_never_read_can_go_elsewhere_and_what_was_cannot() {
    const DOWN: Scripted = (503, false, "");
    let unreached = |outcome| matches!(outcome, Authorization::Unreached { .. });
    let unknown = |outcome| matches!(outcome, Authorization::Unknown { .. });
    let (stripe, _) = scripted(&[DOWN, DOWN, DOWN]);
    assert!(unreached(stripe.authorize(&order()).await));
    let (stripe, _) = scripted(&[MADE, DOWN, DOWN, DOWN]);
    assert!(unreached(stripe.authorize(&order()).await));
    // One try that may have been read is enough.
    let (stripe, _) = scripted(&[DOWN, (502, false, ""), DOWN]);
    assert!(unknown(stripe.authorize(&order()).await));
    // The intent was there before: another call may have confirmed it.
    let (stripe, _) = scripted(&[(200, true, MADE.2), DOWN, DOWN, DOWN, DOWN, DOWN, DOWN]);
    assert!(unknown(stripe.authorize(&order()).await));
    let (stripe, _) = scripted(&[DOWN, DOWN, DOWN]);
    assert!(unknown(stripe.settle(&order()).await));
}

#[tokio::test]
async fn a_refund_is_done_waits_or_is_an_operators() {
    const NONE: Scripted = (200, false, r#"{"data":[]}"#);
    let known = PaymentOrder { reference: Some("pi_1".into()), ..order() };
    let refund = |answers: &[Scripted]| {
        let (stripe, known) = (scripted(answers).0, known.clone());
        async move { stripe.refund(&known, known.amount, 1).await }
    };
    let empty = r#"{"error":{"type":"invalid_request_error","code":"balance_insufficient"}}"#;
    assert!(matches!(refund(&[NONE, (400, false, empty)]).await, Refund::Unknown { .. }));
    let gone = r#"{"error":{"type":"invalid_request_error","code":"charge_already_refunded"}}"#;
    assert_eq!(refund(&[NONE, (400, false, gone)]).await, Refund::Done);
    let disputed = r#"{"error":{"type":"invalid_request_error","code":"charge_disputed"}}"#;
    assert!(matches!(refund(&[NONE, (400, false, disputed)]).await, Refund::Refused { .. }));
    assert!(matches!(refund(&[(401, false, "")]).await, Refund::Refused { .. }));
    let failed = r#"{"data":[{"id":"re_1","status":"failed","metadata":{"refund":"1"}}]}"#;
    let made = |status: &'static str| (200, false, status);
    let (came_back, stands) =
        (made(r#"{"id":"re_1","status":"failed"}"#), made(r#"{"id":"re_2","status":"succeeded"}"#));
    assert!(matches!(refund(&[NONE, came_back]).await, Refund::Refused { .. }));
    // Its key still answers as it did, days before it came back: another key makes another.
    let (list, replayed) = ((200, false, failed), (200, true, r#"{"id":"re_1","status":"pending"}"#));
    let (stripe, script) = scripted(&[list, replayed, list, stands]);
    assert_eq!(stripe.refund(&known, known.amount, 1).await, Refund::Done);
    let key = script.0.lock().unwrap().1[3].headers().get("idempotency-key").unwrap().to_owned();
    assert!(key.ends_with(":refund:1:2"), "{key}");
}

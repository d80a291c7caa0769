//! Customers, and cards that are kept for charges without their holders.

use http::Request;
use roost::clock::Clock;
use serde_json::{Value, json};

use super::authentication::authenticate;
use super::money::{Answered, answered, entries, fine, get, post, refused};
use super::webhooks::{NOW, event, order, provider, told};
use super::{FaultOrder, ordered};
use crate::provider::Provider;

const CUSTOMERS: &str = "/v1/customers";
const INTENTS: &str = "/v1/payment_intents";
const WANTS_ITS_HOLDER: &str = "pm_card_authenticationRequired";

/// The answer to a call without a key, which is never one that was given before.
fn sent(provider: &Provider, path: &str, form: &str) -> Answered {
    answered(provider, Request::post(path), form).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The id of a customer.
fn customer(provider: &Provider) -> String {
    text(&fine(sent(provider, CUSTOMERS, "metadata[booking]=b"))["id"])
}

/// What makes an intent of a customer.
fn of(customer: &str) -> String {
    format!("&customer={customer}")
}

/// What makes an intent of a customer that keeps its card.
fn keeping(customer: &str) -> String {
    format!("&customer={customer}&setup_future_usage=off_session")
}

/// The answer to whoever makes an intent of ten euros.
fn made(provider: &Provider, method: &str, rest: &str) -> Answered {
    let form = "amount=1000&currency=eur&capture_method=manual&metadata[payment]=p&payment_method=";
    sent(provider, INTENTS, &format!("{form}{method}{rest}"))
}

/// The answer to whoever does `action` to an intent.
fn acted(provider: &Provider, intent: &Value, action: &str, form: &str) -> Answered {
    sent(provider, &format!("{INTENTS}/{}/{action}", text(&intent["id"])), form)
}

/// An intent that was made and confirmed, as the confirmation shows it.
fn confirmed(provider: &Provider, method: &str, rest: &str, form: &str) -> Value {
    let made = fine(made(provider, method, rest));
    fine(acted(provider, &made, "confirm", form))
}

/// The id of the customer's card, kept by an intent that was captured.
fn kept(provider: &Provider, customer: &str) -> String {
    let held = confirmed(provider, "pm_card_visa", &keeping(customer), "");
    text(&fine(acted(provider, &held, "capture", ""))["payment_method"])
}

#[test]
fn a_customer_is_made_once_under_a_key_and_of_metadata_alone() {
    let (provider, _) = provider();
    let form = "metadata[booking]=b&metadata[guest]=g";
    let made = fine(post(&provider, CUSTOMERS, "k", form));
    let expected = json!({
        "id": made["id"], "object": "customer", "metadata": { "booking": "b", "guest": "g" },
        "livemode": false, "created": NOW,
    });
    assert_eq!(made, expected);
    assert!(text(&made["id"]).starts_with("cus_"));
    assert_eq!(fine(post(&provider, CUSTOMERS, "k", form)), made);
    assert_ne!(fine(post(&provider, CUSTOMERS, "other", form))["id"], made["id"]);
    let (status, other) = post(&provider, CUSTOMERS, "k", "");
    assert_eq!((status, &other["error"]["type"]), (400, &json!("idempotency_error")));
    assert_eq!(refused(post(&provider, CUSTOMERS, "x", "email=a@b.test")), "400 parameter_unknown");
    assert_eq!(provider.webhooks_waiting(), 0);
}

#[test]
fn faults_of_an_authorization_befall_the_making_of_its_customer_but_a_decline_waits_for_the_card() {
    let provider = Provider::new(Clock::system());
    let order = |fault: &str| {
        let order = FaultOrder { operation: Some("authorize".into()), ..ordered(fault, 1) };
        provider.inject(order).unwrap();
    };
    let keyed = |key: &str| answered(&provider, Request::post(CUSTOMERS).header("Idempotency-Key", key), "");
    order("error500");
    for _ in 0..2 {
        assert_eq!(keyed("broken").unwrap().0, 500, "it is stored");
    }
    fine(keyed("another").unwrap());
    // The answer is lost, the customer is not.
    order("timeout_after");
    assert_eq!(keyed("lost"), None);
    let id = text(&fine(keyed("lost").unwrap())["id"]);
    fine(made(&provider, "pm_card_visa", &of(&id)));
    order("timeout_before");
    assert_eq!(keyed("k"), None);
    order("rate_limited");
    assert_eq!(keyed("k").unwrap().0, 429);
    order("down");
    assert_eq!(keyed("k").unwrap().0, 503);

    for operation in [None, Some("authorize".to_owned())] {
        provider.inject(FaultOrder { operation, ..ordered("decline", 1) }).unwrap();
        let intent = fine(made(&provider, "pm_card_visa", &keeping(&customer(&provider))));
        let answer = acted(&provider, &intent, "confirm", "");
        assert_eq!(refused(answer), "402 card_declined");
    }
}

#[test]
fn a_kept_card_pays_its_customers_next_intent_without_its_holder() {
    let (provider, _) = provider();
    order(&provider, 0, 1, "in_order");
    let customer = customer(&provider);
    let first = fine(made(&provider, "pm_card_visa", &keeping(&customer)));
    assert_eq!((&first["customer"], &first["setup_future_usage"]), (&json!(customer), &json!("off_session")));
    assert_eq!(first["payment_method"], "pm_card_visa", "nothing is kept before money is held");
    let held = fine(acted(&provider, &first, "confirm", ""));
    let card = text(&held["payment_method"]);
    assert!(card.starts_with("pm_") && !card.starts_with("pm_card"), "{card}");
    let due = provider.due_webhooks();
    assert_eq!(event(&due[0])["data"]["object"]["payment_method"], card);
    assert_eq!(fine(acted(&provider, &first, "capture", ""))["payment_method"], card);
    assert_eq!(get(&provider, &format!("{INTENTS}/{}", text(&first["id"])))["payment_method"], card);

    let later = fine(made(&provider, &card, &of(&customer)));
    assert_eq!((&later["payment_method"], &later["customer"]), (&json!(card), &json!(customer)));
    assert!(later["setup_future_usage"].is_null());
    let later = fine(acted(&provider, &later, "confirm", "off_session=true"));
    assert_eq!((&later["status"], &later["amount_capturable"]), (&json!("requires_capture"), &json!(1_000)));
    assert_eq!(later["payment_method"], card);
    // One that is kept already stays the one that it is.
    assert_eq!(confirmed(&provider, &card, &keeping(&customer), "")["payment_method"], card);
    let expected = ["authorize succeeded 1000", "capture succeeded 1000", "authorize succeeded 1000"];
    assert_eq!(entries(&provider)[..3], expected);

    // It may be refused later, as any card.
    let last = fine(made(&provider, &card, &of(&customer)));
    provider.inject(ordered("decline", 1)).unwrap();
    assert_eq!(refused(acted(&provider, &last, "confirm", "off_session=true")), "402 card_declined");
}

#[test]
fn a_test_token_is_anybodys_and_kept_only_where_that_is_asked_for() {
    let provider = Provider::new(Clock::system());
    let (one, other) = (customer(&provider), customer(&provider));
    for rest in [String::new(), of(&one), of(&other)] {
        let held = confirmed(&provider, "pm_card_visa", &rest, "off_session=true");
        assert_eq!(held["payment_method"], "pm_card_visa", "{rest}");
    }
    let cards = [&one, &one, &other].map(|customer| kept(&provider, customer));
    assert!(cards[0] != cards[1] && cards[1] != cards[2] && cards[2] != cards[0], "{cards:?}");
    // A card that holds nothing is not kept.
    let intent = fine(made(&provider, "pm_card_chargeDeclined", &keeping(&one)));
    let (status, refusal) = acted(&provider, &intent, "confirm", "");
    assert_eq!(status, 402);
    assert!(refusal["error"]["payment_intent"]["payment_method"].is_null());
}

#[test]
fn a_kept_card_is_refused_to_all_but_its_customer() {
    let provider = Provider::new(Clock::system());
    let (owner, other) = (customer(&provider), customer(&provider));
    let card = kept(&provider, &owner);
    for (rest, says) in [
        (String::new(), format!("({card}) belongs to the Customer {owner}.")),
        (of(&other), format!("does not belong to the Customer you supplied {other}.")),
        (keeping(&other), format!("does not belong to the Customer you supplied {other}.")),
    ] {
        let (status, body) = made(&provider, &card, &rest);
        let error = &body["error"];
        assert_eq!((status, &error["type"]), (400, &json!("invalid_request_error")), "{rest}");
        assert_eq!(error["param"], "payment_method");
        assert!(text(&error["message"]).contains(&says), "{error}");
    }
    let whom = of(&owner);
    for (method, rest, refusal, param) in [
        ("pm_1", whom.as_str(), "400 resource_missing", "payment_method"),
        ("pm_card_visa", "&customer=cus_1", "400 resource_missing", "customer"),
        ("pm_card_visa", "&setup_future_usage=off_session", "400 parameter_missing", "customer"),
        ("pm_card_visa", "&off_session=true", "400 parameter_unknown", "off_session"),
    ] {
        let answer = made(&provider, method, rest);
        assert_eq!(answer.1["error"]["param"], param, "{rest}");
        assert_eq!(refused(answer), refusal, "{rest}");
    }
    let on_session = format!("{whom}&setup_future_usage=on_session");
    assert_eq!(refused(made(&provider, &card, &on_session)), "400 parameter_invalid_string");

    let intent = fine(made(&provider, &card, &whom));
    for (form, refusal) in
        [("off_session=yes", "400 parameter_invalid_string"), ("on_session=true", "400 parameter_unknown")]
    {
        assert_eq!(refused(acted(&provider, &intent, "confirm", form)), refusal, "{form}");
    }
    let form = "off_session=false&expand[]=latest_charge.balance_transaction";
    let held = fine(acted(&provider, &intent, "confirm", form));
    assert_eq!(held["latest_charge"]["object"], "charge", "a wrong call has done nothing");
}

#[test]
fn a_card_that_wants_its_holder_pays_without_him_once_he_has_set_it_up() {
    let (provider, _) = provider();
    order(&provider, 0, 1, "in_order");
    let customer = customer(&provider);
    // Nobody has set it up yet.
    let intent = fine(made(&provider, WANTS_ITS_HOLDER, &keeping(&customer)));
    let (status, refusal) = acted(&provider, &intent, "confirm", "off_session=true");
    let error = &refusal["error"];
    assert_eq!((status, &error["type"]), (402, &json!("card_error")));
    assert_eq!(error["code"], "authentication_required");
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    assert_eq!(error["payment_intent"]["last_payment_error"]["code"], "authentication_required");
    assert_eq!(entries(&provider), ["authorize failed 1000"]);
    assert_eq!(told(&provider), ["payment_intent.payment_failed"]);

    let set_up = |outcome: &str| {
        let waiting = confirmed(&provider, WANTS_ITS_HOLDER, &keeping(&customer), "off_session=false");
        assert_eq!(waiting["status"], "requires_action");
        assert_eq!(waiting["payment_method"], WANTS_ITS_HOLDER, "it is not kept before he has confirmed");
        authenticate(&provider, &text(&waiting["client_secret"]), outcome).unwrap();
        get(&provider, &format!("{INTENTS}/{}", text(&waiting["id"])))
    };
    assert!(set_up("fail")["payment_method"].is_null());
    let card = text(&set_up("succeed")["payment_method"]);
    assert_ne!(card, WANTS_ITS_HOLDER);
    told(&provider);
    let later = confirmed(&provider, &card, &of(&customer), "off_session=true");
    assert_eq!(later["status"], "requires_capture");
    assert_eq!(told(&provider), ["payment_intent.amount_capturable_updated"]);
    // Where he is there, he is asked.
    assert_eq!(confirmed(&provider, &card, &of(&customer), "")["status"], "requires_action");
    // Another's use of the token has set up nothing.
    let another = fine(made(&provider, WANTS_ITS_HOLDER, &of(&customer)));
    assert_eq!(
        refused(acted(&provider, &another, "confirm", "off_session=true")),
        "402 authentication_required"
    );
}

#[test]
fn a_kept_book_knows_customers_and_their_cards() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Provider::open(Clock::system(), Some(folder.path().join("payments.jsonl"))).unwrap();
    let provider = open();
    let made_once = post(&provider, CUSTOMERS, "k", "metadata[booking]=b");
    let customer = text(&fine(made_once.clone())["id"]);
    let begun = fine(made(&provider, "pm_card_visa", &keeping(&customer)));
    let waiting = confirmed(&provider, WANTS_ITS_HOLDER, &keeping(&customer), "");
    authenticate(&provider, &text(&waiting["client_secret"]), "succeed").unwrap();
    let path = format!("{INTENTS}/{}", text(&waiting["id"]));
    let before = get(&provider, &path);
    drop(provider);

    let provider = open();
    assert_eq!(post(&provider, CUSTOMERS, "k", "metadata[booking]=b"), made_once);
    assert_eq!(get(&provider, &path), before);
    let card = text(&before["payment_method"]);
    assert_eq!(refused(made(&provider, &card, "")), "400 ");
    let later = confirmed(&provider, &card, &of(&customer), "off_session=true");
    assert_eq!(later["status"], "requires_capture");
    // What was begun before keeps its card as it was to.
    let held = fine(acted(&provider, &begun, "confirm", ""));
    let card = text(&held["payment_method"]);
    assert_eq!(confirmed(&provider, &card, &of(&customer), "")["payment_method"], card);
}

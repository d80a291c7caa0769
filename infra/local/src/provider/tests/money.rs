//! Captures and refunds, call by call.

use bytes::Bytes;
use http::Request;
use roost::clock::Clock;

use super::{FaultOrder, ordered, run};
use crate::provider::Provider;

const REFUNDS: &str = "/v1/refunds";

/// The provider's answer to a request that nothing stands in the way of: its status and its body.
pub(super) type Answered = (u16, serde_json::Value);

pub(super) fn answered(provider: &Provider, request: http::request::Builder, form: &str) -> Option<Answered> {
    let request = request.header("Authorization", "Bearer sk_test_1");
    let request = request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap();
    let answer = run(provider.answer(request))?;
    Some((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap()))
}

pub(super) fn get(provider: &Provider, path: &str) -> serde_json::Value {
    answered(provider, Request::get(path), "").unwrap().1
}

pub(super) fn post(provider: &Provider, path: &str, key: &str, form: &str) -> Answered {
    answered(provider, Request::post(path).header("Idempotency-Key", key), form).unwrap()
}

pub(super) fn fine((status, body): Answered) -> serde_json::Value {
    assert_eq!(status, 200, "{body}");
    body
}

/// A refusal's status and code.
pub(super) fn refused((status, body): Answered) -> String {
    format!("{status} {}", body["error"]["code"].as_str().unwrap_or_default())
}

/// The path of an intent that holds ten euros.
pub(super) fn held(provider: &Provider) -> String {
    let form = "amount=1000&currency=eur&capture_method=manual&metadata[payment]=p&payment_method=pm_card_visa\
         &transfer_group=b";
    let made = fine(post(provider, "/v1/payment_intents", "create", form));
    assert!(made["latest_charge"].is_null());
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    let held = fine(post(provider, &format!("{path}/confirm"), "confirm", ""));
    assert_eq!(held["amount_capturable"], 1_000);
    path
}

/// The id of an intent of ten euros, of which six were taken.
pub(super) fn taken(provider: &Provider) -> String {
    let capture = format!("{}/capture", held(provider));
    let taken = fine(post(provider, &capture, "capture", "amount_to_capture=600"));
    taken["id"].as_str().unwrap().to_owned()
}

/// The book in short.
pub(super) fn entries(provider: &Provider) -> Vec<String> {
    let short = |entry: &serde_json::Value| {
        let text = |name: &str| entry[name].as_str().unwrap();
        assert_eq!(text("id"), "p");
        format!("{} {} {}", text("operation"), text("status"), entry["amount"]["amount"])
    };
    provider.ledger()["entries"].as_array().unwrap().iter().map(short).collect()
}

#[test]
fn a_hold_is_captured_once_whole_or_in_part() {
    for (form, captured, fee) in [
        ("", 1_000, 40),
        ("amount_to_capture=300", 300, 30),
        ("amount_to_capture=299", 299, 29),
        ("amount_to_capture=7", 7, 7),
    ] {
        let provider = Provider::new(Clock::system());
        let path = held(&provider);
        let capture = |key: &str, form: &str| post(&provider, &format!("{path}/capture"), key, form);
        let whole = || get(&provider, &format!("{path}?expand%5B%5D=latest_charge.balance_transaction"));
        let before = whole();
        let charge = &before["latest_charge"];
        assert_eq!(get(&provider, &path)["latest_charge"], charge["id"]);
        assert_eq!(charge["amount_captured"], 0);
        assert!(charge["balance_transaction"].is_null());
        let until = before["created"].as_i64().unwrap() + 7 * 24 * 60 * 60;
        assert_eq!(charge["payment_method_details"]["card"]["capture_before"], until);

        for (wrong, refusal) in [
            ("amount_to_capture=1001", "400 amount_too_large"),
            ("amount_to_capture=0", "400 parameter_invalid_integer"),
            ("amount=7", "400 parameter_unknown"),
            ("expand[]=customer", "400 parameter_invalid_string"),
        ] {
            assert_eq!(refused(capture(wrong, wrong)), refusal, "{wrong}");
        }
        let done = fine(capture("k", form));
        assert_eq!(done["status"], "succeeded");
        assert_eq!(done["amount_received"], captured);
        assert_eq!(done["amount_capturable"], 0);
        assert_eq!(capture("k", form), (200, done));
        let after = whole();
        assert_eq!(after["latest_charge"]["id"], charge["id"]);
        assert_eq!(after["latest_charge"]["amount_captured"], captured);
        assert_eq!(after["latest_charge"]["balance_transaction"]["fee"], fee, "{form}");

        assert_eq!(refused(capture("again", form)), "400 payment_intent_unexpected_state");
        let cancelled = post(&provider, &format!("{path}/cancel"), "cancel", "");
        assert_eq!(refused(cancelled), "400 payment_intent_unexpected_state");
        let expected = ["authorize succeeded 1000".to_owned(), format!("capture succeeded {captured}")];
        assert_eq!(entries(&provider), expected);
    }
}

#[test]
fn captured_money_is_refunded_in_parts_once_under_each_key_and_never_more_of_it() {
    let provider = Provider::new(Clock::system());
    let held = get(&provider, &held(&provider));
    let early = format!("payment_intent={}", held["id"].as_str().unwrap());
    assert_eq!(refused(post(&provider, REFUNDS, "k", &early)), "400 payment_intent_unexpected_state");

    let provider = Provider::new(Clock::system());
    let id = taken(&provider);
    let refund = |key: &str, rest: &str| post(&provider, REFUNDS, key, &format!("payment_intent={id}{rest}"));
    for (wrong, refusal) in [
        ("&amount=601", "400 amount_too_large"),
        ("&amount=0", "400 parameter_invalid_integer"),
        ("&reason=none", "400 parameter_invalid_string"),
        ("&charge=ch_1", "400 parameter_unknown"),
    ] {
        assert_eq!(refused(refund(wrong, wrong)), refusal, "{wrong}");
    }
    assert_eq!(refused(post(&provider, REFUNDS, "none", "payment_intent=pi_1")), "404 resource_missing");

    let part = "&amount=200&metadata[refund]=1&reason=requested_by_customer";
    let first = fine(refund("a", part));
    assert_eq!(first["amount"], 200);
    assert_eq!(first["payment_intent"], id);
    assert_eq!(first["status"], "succeeded");
    assert_eq!(fine(refund("a", part)), first);
    let second = fine(refund("b", part));
    assert_ne!(second["id"], first["id"]);
    assert_eq!(refused(refund("c", "&amount=201")), "400 amount_too_large");
    let last = fine(refund("d", ""));
    assert_eq!(last["amount"], 200);
    for rest in ["", "&amount=1"] {
        assert_eq!(refused(refund(rest, rest)), "400 charge_already_refunded");
    }
    assert_eq!(entries(&provider)[..2], ["authorize succeeded 1000", "capture succeeded 600"]);
    assert_eq!(entries(&provider)[2..], ["refund succeeded 200"; 3]);

    let expanded = format!("/v1/payment_intents/{id}?expand%5B%5D=latest_charge.balance_transaction");
    let charge = &get(&provider, &expanded)["latest_charge"];
    assert_eq!(charge["amount_refunded"], 600);
    assert_eq!(charge["id"], first["charge"]);
    let list = get(&provider, &format!("{REFUNDS}?payment_intent={id}&limit=100"));
    assert_eq!(list["data"][2]["metadata"], serde_json::json!({ "refund": "1" }));
    assert_eq!(list["data"], serde_json::json!([last, second, first]));
    assert_eq!(list["has_more"], false);
    assert_eq!(get(&provider, &format!("{REFUNDS}?limit=1"))["has_more"], true);
    assert_eq!(get(&provider, &format!("{REFUNDS}/{}", first["id"].as_str().unwrap())), first);
    for nowhere in ["/v1/refunds/re_1", "/v1/refunds?payment_intent=pi_1"] {
        assert_eq!(get(&provider, nowhere)["error"]["code"], "resource_missing");
    }
}

#[test]
fn a_decline_befalls_whatever_is_done_with_money() {
    // The hold has expired: it is gone, for every key.
    let provider = Provider::new(Clock::system());
    let path = held(&provider);
    let capture = |key: &str| post(&provider, &format!("{path}/capture"), key, "amount_to_capture=600");
    provider.inject(ordered("decline", 1)).unwrap();
    for _ in 0..2 {
        assert_eq!(refused(capture("k")), "402 charge_expired_for_capture");
    }
    assert_eq!(refused(capture("other")), "400 payment_intent_unexpected_state");
    assert_eq!(get(&provider, &path)["status"], "canceled");
    assert_eq!(entries(&provider), ["authorize succeeded 1000", "capture failed 600"]);

    // There is not enough to give back yet: the same key may be tried again.
    let provider = Provider::new(Clock::system());
    let form = format!("payment_intent={}&amount=200", taken(&provider));
    provider.inject(ordered("decline", 1)).unwrap();
    assert_eq!(refused(post(&provider, REFUNDS, "k", &form)), "400 balance_insufficient");
    assert_eq!(fine(post(&provider, REFUNDS, "k", &form))["amount"], 200);
    assert_eq!(entries(&provider)[2..], ["refund failed 200", "refund succeeded 200"]);

    // The hold stays, and the same key may be tried again.
    let provider = Provider::new(Clock::system());
    let path = held(&provider);
    let cancel = || post(&provider, &format!("{path}/cancel"), "k", "");
    provider.inject(ordered("decline", 1)).unwrap();
    assert_eq!(refused(cancel()), "400 payment_intent_unexpected_state");
    assert_eq!(get(&provider, &path)["amount_capturable"], 1_000);
    assert_eq!(fine(cancel())["status"], "canceled");
    assert_eq!(entries(&provider), ["authorize succeeded 1000", "void succeeded 1000"]);
}

#[test]
fn a_capture_whose_answer_is_lost_is_done_once_and_a_broken_one_is_done_under_another_key() {
    let faulty = |fault: &str| {
        let provider = Provider::new(Clock::system());
        let capture = format!("{}/capture", held(&provider));
        let order = FaultOrder { operation: Some("capture".into()), ..ordered(fault, 1) };
        provider.inject(order).unwrap();
        (provider, capture)
    };
    let done = ["authorize succeeded 1000", "capture succeeded 1000"];

    let (provider, capture) = faulty("timeout_after");
    let request = Request::post(capture.as_str()).header("Idempotency-Key", "k");
    assert_eq!(answered(&provider, request, ""), None);
    assert_eq!(entries(&provider), done);
    assert_eq!(fine(post(&provider, &capture, "k", ""))["status"], "succeeded");
    assert_eq!(entries(&provider), done);

    let (provider, capture) = faulty("error500");
    for _ in 0..2 {
        assert_eq!(post(&provider, &capture, "k", "").0, 500);
    }
    assert_eq!(entries(&provider), done[..1]);
    assert_eq!(fine(post(&provider, &capture, "other", ""))["status"], "succeeded");
    assert_eq!(entries(&provider), done);
}

#[test]
fn a_kept_book_knows_captures_and_refunds_and_one_from_before_them_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("payments.jsonl");
    let open = || Provider::open(Clock::system(), Some(file.clone())).unwrap();
    let provider = open();
    let whole = format!("payment_intent={}", taken(&provider));
    let part = format!("{whole}&amount=200");
    let refund = post(&provider, REFUNDS, "k", &part);
    let known = (provider.ledger(), get(&provider, REFUNDS));
    drop(provider);

    let provider = open();
    assert_eq!((provider.ledger(), get(&provider, REFUNDS)), known);
    assert_eq!(post(&provider, REFUNDS, "k", &part), refund);
    let too_much = post(&provider, REFUNDS, "much", &format!("{whole}&amount=401"));
    assert_eq!(refused(too_much), "400 amount_too_large");
    assert_eq!(fine(post(&provider, REFUNDS, "rest", &whole))["amount"], 400);
    drop(provider);

    let intent = serde_json::json!({
        "id": "pi_1", "amount": 1_000, "currency": "eur", "method": "pm_card_visa", "metadata": {},
        "status": "requires_capture", "last_error": null, "created": "2026-01-01T00:00:00Z", "canceled": null,
    });
    std::fs::write(&file, format!("{}\n", serde_json::json!({ "intent": intent }))).unwrap();
    let taken = fine(post(&open(), "/v1/payment_intents/pi_1/capture", "k", ""));
    assert_eq!(taken["amount_received"], 1_000);
    assert!(taken["latest_charge"].is_string());
    assert!(taken["customer"].is_null() && taken["setup_future_usage"].is_null());
}

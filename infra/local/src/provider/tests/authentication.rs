//! 3-D Secure: a payment that its card's holder confirms, or does not.

use bytes::Bytes;
use http::{Request, Response};
use roost::error::Error;
use serde_json::{Value, json};

use super::money::{entries, fine, get, post, refused};
use super::run;
use super::webhooks::{order, provider, told};
use crate::provider::{AuthenticationOrder, Provider};

/// The path of an intent that waits for its holder, and its client secret.
fn waiting(provider: &Provider) -> (String, String) {
    let form = "amount=1000&currency=eur&capture_method=manual&metadata[payment]=p\
                &payment_method=pm_card_authenticationRequired";
    let made = fine(post(provider, "/v1/payment_intents", "create", form));
    let secret = made["client_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with(&format!("{}_secret_", made["id"].as_str().unwrap())), "{secret}");
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    let waiting = fine(post(provider, &format!("{path}/confirm"), "confirm", ""));
    assert_eq!(waiting["status"], "requires_action");
    let action = &waiting["next_action"];
    assert_eq!(action["type"], "redirect_to_url");
    let url = format!("http://localhost/_local/stripe/authenticate/{secret}");
    assert_eq!(action["redirect_to_url"]["url"], url);
    (path, secret)
}

pub(super) fn authenticate(provider: &Provider, secret: &str, outcome: &str) -> roost::error::Result<()> {
    provider.authenticate(&AuthenticationOrder { client_secret: secret.into(), outcome: outcome.into() })
}

/// The answer of the hosted page, which asks for no key.
fn page(provider: &Provider, request: http::request::Builder, form: &'static str) -> Response<Bytes> {
    run(provider.answer(request.body(Bytes::from(form)).unwrap())).unwrap()
}

fn ended(provider: &Provider, path: &str, succeeded: bool) {
    let intent = get(provider, path);
    assert!(intent["next_action"].is_null());
    if succeeded {
        assert_eq!(
            (&intent["status"], &intent["amount_capturable"]),
            (&json!("requires_capture"), &json!(1_000))
        );
        assert!(intent["latest_charge"].is_string());
        assert_eq!(entries(provider), ["authorize succeeded 1000"]);
        assert_eq!(
            told(provider),
            ["payment_intent.requires_action", "payment_intent.amount_capturable_updated"]
        );
        fine(post(provider, &format!("{path}/capture"), "capture", ""));
    } else {
        assert_eq!(intent["status"], "requires_payment_method");
        assert_eq!(intent["last_payment_error"]["code"], "payment_intent_authentication_failure");
        assert_eq!(entries(provider), ["authorize failed 1000"]);
        assert_eq!(told(provider), ["payment_intent.requires_action", "payment_intent.payment_failed"]);
        let capture = post(provider, &format!("{path}/capture"), "capture", "");
        assert_eq!(refused(capture), "400 payment_intent_unexpected_state");
    }
}

#[test]
fn what_the_holder_says_by_the_developers_call_ends_the_wait_once() {
    for (outcome, succeeded) in [("succeed", true), ("fail", false)] {
        let (provider, _) = provider();
        order(&provider, 0, 1, "in_order");
        let (path, secret) = waiting(&provider);
        assert!(matches!(authenticate(&provider, &secret, "perhaps"), Err(Error::Invalid { .. })));
        assert!(matches!(authenticate(&provider, "pi_1_secret_1", outcome), Err(Error::NotFound)));
        authenticate(&provider, &secret, outcome).unwrap();
        ended(&provider, &path, succeeded);
        assert!(matches!(authenticate(&provider, &secret, outcome), Err(Error::Invalid { .. })));
    }
}

#[test]
fn what_the_holder_says_on_the_hosted_page_ends_the_wait_once() {
    for (form, succeeded) in [("outcome=succeed", true), ("outcome=fail", false)] {
        let (provider, _) = provider();
        order(&provider, 0, 1, "in_order");
        let (path, secret) = waiting(&provider);
        let url = format!("/authenticate/{secret}");
        let shown = page(&provider, Request::get(&url), "");
        assert_eq!(shown.status(), 200);
        let shown = std::str::from_utf8(shown.body()).unwrap();
        assert!(
            shown.contains("10.00 EUR") && shown.contains("succeed") && shown.contains("fail"),
            "{shown}"
        );
        assert_eq!(page(&provider, Request::post(&url), "").status(), 400);
        assert_eq!(page(&provider, Request::post("/authenticate/nobody"), form).status(), 404);
        assert_eq!(page(&provider, Request::post(&url), form).status(), 200);
        ended(&provider, &path, succeeded);
        assert_eq!(page(&provider, Request::post(&url), form).status(), 409);
    }
}

#[test]
fn one_that_waits_can_be_cancelled_and_is_then_not_confirmed() {
    let (provider, _) = provider();
    let (path, secret) = waiting(&provider);
    let cancelled: Value = fine(post(&provider, &format!("{path}/cancel"), "cancel", ""));
    assert_eq!(cancelled["status"], "canceled");
    assert!(matches!(authenticate(&provider, &secret, "succeed"), Err(Error::Invalid { .. })));
    assert!(entries(&provider).is_empty());
}

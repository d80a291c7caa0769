//! What the provider tells of by itself, and how it is sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use roost::clock::{Clock, Instant};
use serde_json::{Value, json};

use super::connect::{onboard, opened, transfer};
use super::money::{fine, post, refused, taken};
use super::{ordered, run};
use crate::provider::webhooks::signature;
use crate::provider::{Provider, Sender, WEBHOOK_SECRET, Webhook, WebhookOrder};

pub(super) const NOW: i64 = 1_800_000_000;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> Instant {
        Instant::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub(super) fn provider() -> (Provider, Hands) {
    let hands = Hands(Arc::new(AtomicI64::new(NOW)));
    let read = hands.clone();
    (Provider::new(Clock::of(move || read.now())), hands)
}

pub(super) fn order(provider: &Provider, delay: i64, copies: i64, order: &str) {
    let order = WebhookOrder { delay_seconds: Some(delay), copies: Some(copies), order: Some(order.into()) };
    provider.order_webhooks(order).unwrap();
}

pub(super) fn event(webhook: &Webhook) -> Value {
    serde_json::from_slice(&webhook.body).unwrap()
}

/// What the webhooks that are due tell of.
pub(super) fn told(provider: &Provider) -> Vec<String> {
    provider.due_webhooks().iter().map(|due| event(due)["type"].as_str().unwrap().to_owned()).collect()
}

/// The path of an intent of another card, and how its confirmation ended.
pub(super) fn confirmed(provider: &Provider, card: &str) -> (String, u16) {
    let form = format!("amount=1000&currency=eur&capture_method=manual&payment_method={card}");
    let made = fine(post(provider, "/v1/payment_intents", card, &form));
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    let (status, _) = post(provider, &format!("{path}/confirm"), &path, "");
    (path, status)
}

#[test]
fn every_change_is_told_of_as_stripe_does() {
    let (provider, _) = provider();
    order(&provider, 0, 1, "in_order");
    let id = taken(&provider);
    let due = provider.due_webhooks();
    let first = event(&due[0]);
    assert!(first["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(first["data"]["object"]["id"], id);
    assert_eq!(first["data"]["object"]["status"], "requires_capture");
    assert_eq!(first["data"]["object"]["metadata"], json!({ "payment": "p" }));
    let mut rest = first.clone();
    rest.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "data");
    let expected = json!({
        "object": "event", "api_version": "2024-06-20", "created": NOW, "livemode": false,
        "pending_webhooks": 1, "type": "payment_intent.amount_capturable_updated",
    });
    assert_eq!(rest, expected);
    assert_eq!(event(&due[1])["type"], "payment_intent.succeeded");
    assert_eq!(due.len(), 2);

    fine(post(&provider, "/v1/refunds", "refund", &format!("payment_intent={id}&amount=200")));
    let refunded = event(&provider.due_webhooks()[0]);
    assert_eq!(refunded["type"], "charge.refunded");
    let charge = &refunded["data"]["object"];
    assert_eq!((&charge["object"], &charge["payment_intent"]), (&json!("charge"), &json!(id)));
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(200), &json!(false)));
    assert_eq!(charge["metadata"], json!({ "payment": "p" }));

    assert_eq!(confirmed(&provider, "pm_card_chargeDeclined").1, 402);
    assert_eq!(told(&provider), ["payment_intent.payment_failed"]);
    let (path, _) = confirmed(&provider, "pm_card_authenticationRequired");
    assert_eq!(told(&provider), ["payment_intent.requires_action"]);
    fine(post(&provider, &format!("{path}/cancel"), "cancel", ""));
    assert_eq!(told(&provider), ["payment_intent.canceled"]);
    let (path, _) = confirmed(&provider, "pm_card_visa");
    provider.inject(ordered("decline", 1)).unwrap();
    assert_eq!(
        refused(post(&provider, &format!("{path}/capture"), "x", "")),
        "402 charge_expired_for_capture"
    );
    assert_eq!(told(&provider), ["payment_intent.amount_capturable_updated", "payment_intent.canceled"]);

    let account = opened(&provider);
    assert!(told(&provider).is_empty());
    onboard(&provider, &account);
    assert_eq!(told(&provider), ["account.updated"]);
    // Twice under a key is one transfer, and one event.
    for _ in 0..2 {
        fine(transfer(&provider, &account, "transfer", ""));
    }
    assert_eq!(told(&provider), ["transfer.created"]);
    assert_eq!(provider.webhooks_waiting(), 0);
}

#[test]
fn the_signature_is_of_the_time_and_the_body() {
    // Computed by another program.
    let expected = "t=1800000000,v1=dde1df1ecf0e03d52944ec522d39f97e93e328990cc466928fd2f7ff3f3b43c1";
    let now = Instant::from_second(NOW).unwrap();
    assert_eq!(signature(br#"{"id":"evt_1"}"#, now), expected);

    let (provider, hands) = provider();
    taken(&provider);
    hands.forward(5);
    for Webhook { body, signature, .. } in provider.due_webhooks() {
        let secrets = [WEBHOOK_SECRET.to_owned()];
        let read = roost::psp::stripe::webhook::read(&secrets, &signature, &body, hands.now());
        assert!(read.is_ok(), "the product takes it: {read:?}");
        assert!(signature.starts_with(&format!("t={},v1=", NOW + 5)), "{signature}");
    }
}

#[test]
fn webhooks_come_late_more_than_once_and_in_another_order_as_they_are_told_to() {
    const HELD: &str = "payment_intent.amount_capturable_updated";
    const TAKEN: &str = "payment_intent.succeeded";
    // Without an order.
    let (provider, hands) = provider();
    taken(&provider);
    assert_eq!((provider.webhooks_waiting(), told(&provider).len()), (2, 0));
    hands.forward(1);
    assert_eq!(told(&provider), [HELD, TAKEN]);
    assert_eq!((provider.webhooks_waiting(), told(&provider).len()), (0, 0));

    let (provider, hands) = self::provider();
    order(&provider, 60, 2, "reversed");
    taken(&provider);
    hands.forward(59);
    assert_eq!((provider.webhooks_waiting(), told(&provider).len()), (4, 0));
    hands.forward(1);
    let due = provider.due_webhooks();
    let kinds: Vec<Value> = due.iter().map(|due| event(due)["type"].clone()).collect();
    assert_eq!(kinds, [TAKEN, TAKEN, HELD, HELD]);
    assert_eq!(due[0], due[1], "copies are of one event");

    let (provider, _) = self::provider();
    order(&provider, 0, 10, "random");
    taken(&provider);
    let mut kinds = told(&provider);
    kinds.sort_unstable();
    assert_eq!(kinds, [[HELD; 10], [TAKEN; 10]].concat());

    let (provider, _) = self::provider();
    order(&provider, 0, 0, "in_order");
    taken(&provider);
    assert_eq!(provider.webhooks_waiting(), 0);
}

#[test]
fn a_webhook_that_is_not_taken_comes_again_twenty_times() {
    let (provider, hands) = provider();
    assert_eq!(confirmed(&provider, "pm_card_visa").1, 200);
    hands.forward(1);
    let first = provider.due_webhooks().pop().unwrap();
    let mut last = first.clone();
    for time in 1..=20 {
        provider.again(last);
        hands.forward(59);
        assert!(provider.due_webhooks().is_empty());
        hands.forward(1);
        last = provider.due_webhooks().pop().unwrap();
        assert_eq!(last.body, first.body);
        assert_eq!(last.signature, signature(&first.body, hands.now()), "{time}");
    }
    provider.again(last);
    assert_eq!(provider.webhooks_waiting(), 0);
}

#[test]
fn a_wrong_order_for_webhooks_is_refused_field_by_field() {
    let (provider, _) = provider();
    for number in [-1, 86_401] {
        let order =
            WebhookOrder { delay_seconds: Some(number), copies: Some(number), order: Some("sorted".into()) };
        match provider.order_webhooks(order) {
            Err(roost::error::Error::Invalid { fields, .. }) => {
                let pointers: Vec<_> = fields.iter().map(|field| field.pointer.as_str()).collect();
                assert_eq!(pointers, ["/delaySeconds", "/copies", "/order"]);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(serde_json::from_str::<WebhookOrder>(r#"{"delay":1}"#).is_err());
    provider.order_webhooks(serde_json::from_str(r#"{"delaySeconds":0}"#).unwrap()).unwrap();
    taken(&provider);
    assert_eq!(told(&provider).len(), 2);
}

/// Answers from a list, with a status or not at all, and keeps the requests.
#[derive(Clone, Debug)]
struct Product(Arc<Mutex<Met>>);

/// The answers still to give, and the requests that came.
type Met = (VecDeque<Option<u16>>, Vec<HttpRequest>);

impl HttpConnector for Product {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut product = self.0.lock().unwrap();
        product.1.push(request);
        HttpConnectorFuture::ready(match product.0.pop_front().expect("an answer is left") {
            Some(status) => Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())),
            None => Err(ConnectorError::io("connection closed".into())),
        })
    }
}

#[test]
fn what_the_product_has_not_taken_is_sent_to_it_again() {
    let (provider, hands) = provider();
    order(&provider, 0, 4, "in_order");
    assert_eq!(confirmed(&provider, "pm_card_visa").1, 200);
    let statuses = [Some(500), None, Some(404), Some(200), Some(400), Some(204)];
    let product = Product(Arc::new(Mutex::new((statuses.into_iter().collect(), Vec::new()))));
    let sender = Sender::new(&provider, SharedHttpConnector::new(product.clone()), "http://stack.test");
    assert_eq!(run(sender.send_due()), 4);
    assert_eq!(provider.webhooks_waiting(), 2);
    assert_eq!(run(sender.send_due()), 0);
    hands.forward(60);
    assert_eq!(run(sender.send_due()), 2);
    assert_eq!(provider.webhooks_waiting(), 1);

    let sent = std::mem::take(&mut product.0.lock().unwrap().1);
    let last = sent.last().unwrap();
    assert_eq!((last.method(), last.uri()), ("POST", "http://stack.test/v1/webhooks/stripe"));
    let body = last.body().bytes().unwrap();
    assert_eq!(last.headers().get("content-type"), Some("application/json"));
    assert_eq!(last.headers().get("stripe-signature"), Some(signature(body, hands.now()).as_str()));
    assert_eq!(sent[0].body().bytes(), Some(body));
}

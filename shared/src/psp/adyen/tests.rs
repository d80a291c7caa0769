//! The bytes on the wire, against scripted answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

use super::*;
use crate::clock::Instant;
use crate::ids::{BookingId, PaymentId, UserId};
use crate::money::Currency;

/// Answers from a list and keeps the requests.
#[derive(Clone, Debug)]
struct Script(Arc<Mutex<(VecDeque<Scripted>, Vec<HttpRequest>)>>);

/// Status and body.
type Scripted = (u16, &'static str);

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut script = self.0.lock().unwrap();
        script.1.push(request);
        let (status, body) = script.0.pop_front().expect("the script has an answer");
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(response))
    }
}

const NOW: i64 = 1_800_000_000;
const HELD: Scripted = (200, r#"{"pspReference":"993617895204576J","resultCode":"Authorised"}"#);
const TAKEN_ON: Scripted = (201, r#"{"pspReference":"993617894906488A","status":"received"}"#);

fn scripted(answers: &[Scripted]) -> (Adyen, Script) {
    let script = Script(Arc::new(Mutex::new((answers.iter().copied().collect(), Vec::new()))));
    let config = Config::from(|name| match name {
        "ROOST_SECRET" => Some("s".repeat(32)),
        "ROOST_ADYEN_URL" => Some("http://adyen.test/".into()),
        "ROOST_ADYEN_KEY" => Some("key".into()),
        "ROOST_ADYEN_MERCHANT" => Some("Roost".into()),
        _ => None,
    });
    // Pauses are drawn below a bound from eight bytes: zeros make them none.
    let entropy = Entropy::of(|bytes| bytes.fill(0));
    let clock = Clock::of(|| Instant::from_second(NOW).unwrap());
    let connector = SharedHttpConnector::new(script.clone());
    (Adyen::new(&config.unwrap(), connector, &clock, &entropy).unwrap(), script)
}

fn order() -> PaymentOrder {
    PaymentOrder {
        began: Instant::from_second(NOW).unwrap(),
        payment: PaymentId::from_bits(1),
        booking: BookingId::from_bits(2),
        guest: UserId::from_bits(7),
        amount: Money { amount: 94_500, currency: Currency::of("USD").unwrap() },
        method: "8415718415718415".into(),
        guest_is_there: true,
        keeps_card: false,
        card_of: None,
        reference: None,
    }
}

fn sent(script: &Script) -> Vec<(String, String, String)> {
    let header = |request: &HttpRequest, name| request.headers().get(name).unwrap().to_owned();
    let told = |request: &HttpRequest| {
        let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap().to_owned();
        assert_eq!((request.method(), header(request, "x-api-key").as_str()), ("POST", "key"));
        (request.uri().to_owned(), header(request, "idempotency-key"), body)
    };
    script.0.lock().unwrap().1.iter().map(told).collect()
}

#[tokio::test]
async fn a_payment_is_asked_for_again_under_its_key() {
    let (adyen, script) = scripted(&[HELD, HELD]);
    let held = Authorization::Held { reference: "993617895204576J".into(), capture_before: None };
    assert_eq!(adyen.authorize(&order()).await, held);
    assert_eq!(adyen.settle(&order()).await, held);
    let sent = sent(&script);
    assert_eq!(sent[0], sent[1]);
    let (uri, key, body) = &sent[0];
    assert_eq!(uri, "http://adyen.test/v71/payments");
    assert_eq!(key, "pyt_0000000000000000000001:create");
    let expected = serde_json::json!({
        "merchantAccount": "Roost",
        "amount": { "value": 94_500, "currency": "USD" },
        "reference": "pyt_0000000000000000000001",
        "paymentMethod": { "type": "scheme", "storedPaymentMethodId": "8415718415718415" },
        "shopperReference": "usr_0000000000000000000007",
        "shopperInteraction": "ContAuth",
        "recurringProcessingModel": "CardOnFile",
        "additionalData": { "manualCapture": "true" },
        "metadata": {
            "booking": "bkg_0000000000000000000002",
            "payment": "pyt_0000000000000000000001",
        },
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn a_change_is_done_once_it_is_taken_on() {
    let known = PaymentOrder { reference: Some("993617895204576J".into()), ..order() };
    let (adyen, script) = scripted(&[TAKEN_ON, TAKEN_ON, TAKEN_ON]);
    let taken = Taken { reference: "993617895204576J".into(), amount: known.amount, fee: 0 };
    assert_eq!(adyen.capture(&known, known.amount).await, Capture::Taken(taken));
    assert_eq!(adyen.void(&known).await, Void::Done);
    assert_eq!(adyen.refund(&known, known.amount, 3).await, Refund::Done);
    let payment = "http://adyen.test/v71/payments/993617895204576J";
    let id = "pyt_0000000000000000000001";
    let sent = sent(&script);
    for (index, path, key) in
        [(0, "captures", "capture:94500"), (1, "reversals", "void"), (2, "refunds", "refund:3")]
    {
        assert_eq!(sent[index].0, format!("{payment}/{path}"));
        assert_eq!(sent[index].1, format!("{id}:{key}"));
    }
    let reference = format!(r#""reference":"{id}:refund:3:bkg_0000000000000000000002""#);
    assert!(sent[2].2.contains(&reference));
}

#[tokio::test]
async fn a_refusal_is_an_operators_and_silence_is_not_known() {
    let known = PaymentOrder { reference: Some("993617895204576J".into()), ..order() };
    let wrong = r#"{"status":422,"errorCode":"167","message":"Original pspReference required"}"#;
    let (adyen, _) = scripted(&[(422, wrong), (422, wrong), (422, wrong), (500, ""), (500, ""), (500, "")]);
    assert!(matches!(adyen.capture(&known, known.amount).await, Capture::Refused { .. }));
    assert!(matches!(adyen.void(&known).await, Void::Refused { .. }));
    assert!(matches!(adyen.refund(&known, known.amount, 1).await, Refund::Refused { .. }));
    assert!(matches!(adyen.refund(&known, known.amount, 1).await, Refund::Unknown { .. }));
    let (adyen, _) = scripted(&[(503, ""), (503, ""), (503, ""), (503, ""), (503, ""), (503, "")]);
    assert!(matches!(adyen.authorize(&order()).await, Authorization::Unreached { .. }));
    assert!(matches!(adyen.settle(&order()).await, Authorization::Unknown { .. }));
}

#[tokio::test]
async fn a_hold_of_which_nothing_is_left_has_lapsed_while_its_keys_are_known() {
    let known = PaymentOrder { reference: Some("993617895204576J".into()), ..order() };
    let nothing_left = r#"{"status":422,"errorCode":"137","message":"Insufficient balance on payment"}"#;
    let (adyen, _) = scripted(&[(422, nothing_left), (422, nothing_left)]);
    assert_eq!(adyen.capture(&known, known.amount).await, Capture::Gone);
    // Later it may as well be that a capture was made, and its answer lost.
    let old = PaymentOrder { began: Instant::from_second(NOW - 7 * 86_400).unwrap(), ..known };
    assert!(matches!(adyen.capture(&old, old.amount).await, Capture::Refused { .. }));
}

#[tokio::test]
async fn what_no_key_tells_of_any_more_is_cancelled() {
    let began = Instant::from_second(NOW - 7 * 86_400).unwrap();
    let (adyen, script) = scripted(&[TAKEN_ON]);
    assert_eq!(adyen.settle(&PaymentOrder { began, ..order() }).await, Authorization::Nothing);
    let (uri, _, body) = &sent(&script)[0];
    assert_eq!(uri, "http://adyen.test/v71/cancels");
    assert!(body.contains(r#""paymentReference":"pyt_0000000000000000000001""#));
}

#[tokio::test]
async fn a_hold_without_a_name_is_found_and_given_back() {
    let (adyen, script) = scripted(&[HELD, TAKEN_ON]);
    assert_eq!(adyen.void(&order()).await, Void::Done);
    assert!(sent(&script)[1].0.ends_with("/993617895204576J/reversals"));
    let refused = (200, r#"{"pspReference":"993617895204576J","resultCode":"Refused"}"#);
    let (adyen, _) = scripted(&[refused]);
    assert_eq!(adyen.void(&order()).await, Void::Done);
}

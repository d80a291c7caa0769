//! The real Stripe adapter against the local provider, over a wire that fails in every way there is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use roost::config::Config;
use roost::entropy::Entropy;
use roost::ids::{BookingId, PaymentId};
use roost::money::{Currency, Money};
use roost::payment::{Authorization, PaymentOrder, PaymentProvider as _, Void};
use roost::psp::stripe::Stripe;
use tokio::sync::Notify;

use super::*;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Fine,
    /// The request is lost.
    LostBefore,
    /// The answer is lost.
    LostAfter,
    /// The answer never comes, and the request arrives only after the caller has given up.
    Late,
    /// The caller's process ends before the request is sent, or once it has arrived.
    CrashBefore,
    CrashAfter,
    /// The provider's front is broken, before or after the work; nothing is stored for it.
    BrokenBefore,
    BrokenAfter,
    /// The key is in use.
    Busy,
    /// The provider's own faults.
    Error500,
    Decline,
    RateLimited,
    Down,
}

/// Brings requests to the provider as planned; once the plan is at its end, all is well.
#[derive(Clone, Debug)]
struct Wire {
    provider: Provider,
    plan: Arc<Mutex<VecDeque<Fate>>>,
    late: Arc<Mutex<Vec<Request<Bytes>>>>,
    crash: Arc<Notify>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().unwrap().map(|body| {
                Bytes::copy_from_slice(body.bytes().expect("the adapter's bodies are in memory"))
            });
            wire.brought(request).await
        })
    }
}

impl Wire {
    fn new(provider: Provider, plan: &[Fate]) -> Self {
        let plan = Arc::new(Mutex::new(plan.iter().copied().collect()));
        Self { provider, plan, late: Arc::default(), crash: Arc::default() }
    }

    async fn brought(&self, request: Request<Bytes>) -> Result<HttpResponse, ConnectorError> {
        let fate = self.plan.lock().unwrap().pop_front().unwrap_or(Fate::Fine);
        let lost = || Err(ConnectorError::io("connection closed".into()));
        let bare = |status: u16| Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::empty()));
        let fault = match fate {
            Fate::Error500 => Some("error500"),
            Fate::Decline => Some("decline"),
            Fate::RateLimited => Some("rate_limited"),
            Fate::Down => Some("down"),
            Fate::LostBefore => Some("timeout_before"),
            Fate::LostAfter => Some("timeout_after"),
            _ => None,
        };
        match fate {
            Fate::Late => {
                self.late.lock().unwrap().push(request);
                return lost();
            }
            Fate::CrashBefore => self.crashed().await,
            Fate::BrokenBefore => return bare(502),
            Fate::Busy => return bare(409),
            _ => {}
        }
        if let Some(fault) = fault {
            self.provider.inject(ordered(fault, 1)).unwrap();
        }
        let answer = self.provider.answer(request).await;
        if fault.is_some() {
            self.provider.clear_faults();
        }
        match fate {
            Fate::CrashAfter => self.crashed().await,
            Fate::BrokenAfter => return bare(502),
            _ => {}
        }
        match answer {
            Some(answer) => Ok(answer.map(SdkBody::from).try_into().unwrap()),
            None => lost(),
        }
    }

    /// Never returns: the process is gone.
    async fn crashed(&self) {
        self.crash.notify_one();
        std::future::pending::<()>().await;
    }

    /// What the process got to know before it ended, if it did; then the stragglers arrive.
    async fn lived<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let known = tokio::select! {
            known = work => Some(known),
            () = self.crash.notified() => None,
        };
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for request in late {
            let _ = self.provider.answer(request).await;
        }
        known
    }

    /// How often money was held, and how often given back.
    fn moved(&self) -> (usize, usize) {
        let ledger = self.provider.ledger();
        let count = |operation| {
            let done = |entry: &&serde_json::Value| {
                entry["operation"] == operation && entry["status"] == "succeeded"
            };
            ledger["entries"].as_array().unwrap().iter().filter(done).count()
        };
        (count("authorize"), count("void"))
    }
}

fn ordered(fault: &str, times: i64) -> FaultOrder {
    FaultOrder { provider: None, operation: None, fault: fault.into(), times }
}

fn adapter(wire: &Wire) -> Stripe {
    let config = Config::from(|name| match name {
        "ROOST_SECRET" => Some("s".repeat(32)),
        "ROOST_STRIPE_URL" => Some("http://stripe.test".into()),
        "ROOST_STRIPE_KEY" => Some("sk_test_1".into()),
        _ => None,
    });
    // Pauses are drawn from eight bytes: zeros make them none, and the test fast.
    let entropy = Entropy::of(|bytes| match bytes.len() {
        8 => bytes.fill(0),
        _ => bytes.iter_mut().for_each(|byte| *byte = Entropy::system().bytes::<1>()[0]),
    });
    let connector = SharedHttpConnector::new(wire.clone());
    Stripe::new(&config.unwrap(), connector, &Clock::system(), &entropy).unwrap()
}

fn order(method: &str) -> PaymentOrder {
    PaymentOrder {
        payment: PaymentId::from_bits(7),
        booking: BookingId::from_bits(8),
        amount: Money { amount: 50_000, currency: Currency::of("EUR").unwrap() },
        method: method.into(),
        reference: None,
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

/// Faults come in bursts, as they do in life: that is what outlasts the adapter's tries.
fn any_plan() -> impl Strategy<Value = Vec<Fate>> {
    use Fate::*;
    let faults = vec![
        LostBefore,
        LostAfter,
        Late,
        CrashBefore,
        CrashAfter,
        BrokenBefore,
        BrokenAfter,
        Busy,
        Error500,
        Decline,
        RateLimited,
        Down,
    ];
    let fate = prop_oneof![2 => Just(Fine), 3 => prop::sample::select(faults)];
    let bursts = prop::collection::vec((fate, 1..=4_usize), 0..16);
    bursts.prop_map(|bursts| bursts.into_iter().flat_map(|(fate, times)| vec![fate; times]).collect())
}

/// How an attempt ends that is asked about until it is known, with a card that is good or is not.
async fn lives(wire: &Wire, method: &str) -> Result<(), TestCaseError> {
    let (stripe, mut order) = (adapter(wire), order(method));
    let mut end = wire.lived(stripe.authorize(&order)).await;
    let mut asked = 0;
    while matches!(end, None | Some(Authorization::Unknown { .. })) {
        asked += 1;
        prop_assert!(asked < 200, "it never becomes known");
        // A function that ended is called again; after a while the recovery asks instead.
        end = match asked {
            1 if end.is_none() => wire.lived(stripe.authorize(&order)).await,
            _ => wire.lived(stripe.settle(&order)).await,
        };
    }
    let end = end.expect("the loop ends with an outcome");
    let held = matches!(end, Authorization::Held { .. });
    let (holds, voids) = wire.moved();
    prop_assert!(holds <= 1, "{holds} holds");
    prop_assert_eq!(holds - voids, usize::from(held), "{:?} against the book", end);
    prop_assert!(!held || method == "pm_card_visa");

    // Final is final: whoever asks again gets the same.
    loop {
        match wire.lived(stripe.settle(&order)).await {
            None | Some(Authorization::Unknown { .. }) => {}
            Some(again) => {
                prop_assert_eq!(
                    matches!(again, Authorization::Held { .. }),
                    held,
                    "{:?} then {:?}",
                    end,
                    again
                );
                break;
            }
        }
    }
    let (holds, voids) = wire.moved();
    prop_assert_eq!(holds - voids, usize::from(held));

    if let Authorization::Held { reference, .. } = end {
        order.reference = Some(reference);
    }
    while wire.lived(stripe.void(&order)).await != Some(Void::Done) {}
    // What was given back is not held again, not even by an authorization that comes late.
    while wire.lived(stripe.authorize(&order)).await.is_none() {}
    prop_assert_eq!(wire.moved(), (holds, holds));
    wire.plan.lock().unwrap().clear();
    let after = stripe.authorize(&order).await;
    prop_assert!(!matches!(after, Authorization::Held { .. }), "{after:?} after it was given back");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_attempt_is_charged_once_or_not_at_all_and_the_adapter_knows_which(
        plan in any_plan(),
        method in prop::sample::select(vec![
            "pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined",
            "pm_card_authenticationRequired", "pm_nobody",
        ]),
    ) {
        run(lives(&Wire::new(Provider::new(Clock::system()), &plan), method))?;
    }
}

/// Sequences that chance seldom finds, each the end of some adapter that was nearly right.
#[test]
fn the_rarest_sequences_end_well_too() {
    use Fate::*;
    let plans: [&[Fate]; 4] = [
        // The confirmation arrives after the cancellation was given up.
        &[Fine, Late, Late, Late, Fine, LostBefore, LostBefore, LostBefore],
        // The confirmation and the cancellation both arrive after everybody has given up.
        &[Fine, Late, Late, Late, Fine, Late, Late, Late, LostBefore, LostBefore, LostBefore],
        // The create fails and stores it, twice; the confirmation works and nobody hears.
        &[Error500, Fine, Error500, Fine, Fine, CrashAfter],
        // The confirmation fails and stores it as often as it is tried.
        &[Fine, Error500, Fine, Error500, Fine, Error500, Fine, Error500],
    ];
    for plan in plans {
        run(lives(&Wire::new(Provider::new(Clock::system()), plan), "pm_card_visa"))
            .unwrap_or_else(|why| panic!("{plan:?}: {why}"));
    }
}

#[test]
fn without_faults_each_card_ends_as_it_should_in_the_fewest_calls() {
    for (method, declined_for_authentication, entries) in [
        ("pm_card_visa", None, 1),
        ("pm_card_chargeDeclined", Some(false), 1),
        ("pm_card_authenticationRequired", Some(true), 0),
        ("pm_nobody", Some(false), 0),
    ] {
        let provider = Provider::new(Clock::system());
        let wire = Wire::new(provider.clone(), &[]);
        match (run(adapter(&wire).authorize(&order(method))), declined_for_authentication) {
            (Authorization::Held { .. }, None) => {}
            (Authorization::Declined { authentication_required, .. }, Some(expected)) => {
                assert_eq!(authentication_required, expected, "{method}");
            }
            (other, _) => panic!("{method}: {other:?}"),
        }
        assert_eq!(provider.ledger()["entries"].as_array().unwrap().len(), entries, "{method}");
    }
}

#[test]
fn one_fault_of_each_kind_is_got_over_within_the_call() {
    for fault in ["error500", "timeout_before", "timeout_after", "rate_limited", "down"] {
        for operation in [None, Some("authorize".to_owned())] {
            let wire = Wire::new(Provider::new(Clock::system()), &[]);
            wire.provider.inject(FaultOrder { operation: operation.clone(), ..ordered(fault, 1) }).unwrap();
            let end = run(adapter(&wire).authorize(&order("pm_card_visa")));
            assert!(matches!(end, Authorization::Held { .. }), "{fault} {operation:?}: {end:?}");
            assert_eq!(wire.moved(), (1, 0));
        }
    }
    let wire = Wire::new(Provider::new(Clock::system()), &[]);
    wire.provider.inject(ordered("decline", 1)).unwrap();
    let end = run(adapter(&wire).authorize(&order("pm_card_visa")));
    assert!(matches!(end, Authorization::Declined { authentication_required: false, .. }), "{end:?}");
}

#[test]
fn while_the_provider_is_down_nothing_is_known_and_nothing_charged() {
    let wire = Wire::new(Provider::new(Clock::system()), &[]);
    wire.provider.inject(ordered("down", 1_000)).unwrap();
    let stripe = adapter(&wire);
    assert!(matches!(run(stripe.authorize(&order("pm_card_visa"))), Authorization::Unknown { .. }));
    assert!(matches!(run(stripe.settle(&order("pm_card_visa"))), Authorization::Unknown { .. }));
    wire.provider.clear_faults();
    assert_eq!(run(stripe.settle(&order("pm_card_visa"))), Authorization::Nothing);
    assert_eq!(wire.moved(), (0, 0));
}

#[test]
fn the_book_outlives_the_process_even_one_that_ended_in_the_middle_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("payments.jsonl");
    let open = || Provider::open(Clock::system(), Some(file.clone())).unwrap();
    let wire = Wire::new(open(), &[]);
    let held = run(adapter(&wire).authorize(&order("pm_card_visa")));
    let ledger = wire.provider.ledger();
    assert_eq!(ledger["entries"][0]["id"], order("").payment.to_string());
    assert_eq!(ledger["entries"][0]["bookingId"], order("").booking.to_string());
    assert_eq!(ledger["entries"][0]["amount"], serde_json::json!({ "amount": 50_000, "currency": "EUR" }));
    drop(wire);

    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_slice(br#"{"entry":{"prov"#);
    std::fs::write(&file, bytes).unwrap();
    let wire = Wire::new(open(), &[]);
    assert_eq!(wire.provider.ledger(), ledger);
    assert_eq!(run(adapter(&wire).settle(&order("pm_card_visa"))), held);
    assert_eq!(run(adapter(&wire).void(&order("pm_card_visa"))), Void::Done);
    drop(wire);
    assert_eq!(Wire::new(open(), &[]).moved(), (1, 1));
}

#[test]
fn a_key_gives_its_first_answer_again_and_only_to_the_same_request() {
    let provider = Provider::new(Clock::system());
    let post = |form: &'static str, signed: bool| {
        let mut request = Request::post("/v1/payment_intents").header("Idempotency-Key", "k");
        if signed {
            request = request.header("Authorization", "Bearer sk_test_1");
        }
        run(provider.answer(request.body(Bytes::from(form)).unwrap())).unwrap()
    };
    let form = "amount=500&currency=eur&capture_method=manual&payment_method=pm_card_visa";
    assert_eq!(post(form, false).status(), 401);
    provider.inject(ordered("error500", 1)).unwrap();
    let first = post(form, true);
    assert_eq!((first.status().as_u16(), first.headers().get("idempotent-replayed")), (500, None));
    let again = post(form, true);
    assert_eq!((again.status().as_u16(), again.body()), (500, first.body()));
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let other = post("amount=501&currency=eur&capture_method=manual&payment_method=pm_card_visa", true);
    assert_eq!(other.status(), 400);
    assert!(std::str::from_utf8(other.body()).unwrap().contains("idempotency_error"));
}

#[test]
fn a_wrong_order_for_faults_is_refused_field_by_field() {
    let order = FaultOrder {
        provider: Some("paypal".into()),
        operation: Some("pay".into()),
        fault: "explode".into(),
        times: 0,
    };
    match Provider::new(Clock::system()).inject(order) {
        Err(roost::error::Error::Invalid { fields, .. }) => {
            let pointers: Vec<_> = fields.iter().map(|field| field.pointer.as_str()).collect();
            assert_eq!(pointers, ["/provider", "/operation", "/fault", "/times"]);
        }
        other => panic!("{other:?}"),
    }
}

const REFUNDS: &str = "/v1/refunds";

/// The provider's answer to a request that nothing stands in the way of: its status and its body.
type Answered = (u16, serde_json::Value);

fn answered(provider: &Provider, request: http::request::Builder, form: &str) -> Option<Answered> {
    let request = request.header("Authorization", "Bearer sk_test_1");
    let request = request.body(Bytes::copy_from_slice(form.as_bytes())).unwrap();
    let answer = run(provider.answer(request))?;
    Some((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap()))
}

fn get(provider: &Provider, path: &str) -> serde_json::Value {
    answered(provider, Request::get(path), "").unwrap().1
}

fn post(provider: &Provider, path: &str, key: &str, form: &str) -> Answered {
    answered(provider, Request::post(path).header("Idempotency-Key", key), form).unwrap()
}

fn fine((status, body): Answered) -> serde_json::Value {
    assert_eq!(status, 200, "{body}");
    body
}

/// A refusal's status and code.
fn refused((status, body): Answered) -> String {
    format!("{status} {}", body["error"]["code"].as_str().unwrap_or_default())
}

/// The path of an intent that holds ten euros.
fn held(provider: &Provider) -> String {
    let form =
        "amount=1000&currency=eur&capture_method=manual&metadata[payment]=p&payment_method=pm_card_visa";
    let made = fine(post(provider, "/v1/payment_intents", "create", form));
    assert!(made["latest_charge"].is_null());
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    let held = fine(post(provider, &format!("{path}/confirm"), "confirm", ""));
    assert_eq!(held["amount_capturable"], 1_000);
    path
}

/// The id of an intent of ten euros, of which six were taken.
fn taken(provider: &Provider) -> String {
    let capture = format!("{}/capture", held(provider));
    let taken = fine(post(provider, &capture, "capture", "amount_to_capture=600"));
    taken["id"].as_str().unwrap().to_owned()
}

/// The book in short.
fn entries(provider: &Provider) -> Vec<String> {
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
    assert_eq!(refused(cancel()), "400 intent_cancel_refused");
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
}

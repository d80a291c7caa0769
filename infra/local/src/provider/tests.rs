//! The real Stripe adapter against the local provider, over a wire that fails in every way there is.

mod adyen;
mod authentication;
mod connect;
mod customers;
mod disputes;
mod money;
mod webhooks;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use roost::config::Config;
use roost::entropy::Entropy;
use roost::ids::{BookingId, PaymentId, UserId};
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
        began: Clock::system().now(),
        payment: PaymentId::from_bits(7),
        booking: BookingId::from_bits(8),
        guest: UserId::from_bits(7),
        amount: Money { amount: 50_000, currency: Currency::of("EUR").unwrap() },
        method: method.into(),
        guest_is_there: false,
        keeps_card: false,
        card_of: None,
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
    assert!(matches!(run(stripe.authorize(&order("pm_card_visa"))), Authorization::Unreached { .. }));
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

//! The bus by itself: who is handed what, how often, and what becomes of what fails.

use std::sync::atomic::{AtomicU32, Ordering};

use roost::error::Error;

use super::*;
use crate::template::Pattern;

static FLAKY: AtomicU32 = AtomicU32::new(0);
static HANDLED: AtomicU32 = AtomicU32::new(0);

/// Poison fails for ever, what is flaky once.
const LISTENER: Listener = Listener {
    name: "listener",
    handle: |_, event| {
        Box::pin(async move {
            let times = if event.detail["flaky"] == true { FLAKY.fetch_add(1, Ordering::SeqCst) } else { 1 };
            if event.detail["poison"] == true || times == 0 {
                return Err(Error::unavailable("not now"));
            }
            HANDLED.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_ends_in_the_failure_queue_and_stops_no_other() {
    let clock = Clock::system();
    let (bus, dispatcher) = Bus::new(clock.clone(), &["EventBus".to_owned()]);
    let config = roost::config::Config::from(|name| {
        (name == "ROOST_SECRET").then(|| "a secret of at least thirty-two characters".to_owned())
    });
    let http = aws_smithy_http_client::Connector::builder().build_http();
    let connector = aws_smithy_runtime_api::client::http::SharedHttpConnector::new(http);
    let app = App::new(config.unwrap(), clock, roost::entropy::Entropy::system(), connector);
    let pattern = json!({"source": ["roost"], "detail-type": ["thing.done"]});
    let rule = Rule {
        bus: "EventBus".into(),
        pattern: Pattern::read(&pattern, &|_| None).unwrap(),
        failures: Some("Undelivered".into()),
    };
    let failures = Some("Failures".into());
    let running = tokio::spawn(dispatcher.run(
        vec![Listening { listener: LISTENER, app, rule, retries: 2, failures }],
        Duration::from_millis(1),
    ));
    let entry = |bus: &str, kind: &str, detail: Value| json!({"Source": "roost", "DetailType": kind, "Detail": detail.to_string(), "EventBusName": bus});
    let entries = [
        entry("EventBus", "thing.done", json!({"poison": true})),
        entry("EventBus", "thing.done", json!({"flaky": true})),
        entry("EventBus", "thing.done", json!({})),
        entry("EventBus", "thing.undone", json!({"poison": true})),
        entry("default", "thing.done", json!({"poison": true})),
        entry("Nowhere", "thing.done", json!({})),
        json!({"Source": "roost", "DetailType": "thing.done", "Detail": "not JSON", "EventBusName": "EventBus"}),
    ];
    let put = bus.answer("AWSEvents.PutEvents", json!({"Entries": entries}).to_string().as_bytes());
    let put: Value = serde_json::from_str(&put.body).unwrap();
    assert_eq!(put["FailedEntryCount"], 2, "{put}");
    assert_eq!(put["Entries"][5]["ErrorCode"], "ResourceNotFoundException");
    assert_eq!(put["Entries"][6]["ErrorCode"], "MalformedDetail");
    bus.idle().await;
    assert_eq!(HANDLED.load(Ordering::SeqCst), 2, "the flaky one at its second try, and the sound one");
    let failures = bus.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!((failures[0].queue.as_str(), failures[0].tries), ("Failures", 3));
    assert_eq!(failures[0].event["detail"]["poison"], true);
    assert_eq!(bus.published(Some("thing.done")).len(), 4);
    assert_eq!(bus.published(None)[0].kind, "thing.done");
    running.abort();
}

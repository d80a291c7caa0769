//! The whole product in this process, on a port of the loopback address.

mod start;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use roost::app::App;
use roost::error::Result;
use tokio::task::AbortHandle;

use crate::buckets::Buckets;
use crate::bus::Bus;
use crate::clock::LocalClock;
use crate::engine::Engine;
use crate::environment::Environment;
use crate::failures::{self, Replayed};
use crate::faults::{Faults, StreamFaults};
use crate::mailbox::Mailbox;
use crate::meter::Meter;
use crate::provider::{Provider, Sender};
use crate::router::Router;
use crate::saved::Saved;
use crate::schedules::Scheduled;
use crate::search::{Choice, INDEXER, Search};
use crate::streams::{self, Progress};
use crate::template::Template;

/// How many rounds a drain makes of streams, events and webhooks: more than any chain of functions that
/// cause each other's work.
const LONGEST_CHAIN: usize = 16;

/// How a stack is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port; 0 takes a free one.
    pub port: u16,
    /// A folder that keeps the data; without one it is gone at the end.
    pub data: Option<PathBuf>,
    /// Keeps the data in memory rather than in a file. For tests.
    pub memory: bool,
    /// The search index.
    pub search: Choice,
    /// Who hears how the search index comes on.
    pub tell: Option<fn(&str)>,
    /// Starts scheduled functions by themselves at their times.
    pub schedules: bool,
    /// Tries what failed again at once rather than in a moment. For tests.
    pub impatient: bool,
    /// The template; the workspace's unless given.
    pub template: Option<PathBuf>,
}

/// A running stack. It ends when the value that [`Stack::start`] gave is dropped.
#[derive(Debug)]
pub struct Stack {
    parts: Arc<Parts>,
    /// What ends with this value; empty in the server's own copy.
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
struct Parts {
    url: String,
    clock: LocalClock,
    engine: Engine,
    bus: Bus,
    buckets: Buckets,
    search: Search,
    /// The way to the search server, for functions in processes of their own.
    outside: SharedHttpConnector,
    mailbox: Mailbox,
    stream_faults: Arc<StreamFaults>,
    provider: Provider,
    sender: Arc<Sender>,
    template: Template,
    environment: Environment,
    router: Router,
    app: App,
    apps: HashMap<String, App>,
    schedules: Vec<Scheduled>,
    readers: Vec<Progress>,
    saved: Arc<Saved>,
    /// Removed with everything in it when the last part is gone.
    _folder: Option<tempfile::TempDir>,
}

impl Stack {
    /// Starts everything; the stack answers when this returns. Needs a tokio runtime.
    ///
    /// # Errors
    /// Sentences for the developer: a port in use, a template that the code does not match, data
    /// that cannot be opened.
    pub async fn start(options: Options) -> std::result::Result<Self, String> {
        start::start(options).await
    }

    /// Where it answers, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.parts.url.clone()
    }

    /// The product's parts with every setting at hand: for what stands beside the functions.
    #[must_use]
    pub fn app(&self) -> App {
        self.parts.app.clone()
    }

    /// The clock that every function reads.
    #[must_use]
    pub fn clock(&self) -> &LocalClock {
        &self.parts.clock
    }

    /// Which calls of the store fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.parts.engine.faults()
    }

    /// Which records of streams go astray.
    #[must_use]
    pub fn stream_faults(&self) -> &StreamFaults {
        &self.parts.stream_faults
    }

    /// The request units consumed.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.parts.engine.meter()
    }

    /// The payment provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.parts.provider
    }

    /// The store.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    /// The event buses.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.parts.bus
    }

    /// The buckets.
    #[must_use]
    pub fn buckets(&self) -> &Buckets {
        &self.parts.buckets
    }

    /// The search index.
    #[must_use]
    pub fn search(&self) -> &Search {
        &self.parts.search
    }

    /// The mail that was sent.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.parts.mailbox
    }

    /// The environment of functions that run in processes of their own against this stack, as a file.
    #[must_use]
    pub fn environment_file(&self) -> String {
        self.parts.environment.file(&self.parts.url)
    }

    /// Returns when every stream record and every event so far has been handled or given up, every
    /// webhook that is due has been sent, and those that handling caused.
    pub async fn drain(&self) {
        let writes = self.parts.engine.writes();
        for _ in 0..LONGEST_CHAIN {
            let before = *writes.borrow();
            // An index that is not there is not waited for: it is filled when it comes.
            let has_index = self.parts.search.answers().await;
            let readers: Vec<_> =
                self.parts.readers.iter().filter(|reader| has_index || reader.consumer != INDEXER).collect();
            streams::drain(&self.parts.engine, &readers).await;
            self.parts.bus.idle().await;
            let sent = self.parts.sender.send_due().await;
            // What a listener has written, streams tell of, and so they do of what a webhook has caused.
            if sent == 0 && *writes.borrow() == before {
                break;
            }
        }
        if self.parts.search.answers().await
            && let Some(index) = self.parts.app.index()
            && let Err(error) = index.refresh().await
        {
            tracing::warn!(%error, "the index was not refreshed");
        }
    }

    /// Hands what is in the failure bucket and the failure queues to its functions once more.
    ///
    /// # Errors
    /// When the failure bucket cannot be read.
    pub async fn replay(&self) -> Result<Replayed> {
        failures::replay(self).await
    }

    /// The names of the scheduled functions.
    pub fn schedules(&self) -> impl Iterator<Item = &'static str> {
        self.parts.schedules.iter().map(|scheduled| scheduled.schedule.name)
    }

    /// Runs a scheduled function once; `None` when there is none of that name.
    pub async fn run_schedule(&self, function: &str) -> Option<Result<()>> {
        let mut all = self.parts.schedules.iter();
        let scheduled = all.find(|scheduled| scheduled.schedule.name == function)?;
        Some(scheduled.run().await)
    }

    pub(crate) fn outside(&self) -> &SharedHttpConnector {
        &self.parts.outside
    }

    pub(crate) fn template(&self) -> &Template {
        &self.parts.template
    }

    pub(crate) fn router(&self) -> &Router {
        &self.parts.router
    }

    /// The parts of a function with the settings that the template gives it.
    pub(crate) fn app_of(&self, function: &str) -> App {
        self.parts.apps.get(function).unwrap_or(&self.parts.app).clone()
    }

    pub(crate) fn save_clock(&self) {
        let ahead = self.parts.clock.ahead();
        self.parts.saved.change(|state| state.clock_ahead = ahead);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::StoreFault;
    use crate::provider::WebhookOrder;

    async fn in_memory() -> Stack {
        Stack::start(Options { memory: true, ..Options::default() }).await.expect("the stack starts")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn stacks_stand_side_by_side_and_end_with_their_owner() {
        let (one, other) = (in_memory().await, in_memory().await);
        let app = one.app();
        let address: roost::account::Email = "ann@example.com".parse().expect("an address");
        one.clock().advance(3_600);
        assert!(app.clock.now() > other.app().clock.now());
        one.drain().await;
        let tables = one.engine().answer("DynamoDB_20120810.ListTables", b"{}").await;
        assert!(tables.body.contains("roost-nights"), "{}", tables.body);
        assert!(app.store.user_by_email(Some(&address)).await.expect("an answer").is_none());
        assert!(one.meter().reading().total.read > 0.0);
        assert!(other.meter().reading().tables.is_empty());
        let address = one.url().replace("http://", "");
        drop(one);
        let free = tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while tokio::net::TcpListener::bind(&address).await.is_err() {
                tokio::task::yield_now().await;
            }
        });
        assert!(free.await.is_ok(), "the port is free again");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_drain_has_sent_the_webhooks_that_are_due() {
        let stack = in_memory().await;
        let order = WebhookOrder { delay_seconds: Some(60), ..WebhookOrder::default() };
        stack.provider().order_webhooks(order).expect("an order");
        let call = |path: &str, form: &'static str| {
            let request = http::Request::post(path).header("authorization", "Bearer sk_test_local");
            stack.provider().answer(request.body(bytes::Bytes::from(form)).expect("a request"))
        };
        let form = "amount=1000&currency=eur&capture_method=manual&payment_method=pm_card_visa";
        let made = call("/v1/payment_intents", form).await.expect("an answer").into_body();
        let made: serde_json::Value = serde_json::from_slice(&made).expect("an intent");
        let path = format!("/v1/payment_intents/{}/confirm", made["id"].as_str().expect("an id"));
        assert_eq!(call(&path, "").await.expect("an answer").status(), 200);
        stack.drain().await;
        assert_eq!(stack.provider().webhooks_waiting(), 1, "it is not due");
        stack.clock().advance(60);
        stack.drain().await;
        assert_eq!(stack.provider().webhooks_waiting(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ordered_faults_meet_the_adapters() {
        let stack = in_memory().await;
        let address: roost::account::Email = "ann@example.com".parse().expect("an address");
        let order = |fault| stack.faults().inject(move |call| (call.operation == "GetItem").then_some(fault));
        for fault in
            [StoreFault::Throttled, StoreFault::TimeoutBefore, StoreFault::TimeoutAfter, StoreFault::Broken]
        {
            order(fault);
            let refused = stack.app().store.user_by_email(Some(&address)).await;
            assert!(
                matches!(refused, Err(roost::error::Error::Unavailable { .. })),
                "{fault:?}: {refused:?}"
            );
        }
        stack.faults().clear();
        assert!(stack.app().store.user_by_email(Some(&address)).await.is_ok());
    }
}

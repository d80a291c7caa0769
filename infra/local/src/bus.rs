//! The event bus: takes events as EventBridge takes them, and hands them to the listeners whose rules
//! match, at least once and each by itself, so that an event that fails keeps none of the others.

mod faults;
mod wire;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roost::app::App;
use roost::clock::{Clock, Instant};
use roost::function::{Event, Listener};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

pub use faults::{BusFault, BusFaults};

use crate::invoke::invoke;
use crate::template::Rule;

/// How many events are kept to be looked at: the newest.
const MOST_KEPT: usize = 20_000;
/// How many invocations of listeners run at a time.
const AT_A_TIME: usize = 16;

/// The buses of a stack. Clones share them.
#[derive(Clone)]
pub struct Bus(Arc<Parts>);

struct Parts {
    clock: Clock,
    names: Vec<String>,
    /// Whoever hands events on.
    accepted: mpsc::UnboundedSender<(String, Value)>,
    /// How many events and deliveries are on their way.
    outstanding: watch::Sender<usize>,
    published: Mutex<VecDeque<Published>>,
    failures: Mutex<Vec<Failure>>,
    faults: BusFaults,
}

/// An event as the developer's calls show it.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// The bus's own id.
    pub id: String,
    /// What happened: the event's `detail-type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who says so.
    pub source: String,
    /// When.
    pub at: Instant,
    /// The rest.
    pub detail: Value,
}

/// An event that a listener could not handle, as its failure queue has it.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The queue's name in the template.
    pub queue: String,
    /// Which function failed.
    pub function: &'static str,
    /// When it was given up.
    pub at: Instant,
    /// How often it was tried.
    pub tries: u32,
    /// What the function said the last time.
    pub error: String,
    /// The event, whole.
    pub event: Value,
}

/// A listener with its rule.
pub(crate) struct Listening {
    /// Who handles the events.
    pub(crate) listener: Listener,
    /// With what.
    pub(crate) app: App,
    /// Which events.
    pub(crate) rule: Rule,
    /// How often one that failed is tried again.
    pub(crate) retries: u32,
    /// Where those go that failed for good.
    pub(crate) failures: Option<String>,
}

/// Hands events on until its task is ended. It owns the listeners, and so their way to the bus: the
/// bus itself does not, or neither would ever end.
#[derive(Debug)]
pub struct Dispatcher {
    bus: Bus,
    accepted: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Bus {
    /// The default bus and those of these names, and what hands their events on.
    #[must_use]
    pub fn new(clock: Clock, names: &[String]) -> (Self, Dispatcher) {
        let (accepted, received) = mpsc::unbounded_channel();
        let (outstanding, _) = watch::channel(0);
        let bus = Self(Arc::new(Parts {
            clock,
            names: names.iter().cloned().chain(["default".to_owned()]).collect(),
            accepted,
            outstanding,
            published: Mutex::default(),
            failures: Mutex::default(),
            faults: BusFaults::default(),
        }));
        (bus.clone(), Dispatcher { bus, accepted: received })
    }

    /// Puts an event on a bus: how a part of the stack says what happened to it, as AWS's own
    /// services do on the bus `default`.
    pub fn put(&self, bus: &str, source: &str, kind: &str, detail: Value) {
        self.accept(bus, source, kind, detail);
    }

    /// Takes an event, whose id it returns.
    fn accept(&self, bus: &str, source: &str, kind: &str, detail: Value) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let at = self.0.clock.now();
        let event = json!({
            "version": "0", "id": id, "account": "000000000000", "region": "eu-central-1",
            "source": source, "detail-type": kind, "time": at, "resources": [], "detail": detail,
        });
        let mut published = lock(&self.0.published);
        published.truncate(MOST_KEPT - 1);
        published.push_front(Published {
            id: id.clone(),
            kind: kind.into(),
            source: source.into(),
            at,
            detail,
        });
        drop(published);
        self.0.outstanding.send_modify(|outstanding| *outstanding += 1);
        if self.0.accepted.send((bus.to_owned(), event)).is_err() {
            // The stack is ending: nobody hands events on any more.
            self.settled();
        }
        id
    }

    /// The events published so far that are of this type, or all of them; newest first.
    #[must_use]
    pub fn published(&self, kind: Option<&str>) -> Vec<Published> {
        let published = lock(&self.0.published);
        let wanted = |event: &&Published| kind.is_none_or(|kind| event.kind == kind);
        published.iter().filter(wanted).cloned().collect()
    }

    /// The events that were given up, newest first.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        lock(&self.0.failures).iter().rev().cloned().collect()
    }

    /// Forgets a failure, which has been handled after all: as a message is deleted from a queue.
    pub(crate) fn forget(&self, failure: &Failure) {
        let same =
            |kept: &Failure| kept.function == failure.function && kept.event["id"] == failure.event["id"];
        lock(&self.0.failures).retain(|kept| !same(kept));
    }

    /// Which events go astray, for tests.
    #[must_use]
    pub fn faults(&self) -> &BusFaults {
        &self.0.faults
    }

    /// Returns when every event so far is handled or given up.
    pub(crate) async fn idle(&self) {
        let mut outstanding = self.0.outstanding.subscribe();
        // The sender lives as long as this bus: waiting cannot fail.
        let _ = outstanding.wait_for(|outstanding| *outstanding == 0).await;
    }

    fn settled(&self) {
        self.0.outstanding.send_modify(|outstanding| *outstanding = outstanding.saturating_sub(1));
    }
}

impl Dispatcher {
    /// The next event that was accepted and the bus it is on, for a caller that hands events on itself;
    /// `None` when the bus has ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        self.accepted.recv().await
    }

    /// Hands events on to those who listen; one that failed waits for `pause` before its next try,
    /// and then longer.
    pub(crate) async fn run(mut self, listening: Vec<Listening>, pause: Duration) {
        let listening: Vec<Arc<Listening>> = listening.into_iter().map(Arc::new).collect();
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        let mut deliveries = JoinSet::new();
        loop {
            let (bus, event) = tokio::select! {
                received = self.accepted.recv() => match received {
                    Some(received) => received,
                    None => return,
                },
                Some(_) = deliveries.join_next() => continue,
            };
            for one in listening.iter().filter(|one| one.rule.bus == bus && one.rule.pattern.takes(&event)) {
                self.bus.0.outstanding.send_modify(|outstanding| *outstanding += 1);
                let delivery = deliver(self.bus.clone(), one.clone(), event.clone(), turns.clone(), pause);
                deliveries.spawn(delivery);
            }
            self.bus.settled();
        }
    }
}

/// Hands one event to one listener, again while it fails, and at last to the failure queue. Lambda
/// waits a minute and more between tries; here it is a moment.
async fn deliver(bus: Bus, to: Arc<Listening>, event: Value, turns: Arc<Semaphore>, pause: Duration) {
    let mut tries = 0;
    let error = loop {
        let outcome = {
            let _turn = turns.acquire().await;
            handle(&to, &event).await
        };
        tries += 1;
        match outcome {
            Ok(()) => break None,
            Err(error) if tries > to.retries => break Some(error),
            Err(error) => {
                tracing::warn!(function = to.listener.name, error, tries, "an event was not handled");
                tokio::time::sleep(pause * (1 << tries.min(5))).await;
            }
        }
    };
    if let Some(error) = error {
        tracing::error!(function = to.listener.name, error, %event, "an event was given up");
        let queue = to.failures.clone().unwrap_or_default();
        let at = bus.0.clock.now();
        let failure = Failure { queue, function: to.listener.name, at, tries, error, event };
        lock(&bus.0.failures).push(failure);
    }
    bus.settled();
}

async fn handle(to: &Listening, event: &Value) -> Result<(), String> {
    let event: Event = serde_json::from_value(event.clone()).map_err(|error| error.to_string())?;
    let handled = (to.listener.handle)(to.app.clone(), event);
    match invoke(to.listener.name, handled).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the function ended without an answer".to_owned()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bus({})", self.0.names.join(", "))
    }
}

#[cfg(test)]
mod tests;

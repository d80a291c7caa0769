//! Faults of the store and of its streams, for tests: those of the store meet the adapters that ship,
//! in the SDK's connector.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use roost::function::Record;

/// How a call of the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// `ProvisionedThroughputExceededException`: the SDK tries again.
    Throttled,
    /// `TransactionCanceledException` because another transaction holds an item: the SDK does not
    /// try again.
    Conflict,
    /// No answer, and nothing done.
    TimeoutBefore,
    /// Done, and no answer.
    TimeoutAfter,
    /// An error of the store's own.
    Broken,
}

/// A call of the store, as a test sees it before it is done.
#[derive(Clone, Copy, Debug)]
pub struct StoreCall<'a> {
    /// The operation: `TransactWriteItems`.
    pub operation: &'a str,
    /// The function that calls; `None` for calls from elsewhere.
    pub function: Option<&'static str>,
    /// The request, as JSON.
    pub body: &'a [u8],
}

type Rule = Arc<dyn Fn(&StoreCall) -> Option<StoreFault> + Send + Sync>;

/// Which calls of the store fail. Only code in this process can order faults.
#[derive(Default)]
pub struct Faults(RwLock<Option<Rule>>);

impl Faults {
    /// From now on the calls fail for which `rule` gives a fault.
    pub fn inject(&self, rule: impl Fn(&StoreCall) -> Option<StoreFault> + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    /// From now on no call fails.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The fault of this call.
    pub(crate) fn of(&self, call: &StoreCall) -> Option<StoreFault> {
        let rule = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        rule.and_then(|rule| rule(call))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

/// What goes wrong with a record of a stream on its way to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// It never arrives: a stream forgets after a day.
    Lost,
    /// It arrives twice.
    Doubled,
    /// It arrives before the others of its batch, or after them.
    Displaced,
    /// The consumer fails on it, whenever it is delivered.
    Poisoned,
}

type StreamRule = Arc<dyn Fn(&str, &Record) -> Option<StreamFault> + Send + Sync>;

/// Which records go astray. Only code in this process can order faults.
#[derive(Default)]
pub struct StreamFaults(RwLock<Option<StreamRule>>);

impl StreamFaults {
    /// From now on that happens to a record which `rule` says of it and the consumer it is for.
    pub fn inject(&self, rule: impl Fn(&str, &Record) -> Option<StreamFault> + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What arrives of a batch, and the records on which the consumer fails.
    pub(crate) fn of(&self, consumer: &str, batch: Vec<Record>) -> (Vec<Record>, Vec<String>) {
        let rule = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(rule) = rule else { return (batch, Vec::new()) };
        let (mut arriving, mut poisoned) = (Vec::with_capacity(batch.len()), Vec::new());
        for record in batch {
            match rule(consumer, &record) {
                None => arriving.push(record),
                Some(StreamFault::Lost) => {}
                Some(StreamFault::Doubled) => arriving.extend([record.clone(), record]),
                Some(StreamFault::Displaced) => {
                    let place = if fastrand::bool() { 0 } else { fastrand::usize(..=arriving.len()) };
                    arriving.insert(place, record);
                }
                Some(StreamFault::Poisoned) => poisoned.push(record.sequence),
            }
        }
        (arriving, poisoned)
    }
}

impl fmt::Debug for StreamFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamFaults")
    }
}

//! Faults of the store, for tests: they meet the adapters that ship, in the SDK's connector.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

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

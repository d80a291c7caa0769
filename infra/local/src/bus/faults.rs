//! Faults of the bus, for tests: what EventBridge may do to any event.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What goes wrong with an event that is put on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusFault {
    /// This entry of the call is refused, the others are taken: the publisher has to put it again.
    Refused,
    /// It is delivered twice.
    Doubled,
}

type Rule = Arc<dyn Fn(&str) -> Option<BusFault> + Send + Sync>;

/// Which events go astray. Only code in this process can order faults.
#[derive(Default)]
pub struct BusFaults(RwLock<Option<Rule>>);

impl BusFaults {
    /// From now on that happens to an event which `rule` says of its type.
    pub fn inject(&self, rule: impl Fn(&str) -> Option<BusFault> + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What happens to an event of this type.
    pub(super) fn of(&self, kind: &str) -> Option<BusFault> {
        let rule = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        rule.and_then(|rule| rule(kind))
    }
}

impl fmt::Debug for BusFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BusFaults")
    }
}

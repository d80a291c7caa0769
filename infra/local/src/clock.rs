//! The stack's clock: the machine's, moved forward on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use roost::clock::{Clock, Duration, Instant};

/// The machine's time and a distance that only grows. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LocalClock(Arc<AtomicI64>);

impl LocalClock {
    /// A clock this many milliseconds ahead of the machine's.
    #[must_use]
    pub fn ahead_by(milliseconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(milliseconds.max(0))))
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one clock's source")]
    pub fn now(&self) -> Instant {
        let ahead = Duration::from_millis(self.ahead());
        Instant::now().saturating_add(ahead).unwrap_or(Instant::MAX)
    }

    /// How far it is ahead of the machine's clock, in milliseconds.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves it forward by whole seconds.
    pub fn advance(&self, seconds: u32) {
        self.0.fetch_add(i64::from(seconds) * 1_000, Ordering::Relaxed);
    }

    /// Moves it forward to `instant`; `false`, and nothing moved, when that has passed.
    #[must_use]
    pub fn forward_to(&self, instant: Instant) -> bool {
        let missing = instant.as_millisecond() - self.now().as_millisecond();
        if missing >= 0 {
            self.0.fetch_add(missing, Ordering::Relaxed);
        }
        missing >= 0
    }

    /// The same clock as the product reads it.
    #[must_use]
    pub fn shared(&self) -> Clock {
        let clock = self.clone();
        Clock::of(move || clock.now())
    }
}

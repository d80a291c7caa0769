//! Stops asking an index that does not answer. Shared by the searches of one function instance; it
//! closes again by itself: after a pause one search tries, the others go to the cells meanwhile.

use std::sync::Mutex;
use std::time::Duration;

use crate::entropy::Entropy;

/// How many calls in a row may fail before the circuit opens: one slow answer is no outage.
const FORGIVEN: u32 = 1;
/// The first pause.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest pause: within it an index that is back is used again.
const LONGEST: Duration = Duration::from_secs(4);

/// Whether the index is asked.
#[derive(Debug)]
pub(super) struct Circuit {
    state: Mutex<State>,
    entropy: Entropy,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nobody asks before.
    pause_until: Option<Duration>,
}

impl Circuit {
    pub(super) fn new(entropy: &Entropy) -> Self {
        Self { state: Mutex::default(), entropy: entropy.clone() }
    }

    /// Whether a call may be made, `now` being what has passed on the clock. After a pause it lets one through and begins the next pause.
    pub(super) fn lets_through(&self, now: Duration) -> bool {
        let Ok(mut state) = self.state.lock() else { return true };
        match state.pause_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                let failures = state.failures;
                state.pause_until = Some(self.pause(failures, now));
                true
            }
        }
    }

    /// A call was answered.
    pub(super) fn answered(&self) {
        if let Ok(mut state) = self.state.lock() {
            *state = State::default();
        }
    }

    /// A call was not answered. Whether this has opened the circuit.
    pub(super) fn failed(&self, now: Duration) -> bool {
        let Ok(mut state) = self.state.lock() else { return false };
        state.failures = state.failures.saturating_add(1);
        if state.failures > FORGIVEN {
            let failures = state.failures;
            state.pause_until = Some(self.pause(failures, now));
        }
        state.failures == FORGIVEN + 1
    }

    /// The end of a pause: longer with each failure, and jittered, so that the
    /// instances of a function do not come back all at once.
    fn pause(&self, failures: u32, now: Duration) -> Duration {
        let doublings = failures.saturating_sub(FORGIVEN + 1).min(8);
        let longest = LONGEST.min(SHORTEST * 2_u32.pow(doublings));
        let half = u64::try_from(longest.as_millis() / 2).unwrap_or(u64::MAX);
        now + longest / 2 + Duration::from_millis(self.entropy.below(half + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_probed_by_one_call_at_a_time_and_ends_by_itself() {
        let circuit = Circuit::new(&Entropy::system());
        let mut now = Duration::ZERO;
        assert!(!circuit.failed(now));
        assert!(circuit.lets_through(now), "one failure is forgiven");
        for failure in 0..10 {
            assert_eq!(circuit.failed(now), failure == 0, "it opens once");
            assert!(!circuit.lets_through(now), "open");
            now += LONGEST;
            assert!(circuit.lets_through(now), "a probe");
            assert!(!circuit.lets_through(now), "one alone");
        }
        circuit.answered();
        assert!(circuit.lets_through(now) && circuit.lets_through(now), "closed");
    }
}

//! Whether a provider is asked at all. When it could not be reached several times in a row, by whichever
//! functions, all of them leave it alone for a while; then one call tries it again.

use serde::{Deserialize, Serialize};

use crate::clock::{Duration, Instant};

/// How many calls in a row may find nobody before the others stop trying.
const FORGIVEN: u32 = 2;
/// How long it is left alone, and how long one call that tries it again keeps the others away.
const PAUSE: Duration = Duration::from_secs(30);

/// What is known of whether a provider can be reached. None is kept while all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// How many calls in a row have found nobody.
    pub failures: u32,
    /// Until when it is left alone.
    pub open_until: Option<Instant>,
    /// Counts its changes.
    pub version: u64,
}

/// What a caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Call.
    Free,
    /// Call, if this can be written first: the one that tries.
    Probe(Circuit),
    /// Leave it alone.
    Barred,
}

impl Circuit {
    /// Whether the provider may be called at `now`.
    #[must_use]
    pub fn passage(&self, now: Instant) -> Passage {
        match self.open_until {
            None => Passage::Free,
            Some(until) if now < until => Passage::Barred,
            Some(_) => Passage::Probe(Self { open_until: Some(now + PAUSE), ..self.next() }),
        }
    }

    /// After a call at `now` that found nobody.
    #[must_use]
    pub fn unreached(&self, now: Instant) -> Self {
        let failures = self.failures.saturating_add(1);
        let open_until = (failures > FORGIVEN).then(|| now + PAUSE);
        Self { failures, open_until, ..self.next() }
    }

    /// After a call that was answered; `None` when there is nothing to change.
    #[must_use]
    pub fn reached(&self) -> Option<Self> {
        (self.failures > 0).then(|| Self { failures: 0, open_until: None, ..self.next() })
    }

    const fn next(&self) -> Self {
        Self { failures: self.failures, open_until: self.open_until, version: self.version + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_a_row_bar_the_way_and_one_at_a_time_tries_again() {
        let mut now = Instant::from_second(1_800_000_000).unwrap();
        let mut circuit = Circuit::default();
        for _ in 0..=FORGIVEN {
            assert_eq!(circuit.passage(now), Passage::Free);
            circuit = circuit.unreached(now);
        }
        for _ in 0..5 {
            assert_eq!(circuit.passage(now), Passage::Barred);
            now += PAUSE;
            let Passage::Probe(probing) = circuit.passage(now) else { panic!("one may try") };
            assert_eq!(probing.passage(now), Passage::Barred, "and the others not");
            circuit = probing.unreached(now);
        }
        let closed = circuit.reached().unwrap();
        assert_eq!((closed.passage(now), closed.reached()), (Passage::Free, None));
        assert!(closed.version > circuit.version);
        assert_eq!(closed.unreached(now).passage(now), Passage::Free, "one is forgiven again");
    }
}

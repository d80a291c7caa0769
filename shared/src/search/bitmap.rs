//! Closed nights as a bitmap over the days since 1970-01-01: what a dated search tests each
//! listing against.

use serde::{Deserialize, Serialize};

/// Which nights are closed, from a first day on: one bit a day, up to the last closed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedNights {
    first: i32,
    #[serde(with = "serde_bytes")]
    bits: Vec<u8>,
}

impl ClosedNights {
    /// The nights of `days`, which are days since 1970-01-01; those before `first` are left out.
    #[must_use]
    pub fn of(first: i32, days: impl IntoIterator<Item = i32>) -> Self {
        let mut bits = Vec::new();
        for day in days {
            let Ok(bit) = usize::try_from(day - first) else { continue };
            if bits.len() <= bit / 8 {
                bits.resize(bit / 8 + 1, 0);
            }
            bits[bit / 8] |= 1 << (bit % 8);
        }
        Self { first, bits }
    }

    /// The runs `[first, end)` of open nights from the first day on; the last one ends at `until`.
    #[must_use]
    pub fn open_runs(&self, until: i32) -> Vec<(i32, i32)> {
        let days = self.bits.iter().flat_map(|byte| (0..8).map(move |bit| byte & (1 << bit) != 0));
        let closed = (self.first..).zip(days).filter_map(|(day, is_closed)| is_closed.then_some(day));
        let mut runs = Vec::new();
        let mut from = self.first;
        for day in closed.chain([until]) {
            if from < day.min(until) {
                runs.push((from, day.min(until)));
            }
            from = day + 1;
        }
        runs
    }

    /// Whether every night of `[first, end)` is open.
    #[must_use]
    pub fn are_open(&self, first: i32, end: i32) -> bool {
        let bit = |day: i32| usize::try_from(day - self.first).unwrap_or(0);
        let (from, to) = (bit(first), bit(end).min(self.bits.len() * 8));
        if from >= to {
            return true;
        }
        // Whole bytes at once; the first and the last count only with the bits of the range.
        let (first_byte, last_byte) = (from / 8, (to - 1) / 8);
        let from_mask = 0xFF_u8 << (from % 8);
        let to_mask = 0xFF_u8 >> (7 - (to - 1) % 8);
        let bytes = &self.bits[first_byte..=last_byte];
        match bytes {
            [only] => only & from_mask & to_mask == 0,
            [head, middle @ .., tail] => {
                head & from_mask == 0 && tail & to_mask == 0 && middle.iter().all(|byte| *byte == 0)
            }
            [] => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn the_bitmap_is_the_set_of_closed_days(
            base in 19_000i32..22_000,
            closed in prop::collection::btree_set(0i32..760, 0..60),
            from in -3i32..800,
            count in 1i32..366,
        ) {
            let days: BTreeSet<i32> = closed.iter().map(|day| base + day).collect();
            let nights = ClosedNights::of(base, days.iter().copied());
            let naive = (base + from..base + from + count).all(|day| !days.contains(&day));
            prop_assert_eq!(nights.are_open(base + from, base + from + count), naive);
            let until = base + 400;
            let runs = nights.open_runs(until);
            for day in base..base + 800 {
                let is_open = runs.iter().any(|(first, end)| (*first..*end).contains(&day));
                prop_assert_eq!(is_open, day < until && !days.contains(&day), "{}", day - base);
            }
            prop_assert!(runs.windows(2).all(|pair| pair[0].1 < pair[1].0), "runs that do not touch");
            let bytes = postcard::to_stdvec(&nights).unwrap();
            prop_assert!(bytes.len() <= 3 + 2 + 760 / 8 + 1);
            prop_assert_eq!(postcard::from_bytes::<ClosedNights>(&bytes).unwrap(), nights);
        }
    }
}

//! Runs of dates that share a value: "1 July to 31 August: 140.00" is one run, not sixty nights.

use crate::stay::{Date, Nights};

/// Values by date, as sorted runs that neither overlap nor touch with equal values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs<T>(Vec<(Nights, T)>);

impl<T: Clone + PartialEq> Runs<T> {
    /// No date has a value.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The value of a date.
    #[must_use]
    pub fn get(&self, date: Date) -> Option<&T> {
        let after = self.0.partition_point(|(nights, _)| nights.first() <= date);
        let (nights, value) = self.0.get(after.checked_sub(1)?)?;
        nights.contains(date).then_some(value)
    }

    /// Gives the dates of `range` what `value` makes of what each has; `None` leaves a date without.
    pub fn update(&mut self, range: Nights, value: impl Fn(Option<&T>) -> Option<T>) {
        let mut runs = Vec::with_capacity(self.0.len() + 2);
        let mut next = range.first();
        for (nights, old) in self.0.drain(..) {
            // What lies before and after the range stays as it is.
            if let Some(before) = Nights::between(nights.first(), nights.end().min(range.first())) {
                runs.push((before, old.clone()));
            }
            if let Some(shared) = nights.overlap(range) {
                if let (Some(gap), Some(value)) = (Nights::between(next, shared.first()), value(None)) {
                    runs.push((gap, value));
                }
                if let Some(value) = value(Some(&old)) {
                    runs.push((shared, value));
                }
                next = shared.end();
            }
            if let Some(after) = Nights::between(nights.first().max(range.end()), nights.end()) {
                if let (Some(gap), Some(value)) = (Nights::between(next, range.end()), value(None)) {
                    runs.push((gap, value));
                }
                next = range.end();
                runs.push((after, old));
            }
        }
        if let (Some(gap), Some(value)) = (Nights::between(next, range.end()), value(None)) {
            runs.push((gap, value));
        }
        *self = runs.into_iter().collect();
    }

    /// Gives every date of `range` this value.
    pub fn set(&mut self, range: Nights, value: &T) {
        self.update(range, |_| Some(value.clone()));
    }

    /// The runs, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &(Nights, T)> + Clone {
        self.0.iter()
    }

    /// The part of the runs within `range`.
    #[must_use]
    pub fn within(&self, range: Nights) -> Self {
        let inside = |(nights, value): &(Nights, T)| Some((nights.overlap(range)?, value.clone()));
        Self(self.0.iter().filter_map(inside).collect())
    }

    /// Whether no date has a value.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Clone + PartialEq> FromIterator<(Nights, T)> for Runs<T> {
    /// Runs of what comes in any order and does not overlap; neighbours with equal values become one.
    fn from_iter<I: IntoIterator<Item = (Nights, T)>>(runs: I) -> Self {
        let mut sorted: Vec<(Nights, T)> = runs.into_iter().collect();
        sorted.sort_by_key(|(nights, _)| nights.first());
        let mut merged: Vec<(Nights, T)> = Vec::with_capacity(sorted.len());
        for (nights, value) in sorted {
            match merged.last_mut() {
                Some((last, same)) if last.end() == nights.first() && *same == value => {
                    *last = Nights::between(last.first(), nights.end()).expect("both have nights");
                }
                _ => merged.push((nights, value)),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::stay::date_of_epoch_day;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_a_map_from_date_to_value(edits in prop::collection::vec((0i32..60, 1i32..30, prop::option::of(0u8..3)), 1..20)) {
            let mut runs = Runs::none();
            let mut map = BTreeMap::new();
            for (first, count, value) in edits {
                let range = Nights::between(date_of_epoch_day(first), date_of_epoch_day(first + count)).unwrap();
                // A value is added to what is there, none erases: both depend on what each date had.
                let change = |old: Option<&u8>| value.map(|value| (old.copied().unwrap_or(0) + value) % 3);
                runs.update(range, change);
                for day in first..first + count {
                    match change(map.get(&day)) {
                        Some(value) => { map.insert(day, value); }
                        None => { map.remove(&day); }
                    }
                }
                for day in -1..100 {
                    prop_assert_eq!(runs.get(date_of_epoch_day(day)), map.get(&day), "day {}", day);
                }
                prop_assert_eq!(runs.is_empty(), map.is_empty());
                let pairs: Vec<_> = runs.iter().zip(runs.iter().skip(1)).collect();
                prop_assert!(pairs.iter().all(|((a, x), (b, y))| a.end() < b.first() || (a.end() == b.first() && x != y)));
            }
        }
    }
}

//! A unit's calendar: prices and stay rules as runs of dates. Which nights are taken it does not
//! know; that is the night ledger's.

use super::Terms;
use super::runs::Runs;
use crate::stay::{Date, Nights};

/// Prices and stay rules of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// A night's price in minor units, where it is not the base price.
    pub prices: Runs<i64>,
    /// Stay rules, where they are not the unit's own.
    pub rules: Runs<Rules>,
}

/// Stay rules of a date. `min_nights`, `max_nights` and `closed_to_arrival` bind the stays that
/// arrive on it, `closed_to_departure` those that leave on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The shortest stay.
    pub min_nights: Option<u16>,
    /// The longest stay.
    pub max_nights: Option<u16>,
    /// No stay arrives.
    pub closed_to_arrival: bool,
    /// No stay leaves.
    pub closed_to_departure: bool,
}

impl Calendar {
    /// Nothing but what the terms say.
    #[must_use]
    pub const fn empty() -> Self {
        Self { prices: Runs::none(), rules: Runs::none() }
    }

    /// The price of a night in minor units.
    #[must_use]
    pub fn price(&self, terms: &Terms, date: Date) -> i64 {
        self.prices.get(date).copied().unwrap_or(terms.base_price)
    }

    /// The stay rules of a date, with the unit's own where the calendar has none.
    #[must_use]
    pub fn rules(&self, terms: &Terms, date: Date) -> BindingRules {
        let rules = self.rules.get(date).copied().unwrap_or_default();
        BindingRules {
            min_nights: rules.min_nights.unwrap_or(terms.min_nights),
            max_nights: rules.max_nights.unwrap_or(terms.max_nights),
            closed_to_arrival: rules.closed_to_arrival,
            closed_to_departure: rules.closed_to_departure,
        }
    }

    /// The part of it within `range`.
    #[must_use]
    pub fn within(&self, range: Nights) -> Self {
        Self { prices: self.prices.within(range), rules: self.rules.within(range) }
    }
}

/// The rules that bind a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingRules {
    /// The shortest stay.
    pub min_nights: u16,
    /// The longest stay.
    pub max_nights: u16,
    /// No stay arrives.
    pub closed_to_arrival: bool,
    /// No stay leaves.
    pub closed_to_departure: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::draft::tests::example;
    use crate::stay::date_of_epoch_day;

    #[test]
    fn the_calendar_says_where_it_says_something_and_the_terms_elsewhere() {
        let (_, terms) = example();
        let day = date_of_epoch_day;
        let mut calendar = Calendar::empty();
        let nights = Nights::between(day(21_000), day(21_002)).unwrap();
        calendar.prices.set(nights, &7);
        calendar.rules.set(nights, &Rules { min_nights: Some(3), ..Rules::default() });
        let prices = [20_999, 21_000, 21_001, 21_002].map(|date| calendar.price(&terms, day(date)));
        assert_eq!(prices, [terms.base_price, 7, 7, terms.base_price]);
        let rules = [21_001, 21_002].map(|date| calendar.rules(&terms, day(date)));
        assert_eq!((rules[0].min_nights, rules[0].max_nights), (3, terms.max_nights));
        assert_eq!((rules[1].min_nights, rules[1].max_nights), (terms.min_nights, terms.max_nights));
    }
}

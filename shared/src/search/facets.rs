//! How many hits each further choice would leave: every facet counts without its own filter.

use std::collections::HashMap;
use std::hash::Hash;

use super::matching::{Fails, Filter, Match};
use super::words::in_small_letters;
use crate::listing::{PlaceType, PropertyType};

/// What could be chosen next, and how many hits each choice has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facets {
    /// Place types, the most frequent first.
    pub place_types: Vec<(PlaceType, usize)>,
    /// Property types, the most frequent first.
    pub property_types: Vec<(PropertyType, usize)>,
    /// The 30 most frequent amenities.
    pub amenities: Vec<(String, usize)>,
    /// Prices per night, ascending and without gaps.
    pub prices: Vec<PriceBar>,
}

/// How many hits have a price in `[from, to)`, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceBar {
    /// The least price.
    pub from: i64,
    /// What every price is below.
    pub to: i64,
    /// How many hits.
    pub count: usize,
}

/// How many amenities a facet names.
const MOST_AMENITIES: usize = 30;
/// How many bars a histogram has, at most one more for the few prices far above the rest.
const MOST_BARS: i64 = 20;

/// What is counted, before it is put in order. Either leg of search counts; the order is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Hits of each place type.
    pub place_types: Vec<(PlaceType, usize)>,
    /// Hits of each property type.
    pub property_types: Vec<(PropertyType, usize)>,
    /// Hits with each amenity, as hosts spell it.
    pub amenities: Vec<(String, usize)>,
    /// Hits of each price per night, cut to three digits by [`three_digits`].
    pub prices: Vec<(i64, usize)>,
}

/// A price cut to its first three digits: fine enough for a histogram, and few enough to count.
#[must_use]
pub fn three_digits(price: i64) -> i64 {
    price - price % unit_of(price)
}

/// What the third digit of a price counts: 1 below 1,000, 10 below 10,000.
fn unit_of(price: i64) -> i64 {
    let mut unit = 1;
    while price / unit >= 1000 {
        unit *= 10;
    }
    unit
}

impl Facets {
    pub(super) fn of(matches: &[Match<'_>]) -> Self {
        let without = |own: Filter| {
            matches.iter().filter(move |found| [Fails::Nothing, Fails::Only(own)].contains(&found.fails))
        };
        let place_types = without(Filter::PlaceType);
        let property_types = without(Filter::PropertyType);
        let amenities = without(Filter::Amenities);
        let prices = without(Filter::Price);
        Self::from(Counts {
            place_types: counted(place_types.map(|found| found.candidate.projection.place_type)),
            property_types: counted(property_types.map(|found| found.candidate.projection.property_type)),
            amenities: counted(
                amenities.flat_map(|found| &found.candidate.projection.amenities).map(String::as_str),
            )
            .into_iter()
            .map(|(spelling, count)| (spelling.to_owned(), count))
            .collect(),
            prices: counted(prices.map(|found| three_digits(found.price_per_night))),
        })
    }
}

impl From<Counts> for Facets {
    fn from(counts: Counts) -> Self {
        Self {
            place_types: most_frequent(counts.place_types),
            property_types: most_frequent(counts.property_types),
            amenities: amenity_counts(counts.amenities),
            prices: price_bars(counts.prices),
        }
    }
}

fn counted<T: Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// The most frequent first, equal ones in the contract's order.
fn most_frequent<T: Ord>(mut counts: Vec<(T, usize)>) -> Vec<(T, usize)> {
    counts.sort_by(|(one, ones), (other, others)| others.cmp(ones).then(one.cmp(other)));
    counts
}

/// Amenities that differ in case alone are one, shown in the spelling that sorts first.
fn amenity_counts(spellings: Vec<(String, usize)>) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, (String, usize)> = HashMap::new();
    for (spelling, count) in spellings {
        let (shown, total) =
            counts.entry(in_small_letters(&spelling)).or_insert_with(|| (spelling.clone(), 0));
        if spelling < *shown {
            *shown = spelling;
        }
        *total += count;
    }
    let mut counts = most_frequent(counts.into_values().collect());
    counts.truncate(MOST_AMENITIES);
    counts
}

/// Equal bars of a round width, fitted to the cheaper 95 of a hundred. The few above, which would
/// squeeze all others into one bar, share a last, wider one. No bar ends within the third digit of
/// a price, so that each counts exactly the prices that lie in it.
fn price_bars(mut prices: Vec<(i64, usize)>) -> Vec<PriceBar> {
    prices.sort_unstable();
    let (Some(&(cheapest, _)), Some(&(dearest, _))) = (prices.first(), prices.last()) else {
        return Vec::new();
    };
    let total: usize = prices.iter().map(|(_, count)| count).sum();
    let mut passed = 0;
    let usual = prices.iter().find(|(_, count)| {
        passed += count;
        passed > (total - 1) * 95 / 100
    });
    let usual = usual.map_or(dearest, |(price, _)| *price);
    let width = round_width(((usual - cheapest) / MOST_BARS + 1).max(unit_of(usual)));
    let mut from = cheapest.div_euclid(width) * width;
    let mut bars = Vec::new();
    while from <= usual {
        bars.push(PriceBar { from, to: from + width, count: 0 });
        from += width;
    }
    if dearest >= from {
        let last = dearest + unit_of(dearest) - 1;
        bars.push(PriceBar { from, to: (last.div_euclid(width) + 1) * width, count: 0 });
    }
    let mut bar = 0;
    for (price, count) in prices {
        while price >= bars[bar].to {
            bar += 1;
        }
        bars[bar].count += count;
    }
    bars
}

/// The least of 1, 2, 5, 10, 20, 50, … that is not below `least`.
fn round_width(least: i64) -> i64 {
    let mut power = 1;
    loop {
        if let Some(width) = [power, 2 * power, 5 * power].into_iter().find(|width| *width >= least) {
            return width;
        }
        power *= 10;
    }
}

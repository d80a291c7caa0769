//! How many hits each further choice would leave: every facet counts without its own filter.

use std::collections::{BTreeMap, HashMap};

use super::matching::{Fails, Filter, Match};
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

impl Facets {
    pub(super) fn of(matches: &[Match<'_>]) -> Self {
        let without = |own: Filter| {
            matches.iter().filter(move |found| [Fails::Nothing, Fails::Only(own)].contains(&found.fails))
        };
        let place_types = without(Filter::PlaceType);
        let property_types = without(Filter::PropertyType);
        let amenities = without(Filter::Amenities);
        let prices = without(Filter::Price);
        Self {
            place_types: most_frequent(place_types.map(|found| found.candidate.projection.place_type)),
            property_types: most_frequent(
                property_types.map(|found| found.candidate.projection.property_type),
            ),
            amenities: amenity_counts(
                amenities.flat_map(|found| &found.candidate.projection.amenities).map(String::as_str),
            ),
            prices: price_bars(prices.map(|found| found.price_per_night).collect()),
        }
    }
}

fn most_frequent<T: Copy + Ord>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    // Stable: equal counts stay in the contract's order.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Amenities that differ in case alone are one, shown in the spelling that sorts first.
fn amenity_counts<'a>(amenities: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut spellings: HashMap<&str, usize> = HashMap::new();
    for amenity in amenities {
        *spellings.entry(amenity).or_default() += 1;
    }
    let mut counts: HashMap<String, (&str, usize)> = HashMap::new();
    for (spelling, count) in spellings {
        let (shown, total) = counts.entry(spelling.to_lowercase()).or_insert((spelling, 0));
        *shown = spelling.min(*shown);
        *total += count;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_values().collect();
    counts.sort_by(|(one, ones), (other, others)| others.cmp(ones).then(one.cmp(other)));
    counts.truncate(MOST_AMENITIES);
    counts.into_iter().map(|(amenity, count)| (amenity.to_owned(), count)).collect()
}

/// Equal bars of a round width, fitted to the cheaper 95 of a hundred. The few above, which would
/// squeeze all others into one bar, share a last, wider one.
fn price_bars(mut prices: Vec<i64>) -> Vec<PriceBar> {
    prices.sort_unstable();
    let (Some(&cheapest), Some(&dearest)) = (prices.first(), prices.last()) else { return Vec::new() };
    let usual = prices[(prices.len() - 1) * 95 / 100];
    let width = round_width((usual - cheapest) / MOST_BARS + 1);
    let mut from = cheapest.div_euclid(width) * width;
    let mut bars = Vec::new();
    while from <= usual {
        bars.push(PriceBar { from, to: from + width, count: 0 });
        from += width;
    }
    if dearest >= from {
        bars.push(PriceBar { from, to: (dearest.div_euclid(width) + 1) * width, count: 0 });
    }
    let mut bar = 0;
    for price in prices {
        while price >= bars[bar].to {
            bar += 1;
        }
        bars[bar].count += 1;
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

//! Whether a candidate is a hit, and if not, which filters alone keep it from being one: facets
//! count without their own filter.

use super::projection::{Candidate, Projection};
use super::query::{Area, Query, Sort};
use super::words::same_but_for_case;
use crate::clock::Instant;
use crate::geo::distance_km;
use crate::stay::{BOOKING_WINDOW, epoch_day};

/// A candidate that fits the query, but perhaps for filters that have facets.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// The mean night of the stay, else the base price, in minor units.
    pub price_per_night: i64,
    /// How far from the centre of the search, in kilometres.
    pub distance_km: Option<f64>,
    pub(super) fails: Fails,
    pub(super) rank: u64,
}

/// Which of the filters with facets a candidate fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    /// None: it is a hit.
    Nothing,
    /// One alone, whose facet still counts it.
    Only(Filter),
    /// Several, so that no facet counts it.
    Several,
}

/// The filters with facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    PlaceType,
    PropertyType,
    Amenities,
    Price,
}

/// A query with what every candidate needs of it computed once.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    query: &'a Query,
    /// Whether candidates are known to have the query's words, written so or otherwise.
    has_words: bool,
    /// Check-in and check-out as days since 1970-01-01.
    stay: Option<(i32, i32)>,
    now: Instant,
    /// The zones seen so far and their days. Few zones, thousands of candidates.
    days: Vec<(&'a str, i32)>,
}

impl<'a> Matcher<'a> {
    pub(super) fn of(query: &'a Query, now: Instant) -> Self {
        Self {
            query,
            has_words: false,
            stay: query.stay.map(|stay| (epoch_day(stay.first()), epoch_day(stay.end()))),
            now,
            days: Vec::new(),
        }
    }

    /// The same, for candidates that are known to have the query's words.
    pub(super) fn but_for_words(query: &'a Query, now: Instant) -> Self {
        Self { has_words: true, ..Self::of(query, now) }
    }

    /// The match that a candidate is; `None` when no facet counts it either.
    pub(super) fn judge(&mut self, candidate: &'a Candidate) -> Option<Match<'a>> {
        let (query, projection) = (self.query, &candidate.projection);
        let distance_km = query.area.centre().map(|centre| distance_km(centre, projection.location));
        if !self.has_in_area(candidate, distance_km) {
            return None;
        }
        let fits = query.guests.is_none_or(|guests| guests <= projection.max_guests)
            && query.instant_book.is_none_or(|wanted| wanted == projection.instant_book)
            && query.superhost.is_none_or(|wanted| wanted == projection.superhost);
        if !fits {
            return None;
        }
        let price_per_night = match self.stay {
            None => projection.base_price,
            Some((first, end)) => {
                let today = self.today(projection);
                can_stay(projection, first, end, today).then(|| projection.mean_night(first, end))?
            }
        };
        let words_in_title = words_in_title(candidate, &query.words, self.has_words)?;
        let has =
            |wanted: &String| projection.amenities.iter().any(|amenity| same_but_for_case(amenity, wanted));
        let is_met = |filter: Filter| match filter {
            Filter::PlaceType => {
                query.place_types.is_empty() || query.place_types.contains(&projection.place_type)
            }
            Filter::PropertyType => {
                query.property_types.is_empty() || query.property_types.contains(&projection.property_type)
            }
            Filter::Amenities => query.amenities.iter().all(has),
            Filter::Price => {
                query.min_price.is_none_or(|least| least <= price_per_night)
                    && query.max_price.is_none_or(|most| price_per_night <= most)
            }
        };
        let fails = Fails::of(is_met);
        if fails == Fails::Several {
            return None;
        }
        let rank = match query.sort {
            Sort::Relevance => u64::MAX - ((words_in_title << 32) + standing(projection)),
            // Prices are never negative.
            Sort::Price => u64::try_from(price_per_night).unwrap_or_default(),
            Sort::Rating => u64::MAX - rating(projection),
            // The bits of floats that are not negative are in the floats' order.
            Sort::Distance => distance_km.unwrap_or_default().to_bits(),
        };
        Some(Match { candidate, price_per_night, distance_km, fails, rank })
    }

    /// Whether the candidate, so far from the area's centre, lies in the area.
    fn has_in_area(&self, candidate: &Candidate, distance_km: Option<f64>) -> bool {
        match &self.query.area {
            Area::World => true,
            Area::Town(town) => candidate.place.iter().any(|place| place == town.name()),
            Area::Box(bounds) => bounds.contains(candidate.projection.location),
            Area::Polygon(polygon) => polygon.contains(candidate.projection.location),
            Area::Circle { radius_km, .. } => distance_km.is_some_and(|distance| distance <= *radius_km),
        }
    }

    /// The unit's today.
    fn today(&mut self, projection: &'a Projection) -> i32 {
        let zone = projection.zone.name();
        if let Some((_, day)) = self.days.iter().find(|(name, _)| *name == zone) {
            return *day;
        }
        let day = epoch_day(projection.zone.date_of(self.now));
        self.days.push((zone, day));
        day
    }
}

impl Fails {
    fn of(is_met: impl Fn(Filter) -> bool) -> Self {
        let filters = [Filter::PlaceType, Filter::PropertyType, Filter::Amenities, Filter::Price];
        let mut failed = filters.into_iter().filter(|filter| !is_met(*filter));
        match (failed.next(), failed.next()) {
            (None, _) => Self::Nothing,
            (Some(filter), None) => Self::Only(filter),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// Whether the stay `[first, end)` can be sold: the same rules as [`crate::night::why_unsold`].
fn can_stay(projection: &Projection, first: i32, end: i32, today: i32) -> bool {
    let arrival = projection.rules(first);
    (i32::from(arrival.min_nights)..=i32::from(arrival.max_nights)).contains(&(end - first))
        && !arrival.closed_to_arrival
        && !projection.rules(end).closed_to_departure
        && first >= today
        && end <= today + BOOKING_WINDOW
        && projection.is_open(first, end)
}

/// How many of the words begin one of the title; `None` when one of them begins none of title and city, unless
/// the candidate has them all.
fn words_in_title(candidate: &Candidate, words: &[String], has_all: bool) -> Option<u64> {
    let mut in_title = 0;
    for word in words {
        match candidate.text.find(&format!(" {word}")) {
            Some(at) => in_title += u64::from(at < candidate.title_length),
            None if has_all => {}
            None => return None,
        }
    }
    Some(in_title)
}

/// The mean rating in thousandths of hundredths, as if ten more guests had given 4.00: one delighted
/// guest does not outrank a hundred pleased ones. Among hits with as many words in the title it is
/// their order of relevance.
pub(crate) fn standing(projection: &Projection) -> u64 {
    const USUAL: (u64, u64) = (10, 400);
    let reviews = projection.rating_hundredths.map_or(0, |_| u64::from(projection.review_count));
    let rating = u64::from(projection.rating_hundredths.unwrap_or_default());
    (USUAL.0 * USUAL.1 + reviews * rating) * 1000 / (USUAL.0 + reviews)
}

/// The rating, of equal ones that of more guests; none is the worst.
pub(crate) fn rating(projection: &Projection) -> u64 {
    let reviews = u64::from(projection.review_count);
    projection.rating_hundredths.map_or(0, |hundredths| (u64::from(hundredths) << 32) + reviews)
}

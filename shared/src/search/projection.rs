//! The projection of a unit: what search needs of its listing, terms, calendar and nights, and no
//! more. Dates are days since 1970-01-01, so that a search compares numbers.

use serde::{Deserialize, Serialize};

use super::bitmap::ClosedNights;
use super::words::{same_but_for_case, words};
use crate::clock::Zone;
use crate::error::{Error, Result};
use crate::ids::{ListingId, PhotoId, UnitId};
use crate::listing::calendar::{BindingRules, Calendar, Rules};
use crate::listing::runs::Runs;
use crate::listing::{Listing, ListingStatus, Location, PlaceType, PropertyType, Terms};
use crate::money::{Currency, Money};
use crate::night::Night;
use crate::pricing::{self, StayPrice, Tariff};
use crate::stay::{Date, Nights, date_of_epoch_day, epoch_day};

/// What search knows of a unit on sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// The unit.
    pub unit: UnitId,
    /// Its listing.
    pub listing: ListingId,
    /// The listing's title.
    pub title: String,
    /// Its town.
    pub city: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Where it is, exactly: filters and distances use it, nobody is shown it.
    pub location: Location,
    /// What of it the guest gets.
    pub place_type: PlaceType,
    /// What kind of building or vessel.
    pub property_type: PropertyType,
    /// How many adults and children fit.
    pub max_guests: u16,
    /// What there is, as the host writes it, none twice.
    pub amenities: Vec<String>,
    /// What its prices are in.
    pub currency: Currency,
    /// A night's price where no run has another, in minor units.
    pub base_price: i64,
    /// Once a stay, in minor units.
    pub cleaning_fee: i64,
    /// The shortest stay where no run has a rule.
    pub min_nights: u16,
    /// The longest stay where no run has a rule.
    pub max_nights: u16,
    /// How many bookings a night takes.
    pub capacity: u16,
    /// Where its nights are counted.
    pub zone: Zone,
    /// No night from this day on is sold.
    pub open_until: Option<i32>,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// Whether its host is one of the best.
    pub superhost: bool,
    /// Mean rating in hundredths, when anybody has rated it.
    pub rating_hundredths: Option<u16>,
    /// How many reviews.
    pub review_count: u32,
    /// Nights with another price than the base price.
    pub(super) prices: DayRuns<i64>,
    /// Dates with other stay rules than the unit's own.
    pub(super) rules: DayRuns<DayRules>,
    /// Nights that cannot be had, lapsed holds among them until they are swept.
    pub(super) closed: ClosedNights,
    /// The photo that stands for the listing, if it has one that is ready.
    pub photo: Option<PhotoId>,
}

impl Projection {
    /// The projection of a unit from the date `from` on; `None` when it is not on sale. `nights`
    /// are its nights as the ledger keeps them.
    #[must_use]
    pub fn of(
        listing: &Listing,
        terms: &Terms,
        calendar: &Calendar,
        nights: &[Night],
        from: Date,
    ) -> Option<Self> {
        if terms.status != ListingStatus::Active {
            return None;
        }
        let first = epoch_day(from);
        let closed = nights.iter().filter(|night| night.is_closed(terms.capacity));
        let closed = closed.map(|night| epoch_day(night.date));
        Some(Self {
            unit: terms.unit,
            listing: listing.id,
            title: listing.title.clone(),
            city: listing.address.city.clone(),
            country: listing.address.country.clone(),
            location: listing.location,
            place_type: listing.place_type,
            property_type: listing.property_type,
            max_guests: terms.max_guests,
            amenities: distinct(&listing.amenities),
            currency: terms.currency,
            base_price: terms.base_price,
            cleaning_fee: terms.cleaning_fee,
            min_nights: terms.min_nights,
            max_nights: terms.max_nights,
            capacity: terms.capacity,
            zone: terms.zone.clone(),
            open_until: terms.open_until.map(epoch_day),
            instant_book: terms.instant_book,
            superhost: listing.superhost,
            rating_hundredths: listing.rating_hundredths,
            review_count: listing.review_count,
            prices: DayRuns::of(&calendar.prices, first, |price| *price),
            rules: DayRuns::of(&calendar.rules, first, DayRules::of),
            closed: ClosedNights::of(first, closed),
            photo: None,
        })
    }

    /// As compact bytes: about 700 with thirty amenities.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![FORMAT]).expect("a projection has only plain fields")
    }

    /// What [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// `Internal` for other bytes, and for those of another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((&FORMAT, content)) => postcard::from_bytes(content).map_err(Error::internal),
            _ => Err(Error::internal("a projection of another format")),
        }
    }

    /// The stay rules of a day, with the unit's own where no run has one.
    #[must_use]
    pub fn rules(&self, day: i32) -> BindingRules {
        let rules = self.rules.get(day).copied().unwrap_or_default();
        BindingRules {
            min_nights: rules.min_nights.unwrap_or(self.min_nights),
            max_nights: rules.max_nights.unwrap_or(self.max_nights),
            closed_to_arrival: rules.closed_to_arrival,
            closed_to_departure: rules.closed_to_departure,
        }
    }

    /// Whether every night of `[first, end)` is open.
    #[must_use]
    pub fn is_open(&self, first: i32, end: i32) -> bool {
        self.open_until.is_none_or(|until| end <= until) && self.closed.are_open(first, end)
    }

    /// The runs `[first, end)` of open nights; the last one ends at `far` where nothing ends it before.
    #[must_use]
    pub fn open_runs(&self, far: i32) -> Vec<(i32, i32)> {
        self.closed.open_runs(self.open_until.unwrap_or(far))
    }

    /// The runs of nights with another price than the base price: `(first, end, price)`, ascending.
    #[must_use]
    pub fn price_runs(&self) -> impl ExactSizeIterator<Item = (i32, i32, i64)> {
        self.prices.0.iter().copied()
    }

    /// The runs of dates with stay rules of their own: `(first, end, rules)`, ascending.
    #[must_use]
    pub fn rule_runs(&self) -> impl ExactSizeIterator<Item = (i32, i32, BindingRules)> {
        self.rules.0.iter().map(|(first, end, _)| (*first, *end, self.rules(*first)))
    }

    /// The one price of all nights that can be had before `far`, in minor units; `None` where they differ. Of
    /// most units a search by dates then asks no run for its price.
    #[must_use]
    pub fn even_price(&self, far: i32) -> Option<i64> {
        let mut prices = self.open_runs(far).into_iter().flat_map(|(first, end)| {
            let runs = || self.prices.overlapping(first, end);
            let covered: i32 = runs().map(|(from, to, _)| to - from).sum();
            let base = (covered < end - first).then_some(self.base_price);
            runs().map(|(.., price)| *price).chain(base)
        });
        let price = prices.next().unwrap_or(self.base_price);
        prices.all(|other| other == price).then_some(price)
    }

    /// How long the stays are that its rules allow before `far`, whatever their dates: of most units a search by
    /// dates then asks no run for its rules.
    #[must_use]
    pub fn lengths(&self, far: i32) -> Lengths {
        let mut rules = self.open_runs(far).into_iter().flat_map(|(first, end)| {
            let runs = || self.rules.overlapping(first, end);
            let covered: i32 = runs().map(|(from, to, _)| to - from).sum();
            // No run is of `far`: its rules are the unit's own.
            let own = (covered < end - first).then(|| self.rules(far));
            runs().map(|(from, ..)| self.rules(from)).chain(own)
        });
        let first = rules.next().unwrap_or_else(|| self.rules(far));
        let of = |rules: BindingRules| (rules.min_nights, rules.max_nights);
        let (mut perhaps, mut surely, mut is_closed) = (of(first), of(first), first.closed_to_arrival);
        for other in rules {
            perhaps = (perhaps.0.min(other.min_nights), perhaps.1.max(other.max_nights));
            surely = (surely.0.max(other.min_nights), surely.1.min(other.max_nights));
            is_closed |= other.closed_to_arrival;
        }
        // A guest leaves on a night that need not be open, so that any night may bind him.
        is_closed |= self.rule_runs().any(|(.., rules)| rules.closed_to_departure);
        Lengths { perhaps, surely: (!is_closed).then_some(surely) }
    }

    /// The mean night of `[first, end)` in minor units.
    #[must_use]
    pub fn mean_night(&self, first: i32, end: i32) -> i64 {
        let other: i64 = self
            .prices
            .overlapping(first, end)
            .map(|(from, to, price)| i64::from(to - from) * (price - self.base_price))
            .sum();
        let count = i64::from(end - first);
        pricing::mean_night(count * self.base_price + other, count)
    }

    /// What a stay costs.
    #[must_use]
    pub fn stay_price(&self, stay: Nights, tariff: Tariff<'_>) -> StayPrice {
        let nights = Nights::between;
        let mut prices: Runs<i64> = self
            .prices
            .overlapping(epoch_day(stay.first()), epoch_day(stay.end()))
            .filter_map(|(from, to, price)| {
                Some((nights(date_of_epoch_day(from), date_of_epoch_day(to))?, *price))
            })
            .collect();
        prices.update(stay, |price| Some(price.copied().unwrap_or(self.base_price)));
        let basis = pricing::Basis {
            currency: self.currency,
            cleaning_fee: self.cleaning_fee,
            country: &self.country,
        };
        pricing::price_of_nights(basis, prices, tariff, stay)
    }

    /// An amount in the unit's currency.
    #[must_use]
    pub const fn money(&self, amount: i64) -> Money {
        Money { amount, currency: self.currency }
    }

    /// Mean rating, 1 to 5, when anybody has rated it.
    #[must_use]
    pub fn rating(&self) -> Option<f64> {
        self.rating_hundredths.map(|hundredths| f64::from(hundredths) / 100.0)
    }
}

/// How many nights stays may have, from the shortest to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// On some dates: no other stay is allowed on any.
    pub perhaps: (u16, u16),
    /// On all dates; `None` where on some no guest may arrive or leave.
    pub surely: Option<(u16, u16)>,
}

/// What the bytes of a projection begin with. Another shape of [`Projection`], or another order of
/// the words in it, is another format, and every unit has to be projected anew: infra/project.sh.
const FORMAT: u8 = 2;

/// A projection made ready to be searched.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The projection.
    pub projection: Projection,
    /// Counts the unit's projections: of two, the higher is the newer.
    pub version: u64,
    /// The city, and the city and country, as [`words`].
    pub(super) place: [String; 2],
    /// The words of title and city, each after a space.
    pub(super) text: String,
    /// How many bytes of `text` are the title's.
    pub(super) title_length: usize,
}

impl Candidate {
    /// Makes a projection ready.
    #[must_use]
    pub fn of(projection: Projection, version: u64) -> Self {
        let (title, city) = (words(&projection.title), words(&projection.city));
        let with_country = words(&format!("{city} {}", projection.country));
        let text = format!(" {title} {city}");
        Self { version, place: [city, with_country], text, title_length: title.len() + 1, projection }
    }
}

/// Stay rules of a run of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayRules {
    min_nights: Option<u16>,
    max_nights: Option<u16>,
    closed_to_arrival: bool,
    closed_to_departure: bool,
}

impl DayRules {
    fn of(rules: &Rules) -> Self {
        let Rules { min_nights, max_nights, closed_to_arrival, closed_to_departure } = *rules;
        Self { min_nights, max_nights, closed_to_arrival, closed_to_departure }
    }
}

/// Values of days, as sorted runs `[first, end)` that do not overlap. Written as gaps and lengths,
/// a byte or two each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Steps<T>", into = "Steps<T>", bound(serialize = "T: Clone + Serialize"))]
pub(super) struct DayRuns<T>(Vec<(i32, i32, T)>);

impl<T> DayRuns<T> {
    /// The runs from day `first` on.
    fn of<S: Clone + PartialEq>(runs: &Runs<S>, first: i32, value: impl Fn(&S) -> T) -> Self {
        let run = |(nights, held): &(Nights, S)| {
            let (from, end) = (epoch_day(nights.first()).max(first), epoch_day(nights.end()));
            (from < end).then(|| (from, end, value(held)))
        };
        Self(runs.iter().filter_map(run).collect())
    }

    /// The value of a day.
    fn get(&self, day: i32) -> Option<&T> {
        let after = self.0.partition_point(|(first, ..)| *first <= day);
        let (_, end, value) = self.0.get(after.checked_sub(1)?)?;
        (day < *end).then_some(value)
    }

    /// The parts of the runs within `[first, end)`.
    fn overlapping(&self, first: i32, end: i32) -> impl Iterator<Item = (i32, i32, &T)> {
        let from = self.0.partition_point(move |(_, run_end, _)| *run_end <= first);
        self.0[from..]
            .iter()
            .take_while(move |(run_first, ..)| *run_first < end)
            .map(move |(run_first, run_end, value)| ((*run_first).max(first), (*run_end).min(end), value))
    }
}

/// Runs as they are written: days since the end of the run before, days, value.
#[derive(Serialize, Deserialize)]
struct Steps<T>(Vec<(i32, i32, T)>);

impl<T> From<DayRuns<T>> for Steps<T> {
    fn from(runs: DayRuns<T>) -> Self {
        let mut last = 0;
        let step = |(first, end, value)| {
            let gap = first - std::mem::replace(&mut last, end);
            (gap, end - first, value)
        };
        Self(runs.0.into_iter().map(step).collect())
    }
}

impl<T> From<Steps<T>> for DayRuns<T> {
    fn from(steps: Steps<T>) -> Self {
        let mut last = 0_i32;
        let run = |(gap, days, value)| {
            let first = last.saturating_add(gap);
            last = first.saturating_add(days);
            (first, last, value)
        };
        Self(steps.0.into_iter().map(run).collect())
    }
}

/// Each amenity once, whatever its case.
fn distinct(amenities: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(amenities.len());
    for amenity in amenities {
        if !kept.iter().any(|other| same_but_for_case(other, amenity)) {
            kept.push(amenity.clone());
        }
    }
    kept
}

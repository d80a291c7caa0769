//! What the importer sends to the stack: homes in one plain form, whatever file they came from.
//! Dates travel as days since 1970-01-01, ranges half-open: a year of a home is a few dozen numbers.

use roost::clock::Zone;
use roost::ids::{ListingId, UserId};
use roost::listing::{Location, PlaceType, PropertyType};
use roost::money::Currency;
use serde::{Deserialize, Serialize};

/// Where the stack takes imports.
pub const PATH: &str = "/_local/import";

/// What is asked of the stack.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum Request {
    /// Asks for the day that a catalogue's first date becomes: today (UTC), or the day of its first
    /// import.
    Begin {
        /// Of the catalogue's content.
        fingerprint: String,
    },
    /// Loads homes, each with its year.
    Load {
        /// The homes.
        homes: Vec<Home>,
    },
}

/// The answer to [`Request::Begin`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    /// The day that the catalogue's first date becomes.
    pub first_day: i32,
}

/// The answer to [`Request::Load`]: one outcome a home, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Loaded {
    /// What became of each.
    pub outcomes: Vec<Outcome>,
}

/// What became of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// It was not there.
    New,
    /// It was there from another snapshot, and is now as in this one; booked nights stay booked.
    Changed,
    /// It was loaded from this very snapshot before: nothing was touched.
    Unchanged,
    /// It could not be loaded.
    Failed {
        /// A sentence.
        reason: String,
    },
}

/// One home and its calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// Its id, the same at every import.
    pub listing: ListingId,
    /// Its host's id, the same at every import.
    pub host: UserId,
    /// What stands for the host's name, which the files do not tell.
    pub host_name: String,
    /// 3 to 120 characters.
    pub title: String,
    /// At most 5,000 characters.
    pub description: String,
    /// What kind of building or vessel.
    pub property_type: PropertyType,
    /// What of it the guest gets.
    pub place_type: PlaceType,
    /// The part of town: the files tell no street.
    pub neighbourhood: String,
    /// Town.
    pub city: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Where it is.
    pub location: Location,
    /// Where its nights are counted.
    pub zone: Zone,
    /// How many adults and children fit.
    pub max_guests: u16,
    /// How many bedrooms.
    pub bedrooms: u16,
    /// How many beds.
    pub beds: u16,
    /// How many bathrooms, in tenths.
    pub bathrooms_tenths: u16,
    /// What there is.
    pub amenities: Vec<String>,
    /// What its prices are in.
    pub currency: Currency,
    /// A night's price where `prices` has none, in minor units.
    pub base_price: i64,
    /// The shortest stay where `rules` has none.
    pub min_nights: u16,
    /// The longest stay where `rules` has none.
    pub max_nights: u16,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// Whether its host is one of the best.
    pub superhost: bool,
    /// How many reviews.
    pub review_count: u32,
    /// Mean rating in hundredths.
    pub rating_hundredths: Option<u16>,
    /// The day after its last night.
    pub open_until: i32,
    /// Nights that are closed.
    pub blocked: Vec<(i32, i32)>,
    /// Nights that cost another price, in minor units.
    pub prices: Vec<(i32, i32, i64)>,
    /// Arrival nights with another shortest and longest stay.
    pub rules: Vec<(i32, i32, Option<u16>, Option<u16>)>,
}

impl Home {
    /// Moves every date by this many days.
    pub(super) fn shift(&mut self, days: i32) {
        self.open_until += days;
        let blocked = self.blocked.iter_mut().map(|(first, end)| (first, end));
        let prices = self.prices.iter_mut().map(|(first, end, _)| (first, end));
        let rules = self.rules.iter_mut().map(|(first, end, _, _)| (first, end));
        for (first, end) in blocked.chain(prices).chain(rules) {
            *first += days;
            *end += days;
        }
    }
}

/// The id of the listing that has this id in the Inside Airbnb files: the same at every import, so
/// that a home keeps its id, its bookings and its host's edits.
#[must_use]
pub fn listing_id(source: &str) -> ListingId {
    ListingId::from_bits(bits("listing", source))
}

/// The id of the host that has this id in the Inside Airbnb files.
#[must_use]
pub fn host_id(source: &str) -> UserId {
    UserId::from_bits(bits("host", source))
}

fn bits(kind: &str, source: &str) -> u128 {
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        format!("insideairbnb {kind} {source}").as_bytes(),
    );
    let (bits, _) = digest.as_ref().split_first_chunk::<16>().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*bits)
}

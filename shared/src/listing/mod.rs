//! Listings: what a host describes, and the terms that a unit is sold under.

pub(crate) mod body;
pub mod calendar;
pub mod draft;
pub mod runs;
pub mod view;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::clock::{Instant, Zone};
use crate::ids::{ListingId, UnitId, UserId};
use crate::money::{Currency, Money};
use crate::stay::Date;

/// A listing as its host describes it. What it is sold under stands in [`Terms`].
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Its id.
    pub id: ListingId,
    /// Whose it is.
    pub host: UserId,
    /// 3 to 120 characters.
    pub title: String,
    /// At most 5,000 characters.
    pub description: String,
    /// What kind of building or vessel.
    pub property_type: PropertyType,
    /// What of it the guest gets.
    pub place_type: PlaceType,
    /// Where it is, for the post.
    pub address: Address,
    /// Where it is, exactly.
    pub location: Location,
    /// How many bedrooms.
    pub bedrooms: u16,
    /// How many beds.
    pub beds: u16,
    /// How many bathrooms, in tenths: half a bathroom has no bath.
    pub bathrooms_tenths: u16,
    /// What there is, as the host writes it.
    pub amenities: Vec<String>,
    /// Mean rating in hundredths (1.00 to 5.00), when anybody has rated it.
    pub rating_hundredths: Option<u16>,
    /// How many reviews.
    pub review_count: u32,
    /// Whether its host is one of the best.
    pub superhost: bool,
    /// When it was created.
    pub created_at: Instant,
    /// Counts its changes: the `ETag`.
    pub version: u64,
    /// What it was imported from, to recognise an unchanged row.
    pub import_fingerprint: Option<String>,
}

/// The terms that a unit's nights are sold under: small, and read with every quote and month view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The unit.
    pub unit: UnitId,
    /// Its listing.
    pub listing: ListingId,
    /// Its host.
    pub host: UserId,
    /// Whether it is on sale.
    pub status: ListingStatus,
    /// What its prices are in.
    pub currency: Currency,
    /// A night's price where the calendar has none, in minor units.
    pub base_price: i64,
    /// Once a stay, in minor units.
    pub cleaning_fee: i64,
    /// The shortest stay where the calendar has no rule.
    pub min_nights: u16,
    /// The longest stay where the calendar has no rule.
    pub max_nights: u16,
    /// How many adults and children fit.
    pub max_guests: u16,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// What a cancellation returns.
    pub cancellation_policy: CancellationPolicy,
    /// How much of a price a guest pays when he books, in percent; the rest is due 14 days before check-in.
    /// `None`: all of it.
    pub deposit_percent: Option<u8>,
    /// When guests may come.
    pub check_in_time: Time,
    /// When guests have to leave.
    pub check_out_time: Time,
    /// Where its nights are counted.
    pub zone: Zone,
    /// No night from this date on is sold.
    pub open_until: Option<Date>,
    /// How many bookings a night takes: 1 for a home.
    pub capacity: u16,
    /// ISO 3166 alpha-2, for taxes.
    pub country: String,
}

impl Terms {
    /// An amount in the unit's currency.
    #[must_use]
    pub const fn money(&self, amount: i64) -> Money {
        Money { amount, currency: self.currency }
    }
}

/// A point on the earth, in degrees (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lng: f64,
}

impl Location {
    /// Where it is for strangers: rounded to 3 decimals, about 100 m.
    #[must_use]
    pub fn rounded(self) -> Self {
        let round = |degrees: f64| (degrees * 1000.0).round() / 1000.0;
        Self { lat: round(self.lat), lng: round(self.lng) }
    }
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// Street and number.
    pub line1: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2, in capitals.
    pub country: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The contract's word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value of the contract's word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }
    )*};
}
words! {
    /// Where a listing stands.
    ListingStatus {
        /// Not yet shown to anybody but its host.
        Draft = "draft",
        /// On sale.
        Active = "active",
        /// Taken off sale by its host.
        Inactive = "inactive",
    }
    /// What kind of building or vessel.
    PropertyType {
        /// Apartment, flat, loft, condominium.
        Apartment = "apartment",
        /// House.
        House = "house",
        /// Villa.
        Villa = "villa",
        /// Cabin, cottage.
        Cabin = "cabin",
        /// A room.
        Room = "room",
        /// Hotel.
        Hotel = "hotel",
        /// Hostel.
        Hostel = "hostel",
        /// Boat.
        Boat = "boat",
        /// Anything else.
        Other = "other",
    }
    /// What of it the guest gets.
    PlaceType {
        /// All of it.
        EntirePlace = "entire_place",
        /// A room of one's own.
        PrivateRoom = "private_room",
        /// A bed in a shared room.
        SharedRoom = "shared_room",
        /// A hotel's room.
        HotelRoom = "hotel_room",
    }
    /// What a cancellation returns.
    CancellationPolicy {
        /// All until 24 h before check-in, then all but the first night.
        Flexible = "flexible",
        /// All until 5 days before, then half of the nights not slept.
        Moderate = "moderate",
        /// All within 48 h of booking when check-in is 14 days off; half until 7 days before; then none.
        Strict = "strict",
    }
}

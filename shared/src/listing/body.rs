//! What a host writes about a listing: the bodies that create and change one, not yet validated.

use serde::{Deserialize, Deserializer};

use super::{Address, CancellationPolicy, Location, PlaceType, PropertyType};
use crate::money::Money;

/// The body that creates a listing.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewListing {
    /// 3 to 120 characters.
    pub title: String,
    /// At most 5,000 characters; a listing is published with one.
    pub description: String,
    /// What kind of building or vessel.
    #[schemars(with = "PropertyType")]
    pub property_type: String,
    /// What of it the guest gets.
    #[schemars(with = "PlaceType")]
    pub place_type: String,
    /// Where it is, for the post.
    pub address: Address,
    /// Where it is, exactly.
    pub location: Location,
    /// How many adults and children fit: 1 to 50.
    pub max_guests: i64,
    /// 0 to 50.
    pub bedrooms: i64,
    /// 0 to 100.
    pub beds: i64,
    /// 0 to 50, in halves.
    pub bathrooms: f64,
    /// At most 100, each of 1 to 80 characters.
    pub amenities: Vec<String>,
    /// A night's price where the calendar has none.
    pub base_price: Money,
    /// The shortest stay, 1 to 365 nights.
    pub min_nights: i64,
    /// The longest stay, up to 1,125 nights.
    pub max_nights: i64,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// What a cancellation returns.
    #[schemars(with = "CancellationPolicy")]
    pub cancellation_policy: String,
    /// When guests may come: `HH:MM`.
    pub check_in_time: String,
    /// When guests have to leave: `HH:MM`.
    pub check_out_time: String,
    /// Once a stay, in the currency of the base price.
    #[serde(default)]
    pub cleaning_fee: Option<Money>,
    /// How much of a price a guest pays when he books, in percent, 10 to 90; the rest is due 14 days before
    /// check-in. Without it all of a price is paid at once. A request is paid in full when it is accepted,
    /// and so is a stay whose balance would be due within a day.
    #[serde(default)]
    pub deposit_percent: Option<i64>,
    /// IANA name; that of the location unless given.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// No night from this date on is sold.
    #[schemars(extend("format" = "date"))]
    #[serde(default)]
    pub open_until: Option<String>,
}

/// The body that changes a listing: the fields that it has, the others stay.
#[allow(clippy::option_option, reason = "absent, `null` and a value are three things")]
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListingChanges {
    /// 3 to 120 characters.
    pub title: Option<String>,
    /// At most 5,000 characters; a listing is published with one.
    pub description: Option<String>,
    /// What kind of building or vessel.
    #[schemars(with = "Option<PropertyType>")]
    pub property_type: Option<String>,
    /// What of it the guest gets.
    #[schemars(with = "Option<PlaceType>")]
    pub place_type: Option<String>,
    /// Where it is, for the post.
    pub address: Option<Address>,
    /// Where it is, exactly.
    pub location: Option<Location>,
    /// How many adults and children fit: 1 to 50.
    pub max_guests: Option<i64>,
    /// 0 to 50.
    pub bedrooms: Option<i64>,
    /// 0 to 100.
    pub beds: Option<i64>,
    /// 0 to 50, in halves.
    pub bathrooms: Option<f64>,
    /// At most 100, each of 1 to 80 characters.
    pub amenities: Option<Vec<String>>,
    /// A night's price where the calendar has none.
    pub base_price: Option<Money>,
    /// The shortest stay, 1 to 365 nights.
    pub min_nights: Option<i64>,
    /// The longest stay, up to 1,125 nights.
    pub max_nights: Option<i64>,
    /// Whether a guest books without asking.
    pub instant_book: Option<bool>,
    /// What a cancellation returns.
    #[schemars(with = "Option<CancellationPolicy>")]
    pub cancellation_policy: Option<String>,
    /// When guests may come: `HH:MM`.
    pub check_in_time: Option<String>,
    /// When guests have to leave: `HH:MM`.
    pub check_out_time: Option<String>,
    /// Once a stay, in the currency of the base price. `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Money>")]
    pub cleaning_fee: Option<Option<Money>>,
    /// How much of a price a guest pays when he books, in percent, 10 to 90; the rest is due 14 days before
    /// check-in. `null` removes it: all of a price is paid at once. A request is paid in full when it is
    /// accepted, and so is a stay whose balance would be due within a day.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<i64>")]
    pub deposit_percent: Option<Option<i64>>,
    /// IANA name; that of the location unless given.
    pub time_zone: Option<String>,
    /// No night from this date on is sold. `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub open_until: Option<Option<String>>,
}

impl From<NewListing> for ListingChanges {
    fn from(new: NewListing) -> Self {
        Self {
            title: Some(new.title),
            description: Some(new.description),
            property_type: Some(new.property_type),
            place_type: Some(new.place_type),
            address: Some(new.address),
            location: Some(new.location),
            max_guests: Some(new.max_guests),
            bedrooms: Some(new.bedrooms),
            beds: Some(new.beds),
            bathrooms: Some(new.bathrooms),
            amenities: Some(new.amenities),
            base_price: Some(new.base_price),
            min_nights: Some(new.min_nights),
            max_nights: Some(new.max_nights),
            instant_book: Some(new.instant_book),
            cancellation_policy: Some(new.cancellation_policy),
            check_in_time: Some(new.check_in_time),
            check_out_time: Some(new.check_out_time),
            cleaning_fee: new.cleaning_fee.map(Some),
            deposit_percent: new.deposit_percent.map(Some),
            time_zone: new.time_zone,
            open_until: new.open_until.map(Some),
        }
    }
}

/// A field that is there, whether it has a value or is `null`.
#[allow(
    clippy::option_option,
    clippy::type_complexity,
    reason = "absent, `null` and a value are three things"
)]
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

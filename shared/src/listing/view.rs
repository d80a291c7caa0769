//! A listing as clients see it. Street, postcode and exact place are for its host and for guests
//! with a confirmed booking.

use jiff::civil::Time;
use serde::Serialize;

use super::{Address, CancellationPolicy, Listing, ListingStatus, Location, PlaceType, PropertyType, Terms};
use crate::clock::Instant;
use crate::ids::{ListingId, UserId};
use crate::money::Money;
use crate::stay::Date;

/// A listing as the caller may see it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Listing")]
pub struct ListingView {
    /// Its id.
    pub id: ListingId,
    /// Whose it is.
    pub host_id: UserId,
    /// Where it stands.
    pub status: ListingStatus,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// What kind of building or vessel.
    pub property_type: PropertyType,
    /// What of it the guest gets.
    pub place_type: PlaceType,
    /// Where it is, for the post.
    pub address: AddressView,
    /// Where it is; for strangers rounded to 3 decimals.
    pub location: Location,
    /// How many adults and children fit.
    pub max_guests: u16,
    /// How many bedrooms.
    pub bedrooms: u16,
    /// How many beds.
    pub beds: u16,
    /// How many bathrooms, in halves.
    pub bathrooms: f64,
    /// What there is.
    pub amenities: Vec<String>,
    /// A night's price where the calendar has none.
    pub base_price: Money,
    /// Once a stay.
    pub cleaning_fee: Money,
    /// The shortest stay where the calendar has no rule.
    pub min_nights: u16,
    /// The longest stay where the calendar has no rule.
    pub max_nights: u16,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// What a cancellation returns.
    pub cancellation_policy: CancellationPolicy,
    /// How much of a price a guest pays when he books, in percent; the rest is due 14 days before check-in.
    /// Without it all of a price is paid at once. A request is paid in full when it is accepted, and so is a
    /// stay whose balance would be due within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_percent: Option<u8>,
    /// When guests may come: `HH:MM` in the listing's zone.
    pub check_in_time: String,
    /// When guests have to leave: `HH:MM` in the listing's zone.
    pub check_out_time: String,
    /// Where its nights are counted: an IANA name.
    pub time_zone: String,
    /// No night from this date on is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub open_until: Option<Date>,
    /// Mean rating, 1 to 5; `null` while nobody has rated it.
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: u32,
    /// Whether its host is one of the best.
    pub superhost: bool,
    /// Its first photo, where it has one that is ready and one listing is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_url: Option<String>,
    /// When it was created.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Instant,
}

/// An address as the caller may see it: strangers learn the town.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ShownAddress")]
pub struct AddressView {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    /// More of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postcode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: String,
}

impl ListingView {
    /// With its exact place: for its host and for guests with a confirmed booking.
    #[must_use]
    pub fn exact(listing: &Listing, terms: &Terms) -> Self {
        let Address { line1, line2, city, state, postal_code, country } = listing.address.clone();
        let address = AddressView { line1: Some(line1), line2, city, state, postal_code, country };
        Self::of(listing, terms, address, listing.location)
    }

    /// Without street and postcode, and with a rounded place: for everybody else.
    #[must_use]
    pub fn for_stranger(listing: &Listing, terms: &Terms) -> Self {
        let Address { city, state, country, .. } = listing.address.clone();
        let address = AddressView { line1: None, line2: None, city, state, postal_code: None, country };
        Self::of(listing, terms, address, listing.location.rounded())
    }

    fn of(listing: &Listing, terms: &Terms, address: AddressView, location: Location) -> Self {
        Self {
            id: listing.id,
            host_id: listing.host,
            status: terms.status,
            title: listing.title.clone(),
            description: listing.description.clone(),
            property_type: listing.property_type,
            place_type: listing.place_type,
            address,
            location,
            max_guests: terms.max_guests,
            bedrooms: listing.bedrooms,
            beds: listing.beds,
            bathrooms: f64::from(listing.bathrooms_tenths) / 10.0,
            amenities: listing.amenities.clone(),
            base_price: terms.money(terms.base_price),
            cleaning_fee: terms.money(terms.cleaning_fee),
            min_nights: terms.min_nights,
            max_nights: terms.max_nights,
            instant_book: terms.instant_book,
            cancellation_policy: terms.cancellation_policy,
            deposit_percent: terms.deposit_percent,
            check_in_time: time_of_day(terms.check_in_time),
            check_out_time: time_of_day(terms.check_out_time),
            time_zone: terms.zone.name().to_owned(),
            open_until: terms.open_until,
            rating: listing.rating_hundredths.map(|hundredths| f64::from(hundredths) / 100.0),
            review_count: listing.review_count,
            superhost: listing.superhost,
            photo_url: None,
            created_at: listing.created_at,
        }
    }
}

fn time_of_day(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::draft::tests::example;

    #[test]
    fn strangers_learn_the_town_and_the_neighbourhood_and_no_more() {
        let (mut listing, terms) = example();
        listing.address.line2 = Some("Third floor".into());
        listing.location = Location { lat: 51.219_448, lng: 4.402_464 };
        let shown = serde_json::to_string(&ListingView::for_stranger(&listing, &terms)).unwrap();
        assert!(shown.contains(r#""location":{"lat":51.219,"lng":4.402}"#), "{shown}");
        for hidden in ["Suikerrui", "Third floor", "postalCode", "51.2194"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
        let exact = serde_json::to_string(&ListingView::exact(&listing, &terms)).unwrap();
        assert!(
            exact.contains("Suikerrui 1") && exact.contains("51.219448") && exact.contains("Third floor")
        );
        assert!(
            exact.contains(r#""checkInTime":"15:00""#) && exact.contains(r#""bathrooms":1.5"#),
            "{exact}"
        );
    }

    #[test]
    fn everybody_learns_of_a_deposit_where_there_is_one() {
        let (listing, mut terms) = example();
        let shown = |terms: &Terms| serde_json::to_value(ListingView::for_stranger(&listing, terms)).unwrap();
        assert!(shown(&terms).get("depositPercent").is_none());
        terms.deposit_percent = Some(30);
        assert_eq!(shown(&terms)["depositPercent"], 30);
    }
}

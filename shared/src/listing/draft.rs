//! The validation of what a host writes about a listing. Every wrong field is named at once.

use std::collections::HashSet;

use iso_country::Country;
use jiff::civil::Time;

pub use super::body::{ListingChanges, NewListing};
use super::{Address, CancellationPolicy, Listing, ListingStatus, Location, PlaceType, PropertyType, Terms};
use crate::clock::{Instant, Zone};
use crate::error::{Because, Error, Fields, Result};
use crate::geo::zone::zone_of;
use crate::ids::{ListingId, UserId};
use crate::money::{LARGEST_PRICE, Money};
use crate::stay::{LONGEST_STAY, parse_date};

/// The longest stay that a host may allow.
pub const LARGEST_MAX_NIGHTS: i64 = 1125;

impl NewListing {
    /// The draft that it asks for, and the terms of its one unit.
    ///
    /// # Errors
    /// `Invalid`, naming every wrong field.
    pub fn validate(self, id: ListingId, host: UserId, now: Instant) -> Result<(Listing, Terms)> {
        let (mut listing, mut terms) = blank(id, host, now, self.base_price, self.location);
        ListingChanges::from(self).apply(&mut listing, &mut terms)?;
        Ok((listing, terms))
    }
}

impl ListingChanges {
    /// Makes the changes.
    ///
    /// # Errors
    /// `Invalid`, naming every wrong field.
    pub fn apply(&self, listing: &mut Listing, terms: &mut Terms) -> Result<()> {
        let mut fields = Fields::default();
        // The zone first: whether it follows the place depends on where the place was.
        self.apply_zone(listing, terms, &mut fields);
        self.apply_place(listing, terms, &mut fields);
        self.apply_description(listing, terms, &mut fields);
        self.apply_price(terms, &mut fields);
        self.apply_rules(terms, &mut fields);
        fields.finish()
    }

    fn apply_description(&self, listing: &mut Listing, terms: &mut Terms, fields: &mut Fields) {
        if let Some(title) = &self.title {
            listing.title = fields.text("/title", title, 3, 120);
        }
        if let Some(description) = &self.description {
            listing.description = fields.text("/description", description, 0, 5000);
            let may_be_empty = terms.status != ListingStatus::Active;
            fields.check(
                may_be_empty || !listing.description.is_empty(),
                "/description",
                "must not be empty while the listing is on sale",
            );
        }
        if let Some(word) = &self.property_type {
            let value = PropertyType::of(word).ok_or_else(|| one_of(PropertyType::ALL, PropertyType::word));
            listing.property_type = fields.take("/propertyType", value).unwrap_or(listing.property_type);
        }
        if let Some(word) = &self.place_type {
            let value = PlaceType::of(word).ok_or_else(|| one_of(PlaceType::ALL, PlaceType::word));
            listing.place_type = fields.take("/placeType", value).unwrap_or(listing.place_type);
        }
        if let Some(count) = self.max_guests {
            terms.max_guests = fields.number("/maxGuests", count, 1, 50);
        }
        if let Some(count) = self.bedrooms {
            listing.bedrooms = fields.number("/bedrooms", count, 0, 50);
        }
        if let Some(count) = self.beds {
            listing.beds = fields.number("/beds", count, 0, 100);
        }
        if let Some(count) = self.bathrooms {
            listing.bathrooms_tenths = fields.take("/bathrooms", bathrooms_tenths(count)).unwrap_or_default();
        }
        if let Some(amenities) = &self.amenities {
            listing.amenities = valid_amenities(amenities, fields);
        }
    }

    fn apply_place(&self, listing: &mut Listing, terms: &mut Terms, fields: &mut Fields) {
        if let Some(address) = &self.address {
            listing.address = valid_address(address, fields);
            terms.country.clone_from(&listing.address.country);
        }
        if let Some(location) = self.location {
            fields.check((-90.0..=90.0).contains(&location.lat), "/location/lat", "must be from -90 to 90");
            fields.check(
                (-180.0..=180.0).contains(&location.lng),
                "/location/lng",
                "must be from -180 to 180",
            );
            // A tenth of a millimetre: the store's numbers do not reach down to every fraction that JSON can write.
            let rounded = |degrees: f64| (degrees * 1e9).round() / 1e9 + 0.0;
            listing.location = Location { lat: rounded(location.lat), lng: rounded(location.lng) };
        }
    }

    /// A draft's zone follows its location unless its host chose another. Once published it stays:
    /// the nights that guests booked are counted in it.
    fn apply_zone(&self, listing: &Listing, terms: &mut Terms, fields: &mut Fields) {
        if let Some(name) = &self.time_zone {
            match Zone::named(name) {
                None => fields.refuse("/timeZone", "must be an IANA time zone"),
                Some(zone) if zone != terms.zone && terms.status != ListingStatus::Draft => {
                    fields.refuse("/timeZone", "cannot change once the listing was published");
                }
                Some(zone) => terms.zone = zone,
            }
        } else if let Some(location) = self.location
            && terms.status == ListingStatus::Draft
            && location != listing.location
            && terms.zone == zone_of(listing.location)
        {
            terms.zone = zone_of(location);
        }
    }

    fn apply_price(&self, terms: &mut Terms, fields: &mut Fields) {
        let same_currency = |pointer: &str, money: Money, fields: &mut Fields| {
            if money.currency != terms.currency {
                let detail = format!("must be in {}, the currency of the listing", terms.currency.code());
                fields.refuse(format!("{pointer}/currency"), detail);
            }
        };
        if let Some(price) = self.base_price {
            same_currency("/basePrice", price, fields);
            terms.base_price = fields.number("/basePrice/amount", price.amount, 1, LARGEST_PRICE);
        }
        match self.cleaning_fee {
            None => {}
            Some(None) => terms.cleaning_fee = 0,
            Some(Some(fee)) => {
                same_currency("/cleaningFee", fee, fields);
                terms.cleaning_fee = fields.number("/cleaningFee/amount", fee.amount, 0, LARGEST_PRICE);
            }
        }
        if let Some(percent) = self.deposit_percent {
            terms.deposit_percent = percent.map(|percent| fields.number("/depositPercent", percent, 10, 90));
        }
    }

    fn apply_rules(&self, terms: &mut Terms, fields: &mut Fields) {
        if let Some(nights) = self.min_nights {
            terms.min_nights = fields.number("/minNights", nights, 1, LONGEST_STAY.into());
        }
        if let Some(nights) = self.max_nights {
            terms.max_nights = fields.number("/maxNights", nights, 1, LARGEST_MAX_NIGHTS);
        }
        // A number out of range has been refused already, and stands at 0.
        if terms.max_nights != 0 && terms.max_nights < terms.min_nights {
            let pointer = if self.max_nights.is_some() { "/maxNights" } else { "/minNights" };
            fields.refuse(pointer, "maxNights must be at least minNights");
        }
        if let Some(instant_book) = self.instant_book {
            terms.instant_book = instant_book;
        }
        if let Some(word) = &self.cancellation_policy {
            let value = CancellationPolicy::of(word)
                .ok_or_else(|| one_of(CancellationPolicy::ALL, CancellationPolicy::word));
            terms.cancellation_policy =
                fields.take("/cancellationPolicy", value).unwrap_or(terms.cancellation_policy);
        }
        if let Some(time) = &self.check_in_time {
            terms.check_in_time = fields.take("/checkInTime", parse_time(time)).unwrap_or_default();
        }
        if let Some(time) = &self.check_out_time {
            terms.check_out_time = fields.take("/checkOutTime", parse_time(time)).unwrap_or_default();
        }
        match &self.open_until {
            None => {}
            Some(None) => terms.open_until = None,
            Some(Some(date)) => terms.open_until = fields.take("/openUntil", parse_date(date)),
        }
    }
}

/// Puts a listing on sale; one on sale already stays as it is.
///
/// # Errors
/// `Conflict` `not_publishable` with what is missing.
pub fn publish(listing: &Listing, terms: &mut Terms) -> Result<()> {
    let mut missing = Fields::default();
    missing.check(!listing.description.is_empty(), "/description", "is missing");
    let missing = missing.into_inner();
    if !missing.is_empty() {
        return Err(Error::Conflict {
            code: "not_publishable",
            detail: "The listing lacks what guests need to know.".into(),
            because: Because::Fields(missing),
        });
    }
    terms.status = ListingStatus::Active;
    Ok(())
}

/// Takes a listing off sale; a draft never was on it, and stays one.
pub fn unpublish(terms: &mut Terms) {
    if terms.status == ListingStatus::Active {
        terms.status = ListingStatus::Inactive;
    }
}

/// A listing that nothing is said about yet.
fn blank(id: ListingId, host: UserId, now: Instant, price: Money, location: Location) -> (Listing, Terms) {
    let listing = Listing {
        id,
        host,
        title: String::new(),
        description: String::new(),
        property_type: PropertyType::Other,
        place_type: PlaceType::EntirePlace,
        address: Address {
            line1: String::new(),
            line2: None,
            city: String::new(),
            state: None,
            postal_code: None,
            country: String::new(),
        },
        location,
        bedrooms: 0,
        beds: 0,
        bathrooms_tenths: 0,
        amenities: Vec::new(),
        rating_hundredths: None,
        review_count: 0,
        superhost: false,
        created_at: now,
        version: 1,
        import_fingerprint: None,
    };
    let terms = Terms {
        unit: id.into(),
        listing: id,
        host,
        status: ListingStatus::Draft,
        currency: price.currency,
        base_price: 0,
        cleaning_fee: 0,
        min_nights: 1,
        max_nights: 1,
        max_guests: 1,
        instant_book: false,
        cancellation_policy: CancellationPolicy::Flexible,
        deposit_percent: None,
        check_in_time: Time::midnight(),
        check_out_time: Time::midnight(),
        zone: zone_of(location),
        open_until: None,
        capacity: 1,
        country: String::new(),
    };
    (listing, terms)
}

fn valid_address(address: &Address, fields: &mut Fields) -> Address {
    let optional = |pointer: &str, text: &Option<String>, fields: &mut Fields| {
        let text = fields.text(pointer, text.as_deref().unwrap_or_default(), 0, 100);
        Some(text).filter(|text| !text.is_empty())
    };
    if !is_country(&address.country) {
        fields.refuse("/address/country", "must be an ISO 3166 code of two capitals");
    }
    Address {
        line1: fields.text("/address/line1", &address.line1, 1, 200),
        line2: optional("/address/line2", &address.line2, fields),
        city: fields.text("/address/city", &address.city, 1, 100),
        state: optional("/address/state", &address.state, fields),
        postal_code: optional("/address/postalCode", &address.postal_code, fields),
        country: address.country.clone(),
    }
}

/// Whether ISO 3166 has a country of these two capitals.
#[must_use]
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.parse::<Country>().is_ok()
}

fn valid_amenities(amenities: &[String], fields: &mut Fields) -> Vec<String> {
    fields.check(amenities.len() <= 100, "/amenities", "must have at most 100 entries");
    let mut seen = HashSet::new();
    let each = amenities.iter().take(100).enumerate();
    each.map(|(at, amenity)| fields.text(&format!("/amenities/{at}"), amenity, 1, 80))
        .filter(|amenity| seen.insert(amenity.clone()))
        .collect()
}

fn bathrooms_tenths(count: f64) -> std::result::Result<u16, &'static str> {
    // Every half from 0 to 50 is exact as a float, so that equality is what is meant.
    #[allow(clippy::float_cmp, reason = "halves are exact")]
    let halves = (0u16..=100).find(|halves| f64::from(*halves) / 2.0 == count);
    halves.map(|halves| halves * 5).ok_or("must be a number from 0 to 50, in halves")
}

/// A time of day written `HH:MM`, on the 24-hour clock.
fn parse_time(text: &str) -> std::result::Result<Time, &'static str> {
    let wrong = "a time of day is written HH:MM, from 00:00 to 23:59";
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let (hour, minute) = text.split_once(':').ok_or(wrong)?;
    let (hour, minute) = number(hour).zip(number(minute)).ok_or(wrong)?;
    Time::new(hour, minute, 0, 0).map_err(|_| wrong)
}

fn one_of<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> String {
    let words: Vec<&str> = all.iter().map(|value| word(*value)).collect();
    format!("must be one of {}", words.join(", "))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::money::Currency;

    fn body() -> Value {
        json!({
            "title": " A loft by the river ", "description": "Two rooms under the roof.",
            "propertyType": "apartment", "placeType": "entire_place",
            "address": {"line1": "Suikerrui 1", "line2": " ", "city": "Antwerpen", "postalCode": "2000", "country": "BE"},
            "location": {"lat": 51.2194, "lng": 4.4025},
            "maxGuests": 4, "bedrooms": 2, "beds": 3, "bathrooms": 1.5, "amenities": ["Wifi", " Wifi", "Lift"],
            "basePrice": {"amount": 12000, "currency": "EUR"}, "cleaningFee": {"amount": 4000, "currency": "EUR"},
            "minNights": 2, "maxNights": 90, "instantBook": true, "cancellationPolicy": "moderate",
            "checkInTime": "15:00", "checkOutTime": "11:00"
        })
    }

    /// A listing as a host would write it.
    pub(crate) fn example() -> (Listing, Terms) {
        validate(&body()).unwrap()
    }

    fn validate(body: &Value) -> Result<(Listing, Terms)> {
        let new: NewListing = serde_json::from_value(body.clone()).expect("the body has the right types");
        new.validate(ListingId::from_bits(7), UserId::from_bits(8), Instant::UNIX_EPOCH)
    }

    fn pointers(refused: Result<impl std::fmt::Debug>) -> Vec<String> {
        match refused {
            Err(Error::Invalid { fields, .. }) => fields.into_iter().map(|field| field.pointer).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_draft_is_trimmed_and_counted_in_the_zone_of_its_place() {
        let (listing, terms) = example();
        assert_eq!(listing.title, "A loft by the river");
        assert_eq!(listing.amenities, ["Wifi", "Lift"]);
        assert_eq!((listing.bathrooms_tenths, listing.version, listing.address.line2), (15, 1, None));
        assert_eq!(terms.zone.name(), "Europe/Brussels");
        assert_eq!((terms.status, terms.country.as_str()), (ListingStatus::Draft, "BE"));
        assert_eq!(terms.check_in_time, Time::constant(15, 0, 0, 0));
    }

    #[test]
    fn each_wrong_value_is_named() {
        let long = "x".repeat(5000);
        for (pointer, value) in [
            ("/title", json!("")),
            ("/title", json!(long)),
            ("/description", json!(format!("{long}x"))),
            ("/propertyType", json!("castle")),
            ("/placeType", json!("Entire_place")),
            ("/cancellationPolicy", json!("none")),
            ("/address/line1", json!(" ")),
            ("/address/city", json!("")),
            ("/address/country", json!("XX")),
            ("/address/country", json!("be")),
            ("/location/lat", json!(91)),
            ("/location/lng", json!(-180.5)),
            ("/maxGuests", json!(0)),
            ("/maxGuests", json!(-1)),
            ("/maxGuests", json!(1_000_000_000_000i64)),
            ("/bathrooms", json!(1.2)),
            ("/bathrooms", json!(-0.5)),
            ("/amenities/1", json!(" ")),
            ("/basePrice/amount", json!(-1)),
            ("/basePrice/amount", json!(0)),
            ("/basePrice/amount", json!(1_000_000_000_000i64)),
            ("/cleaningFee/currency", json!("USD")),
            ("/depositPercent", json!(9)),
            ("/depositPercent", json!(91)),
            ("/minNights", json!(0)),
            ("/minNights", json!(366)),
            ("/maxNights", json!(1)),
            ("/maxNights", json!(1126)),
            ("/checkInTime", json!("24:00")),
            ("/checkInTime", json!("3:00")),
            ("/timeZone", json!("Mars/Olympus")),
            ("/openUntil", json!("2027-02-30")),
        ] {
            let mut body = body();
            match body.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => body[&pointer[1..]] = value.clone(),
            }
            assert_eq!(pointers(validate(&body)), [pointer], "{value}");
        }
    }

    #[test]
    fn unknown_fields_and_unknown_currencies_are_no_body() {
        for (field, value) in [("hostId", json!("usr_1")), ("status", json!("active")), ("photos", json!([]))]
        {
            let mut body = body();
            body[field] = value;
            assert!(serde_json::from_value::<NewListing>(body.clone()).is_err(), "{field}");
            assert!(serde_json::from_value::<ListingChanges>(body).is_err(), "{field}");
        }
        let mut body = body();
        body["basePrice"]["currency"] = json!("XQQ");
        assert!(serde_json::from_value::<NewListing>(body).is_err());
    }

    fn change(changes: Value, listing: &mut Listing, terms: &mut Terms) -> Result<()> {
        serde_json::from_value::<ListingChanges>(changes).unwrap().apply(listing, terms)
    }

    #[test]
    fn changes_change_what_they_name_and_nothing_else() {
        let (mut listing, mut terms) = example();
        change(json!({}), &mut listing, &mut terms).unwrap();
        assert_eq!((&listing, &terms), (&example().0, &example().1));
        change(
            json!({"title": "Loft", "cleaningFee": null, "openUntil": "2027-06-01"}),
            &mut listing,
            &mut terms,
        )
        .unwrap();
        assert_eq!((listing.title.as_str(), terms.cleaning_fee), ("Loft", 0));
        change(json!({"openUntil": null}), &mut listing, &mut terms).unwrap();
        assert_eq!((terms.open_until, terms.currency), (None, Currency::of("EUR").unwrap()));
        let dollars = json!({"basePrice": {"amount": 1, "currency": "USD"}, "minNights": 91});
        assert_eq!(
            pointers(change(dollars, &mut listing, &mut terms)),
            ["/basePrice/currency", "/minNights"]
        );
    }

    #[test]
    fn a_deposit_stands_until_it_is_removed() {
        let mut body = body();
        body["depositPercent"] = json!(30);
        let (mut listing, mut terms) = validate(&body).unwrap();
        change(json!({"title": "Loft"}), &mut listing, &mut terms).unwrap();
        assert_eq!(terms.deposit_percent, Some(30));
        for percent in [9, 91] {
            let refused = change(json!({"depositPercent": percent}), &mut listing, &mut terms.clone());
            assert_eq!(pointers(refused), ["/depositPercent"]);
        }
        change(json!({"depositPercent": null}), &mut listing, &mut terms).unwrap();
        assert_eq!(terms.deposit_percent, None);
    }

    #[test]
    fn a_zone_follows_its_place_until_it_is_chosen_or_published() {
        let (mut listing, mut terms) = example();
        let albany = json!({"location": {"lat": 42.6526, "lng": -73.7562}});
        change(albany, &mut listing, &mut terms).unwrap();
        assert_eq!(terms.zone.name(), "America/New_York");
        change(json!({"timeZone": "Asia/Tokyo"}), &mut listing, &mut terms).unwrap();
        change(json!({"location": {"lat": 51.2194, "lng": 4.4025}}), &mut listing, &mut terms).unwrap();
        assert_eq!(terms.zone.name(), "Asia/Tokyo");
        publish(&listing, &mut terms).unwrap();
        let moved = change(json!({"timeZone": "Europe/Brussels"}), &mut listing, &mut terms);
        assert_eq!(pointers(moved), ["/timeZone"]);
    }

    #[test]
    fn publishing_says_what_is_missing() {
        let (mut listing, mut terms) = example();
        listing.description.clear();
        let refused = publish(&listing, &mut terms);
        assert!(matches!(
            refused,
            Err(Error::Conflict { code: "not_publishable", because: Because::Fields(_), .. })
        ));
        assert_eq!(terms.status, ListingStatus::Draft);
    }
}

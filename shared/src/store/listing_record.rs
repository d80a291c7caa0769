//! A listing, its terms and how it was created, as items.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::keys;
use super::{Item, item, record};
use crate::clock::{Instant, Zone};
use crate::error::{Error, Result};
use crate::ids::{ListingId, UserId};
use crate::listing::{
    Address, CancellationPolicy, Listing, ListingStatus, Location, PlaceType, PropertyType, Terms,
};
use crate::money::Currency;
use crate::stay::Date;

/// A listing as it was created, and the body that asked for it: what its key answers again.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// SHA-256 of the body.
    pub fingerprint: [u8; 32],
    /// The listing as it then was.
    pub listing: Listing,
    /// Its terms as they then were.
    pub terms: Terms,
}

#[derive(Serialize, Deserialize)]
struct ListingRecord {
    listing: ListingId,
    /// What the index `by_host` finds it by; no other item of the table has this attribute.
    host: UserId,
    title: String,
    description: String,
    property_type: PropertyType,
    place_type: PlaceType,
    address: Address,
    location: Location,
    bedrooms: u16,
    beds: u16,
    bathrooms_tenths: u16,
    amenities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rating_hundredths: Option<u16>,
    review_count: u32,
    superhost: bool,
    created_at: i64,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    import_fingerprint: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct TermsRecord {
    listing: ListingId,
    /// The sort key: it names the unit.
    item: String,
    owner: UserId,
    status: ListingStatus,
    currency: Currency,
    base_price: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    cleaning_fee: i64,
    min_nights: u16,
    max_nights: u16,
    max_guests: u16,
    instant_book: bool,
    policy: CancellationPolicy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposit_percent: Option<u8>,
    check_in: Time,
    check_out: Time,
    zone: Zone,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_until: Option<Date>,
    capacity: u16,
    country: String,
    /// The listing's, which changes with it: who reads both sees whether they are of one version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct CreatedRecord {
    fingerprint: ByteArray<32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
const fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// A listing as the item that describes it.
#[must_use]
pub fn listing_item(listing: &Listing) -> Item {
    let listing = listing.clone();
    let record = ListingRecord {
        listing: listing.id,
        host: listing.host,
        title: listing.title,
        description: listing.description,
        property_type: listing.property_type,
        place_type: listing.place_type,
        address: listing.address,
        location: listing.location,
        bedrooms: listing.bedrooms,
        beds: listing.beds,
        bathrooms_tenths: listing.bathrooms_tenths,
        amenities: listing.amenities,
        rating_hundredths: listing.rating_hundredths,
        review_count: listing.review_count,
        superhost: listing.superhost,
        created_at: listing.created_at.as_millisecond(),
        version: listing.version,
        import_fingerprint: listing.import_fingerprint,
    };
    item(keys::LISTINGS, &keys::listing(listing.id), &record)
        .expect("a listing has plain fields and finite numbers")
}

/// The listing of an item.
pub(super) fn listing_of_item(item: Item) -> Result<Listing> {
    let record: ListingRecord = record(item)?;
    Ok(Listing {
        id: record.listing,
        host: record.host,
        title: record.title,
        description: record.description,
        property_type: record.property_type,
        place_type: record.place_type,
        address: record.address,
        location: record.location,
        bedrooms: record.bedrooms,
        beds: record.beds,
        bathrooms_tenths: record.bathrooms_tenths,
        amenities: record.amenities,
        rating_hundredths: record.rating_hundredths,
        review_count: record.review_count,
        superhost: record.superhost,
        created_at: Instant::from_millisecond(record.created_at).map_err(Error::internal)?,
        version: record.version,
        import_fingerprint: record.import_fingerprint,
    })
}

/// The terms of a unit as an item of less than 500 bytes: with a year or two of its calendar it is
/// read for half a unit. `version` is the listing's.
#[must_use]
pub fn terms_item(terms: &Terms, version: u64) -> Item {
    let key = keys::terms(terms.listing, terms.unit);
    let record = TermsRecord {
        listing: terms.listing,
        item: key.sort.clone(),
        owner: terms.host,
        status: terms.status,
        currency: terms.currency,
        base_price: terms.base_price,
        cleaning_fee: terms.cleaning_fee,
        min_nights: terms.min_nights,
        max_nights: terms.max_nights,
        max_guests: terms.max_guests,
        instant_book: terms.instant_book,
        policy: terms.cancellation_policy,
        deposit_percent: terms.deposit_percent,
        check_in: terms.check_in_time,
        check_out: terms.check_out_time,
        zone: terms.zone.clone(),
        open_until: terms.open_until,
        capacity: terms.capacity,
        country: terms.country.clone(),
        version: Some(version),
    };
    item(keys::LISTINGS, &key, &record).expect("terms have plain fields")
}

/// The terms of an item.
pub(super) fn terms_of_item(item: Item) -> Result<Terms> {
    terms_of_record(record(item)?)
}

fn terms_of_record(record: TermsRecord) -> Result<Terms> {
    let (unit, _) = keys::unit_of_sort(&record.item)
        .ok_or_else(|| Error::internal(format!("terms under the key {}", record.item)))?;
    Ok(Terms {
        unit,
        listing: record.listing,
        host: record.owner,
        status: record.status,
        currency: record.currency,
        base_price: record.base_price,
        cleaning_fee: record.cleaning_fee,
        min_nights: record.min_nights,
        max_nights: record.max_nights,
        max_guests: record.max_guests,
        instant_book: record.instant_book,
        cancellation_policy: record.policy,
        deposit_percent: record.deposit_percent,
        check_in_time: record.check_in,
        check_out_time: record.check_out,
        zone: record.zone,
        open_until: record.open_until,
        capacity: record.capacity,
        country: record.country,
    })
}

/// The terms of an image that a stream tells; `None` when the item is another.
pub(super) fn terms_of_image(image: &serde_dynamo::Item) -> Result<Option<Terms>> {
    if image.inner().get("status").is_none() {
        return Ok(None);
    }
    let read = serde_dynamo::from_item(image.clone());
    terms_of_record(read.map_err(|error| Error::internal(format!("an image of another shape: {error}")))?)
        .map(Some)
}

/// How a listing was created, as the item beside it. It keeps the listing's own two items as they
/// were, so that the first answer is rendered again from them.
pub(super) fn created_item(id: ListingId, created: &Created) -> Item {
    let record = CreatedRecord { fingerprint: ByteArray::new(created.fingerprint) };
    let mut item = item(keys::LISTINGS, &keys::created(id), &record).expect("a fingerprint is plain");
    item.insert("described".to_owned(), AttributeValue::M(listing_item(&created.listing)));
    item.insert("terms".to_owned(), AttributeValue::M(terms_item(&created.terms, created.listing.version)));
    item
}

/// How a listing was created.
pub(super) fn created_of_item(mut item: Item) -> Result<Created> {
    let mut part = |name: &str| match item.remove(name) {
        Some(AttributeValue::M(part)) => Ok(part),
        _ => Err(Error::internal(format!("a created item without its {name}"))),
    };
    let (listing, terms) = (listing_of_item(part("described")?)?, terms_of_item(part("terms")?)?);
    let record: CreatedRecord = record(item)?;
    Ok(Created { fingerprint: record.fingerprint.into_array(), listing, terms })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::listing::draft::tests::example;

    /// The size that the store charges for, at most: names, values and what a number may take.
    pub(in crate::store) fn size(item: &Item) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len().div_ceil(2) + 2,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            _ => 1,
        };
        item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
    }

    #[test]
    fn listings_terms_and_how_they_were_created_read_back() {
        let (listing, mut terms) = example();
        assert_eq!(listing_of_item(listing_item(&listing)).unwrap(), listing);
        assert_eq!(terms_of_item(terms_item(&terms, 1)).unwrap(), terms);
        terms.deposit_percent = Some(30);
        assert_eq!(terms_of_item(terms_item(&terms, 1)).unwrap(), terms);
        let created = Created { fingerprint: [7; 32], listing, terms };
        assert_eq!(created_of_item(created_item(created.listing.id, &created)).unwrap(), created);
    }

    #[test]
    fn terms_stay_below_500_bytes() {
        let (_, mut terms) = example();
        terms.zone = Zone::named("America/Argentina/Buenos_Aires").unwrap();
        terms.open_until = Some(Date::constant(2027, 12, 31));
        terms.base_price = crate::money::LARGEST_PRICE;
        terms.cleaning_fee = crate::money::LARGEST_PRICE;
        terms.deposit_percent = Some(90);
        let item = terms_item(&terms, u64::from(u32::MAX));
        assert!(size(&item) < 500, "{}", size(&item));
    }
}

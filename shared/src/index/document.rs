//! A projection as a document of the index. `infra/search/index.json` has its fields' types,
//! `infra/search/stay.painless` reads the field `stay`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::search::facets::three_digits;
use crate::search::matching::{rating, standing};
use crate::search::projection::{Candidate, Projection};
use crate::search::words::words;

/// An open night's day that no stay reaches: where a unit has no last one.
const FAR: i32 = 65_000;

/// The document of a projection.
pub(super) fn document(projection: &Projection, version: u64) -> Value {
    let (title, city) = (words(&projection.title), words(&projection.city));
    let with_country = words(&format!("{city} {}", projection.country));
    let lowercase: Vec<String> = projection.amenities.iter().map(|name| name.to_lowercase()).collect();
    let open = projection.open_runs(FAR).into_iter().map(|(first, end)| json!({"gte": first, "lt": end}));
    json!({
        "unit": projection.unit,
        "text": format!("{title} {city}"),
        "title": title,
        "place": [city, with_country],
        "location": {"lat": projection.location.lat, "lon": projection.location.lng},
        "zone": projection.zone.name(),
        "place_type": projection.place_type,
        "property_type": projection.property_type,
        "max_guests": projection.max_guests,
        "instant_book": projection.instant_book,
        "superhost": projection.superhost,
        "amenities": projection.amenities,
        "amenity": lowercase,
        "base_price": projection.base_price,
        "three_digits": three_digits(projection.base_price),
        "min_nights": projection.min_nights,
        "max_nights": projection.max_nights,
        "standing": standing(projection),
        "rating": rating(projection),
        "open": open.collect::<Vec<_>>(),
        "stay": STANDARD.encode(stay(projection)),
        "projection": STANDARD.encode(kept(projection, version)),
    })
}

/// The candidate that a document keeps.
///
/// # Errors
/// `Internal` for what [`document`] did not write.
pub(super) fn candidate(kept: &str) -> Result<Candidate> {
    // The index gives binary values back without their padding.
    let bytes = STANDARD_NO_PAD.decode(kept.trim_end_matches('=')).map_err(Error::internal)?;
    let (version, projection) =
        bytes.split_first_chunk().ok_or_else(|| Error::internal("a document without a version"))?;
    Ok(Candidate::of(Projection::from_bytes(projection)?, u64::from_be_bytes(*version)))
}

fn kept(projection: &Projection, version: u64) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(projection.to_bytes());
    bytes
}

/// The runs of prices and of stay rules, as the script reads them.
fn stay(projection: &Projection) -> Vec<u8> {
    let (prices, rules) = (projection.price_runs(), projection.rule_runs());
    let mut bytes = Vec::with_capacity(4 + 12 * prices.len() + 9 * rules.len());
    let put = |bytes: &mut Vec<u8>, number: i64| bytes.extend(two_bytes(number));
    put(&mut bytes, i64::try_from(prices.len()).unwrap_or(i64::MAX));
    put(&mut bytes, i64::try_from(rules.len()).unwrap_or(i64::MAX));
    for (first, end, price) in prices {
        put(&mut bytes, first.into());
        put(&mut bytes, end.into());
        bytes.extend((price - projection.base_price).to_be_bytes());
    }
    for (first, end, rules) in rules {
        put(&mut bytes, first.into());
        put(&mut bytes, end.into());
        put(&mut bytes, rules.min_nights.into());
        put(&mut bytes, rules.max_nights.into());
        bytes.push(u8::from(rules.closed_to_arrival) | u8::from(rules.closed_to_departure) << 1);
    }
    bytes
}

fn two_bytes(number: i64) -> [u8; 2] {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX).to_be_bytes()
}

//! A projection as a document of the index. `infra/search/index.json` has its fields' types,
//! `infra/search/stay.painless` reads the fields `price_runs` and `rule_runs`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::search::facets::three_digits;
use crate::search::matching::{rating, standing};
use crate::search::projection::{Candidate, Projection};
use crate::search::words::{in_small_letters, words};

/// An open night's day that no stay reaches: where a unit has no last one.
const FAR: i32 = 65_000;

/// The document of a projection.
pub(super) fn document(projection: &Projection, version: u64) -> Value {
    let (title, city) = (words(&projection.title), words(&projection.city));
    let with_country = words(&format!("{city} {}", projection.country));
    let lowercase: Vec<String> = projection.amenities.iter().map(|name| in_small_letters(name)).collect();
    let even_price = projection.even_price(FAR);
    let lengths = projection.lengths(FAR);
    let has_rule_runs = lengths.surely != Some(lengths.perhaps);
    let open = projection.open_runs(FAR).into_iter().map(|(first, end)| json!({"gte": first, "lt": end}));
    let mut document = json!({
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
        "least_nights": lengths.perhaps.0,
        "most_nights": lengths.perhaps.1,
        "standing": standing(projection),
        "rating": rating(projection),
        "open": open.collect::<Vec<_>>(),
        "has_rule_runs": has_rule_runs,
        "projection": STANDARD.encode(kept(projection, version)),
    });
    match even_price {
        Some(price) => {
            document["even_price"] = price.into();
            document["even_three_digits"] = three_digits(price).into();
        }
        None => document["price_runs"] = STANDARD.encode(price_runs(projection)).into(),
    }
    if let Some((least, most)) = lengths.surely {
        document["surely_least_nights"] = least.into();
        document["surely_most_nights"] = most.into();
    }
    if has_rule_runs {
        document["rule_runs"] = STANDARD.encode(rule_runs(projection)).into();
    }
    document
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

/// The runs of prices, as the script reads them.
fn price_runs(projection: &Projection) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (first, end, price) in projection.price_runs() {
        bytes.extend([two_bytes(first.into()), two_bytes(end.into())].concat());
        bytes.extend((price - projection.base_price).to_be_bytes());
    }
    bytes
}

/// The runs of stay rules, as the script reads them.
fn rule_runs(projection: &Projection) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (first, end, rules) in projection.rule_runs() {
        let numbers = [first.into(), end.into(), i64::from(rules.min_nights), i64::from(rules.max_nights)];
        bytes.extend(numbers.map(two_bytes).concat());
        bytes.push(u8::from(rules.closed_to_arrival) | u8::from(rules.closed_to_departure) << 1);
    }
    bytes
}

fn two_bytes(number: i64) -> [u8; 2] {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX).to_be_bytes()
}

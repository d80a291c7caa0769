//! A query of ours as OpenSearch reads it. What has facets filters after the counting, so that each
//! facet counts without its own filter.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::text::text;
use crate::clock::{Instant, Zone};
use crate::ids::UnitId;
use crate::search::query::{Area, Query, Sort};
use crate::stay::{BOOKING_WINDOW, epoch_day};

const FUNCTIONS: &str = include_str!("../../../infra/search/stay.painless");
/// More place types and property types than there are.
const ALL: usize = 100;
/// More prices of three digits than there are: a thousand, and nine hundred for each further digit that
/// [`crate::money::LARGEST_PRICE`] has.
const PRICES: usize = 10_000;
/// The amenities counted: thirty are shown, some of them in several spellings.
const AMENITIES: usize = 120;

/// One page: `limit` hits, and what the facets count.
pub(super) fn page(query: &Query, now: Instant, limit: usize) -> Value {
    let filters = Filters::of(query, now);
    let mut body = filters.body(query);
    body["size"] = json!(limit);
    body["track_total_hits"] = json!(true);
    body["aggs"] = filters.facets(query);
    body
}

/// One of the pages after the first: but for the units that the first has shown.
pub(super) fn further(query: &Query, now: Instant, limit: usize, shown: &[UnitId]) -> Value {
    let mut body = page(query, now, limit);
    let chosen = body["post_filter"].take();
    body["aggs"]["total"] = json!({"filter": chosen.clone()});
    body["post_filter"] = json!({"bool": {"filter": chosen, "must_not": {"terms": {"unit": shown}}}});
    body
}

/// A map: at most `most_alone` hits by themselves, and the tiles of all.
pub(super) fn map(query: &Query, now: Instant, most_alone: usize, precision: u8) -> Value {
    let filters = Filters::of(query, now);
    let mut body = filters.body(query);
    body["size"] = json!(most_alone);
    body["track_total_hits"] = json!(true);
    let cheapest = json!([by_price(query), {"unit": "asc"}]);
    body["aggs"] = json!({"hits": {"filter": all_of(filters.chosen().collect()), "aggs": {"tiles": {
        "geotile_grid": {"field": "location", "precision": precision, "size": 10_000},
        "aggs": {
            "middle": {"geo_centroid": {"field": "location"}},
            "cheapest": {"top_hits": {
                "size": 1, "_source": false, "docvalue_fields": ["projection"], "sort": cheapest,
            }},
        },
    }}}});
    body
}

/// A query's filters.
struct Filters {
    always: Vec<Value>,
    never: Vec<Value>,
    place_types: Option<Value>,
    property_types: Option<Value>,
    amenities: Option<Value>,
    price: Option<Value>,
}

impl Filters {
    fn of(query: &Query, now: Instant) -> Self {
        let mut always = Vec::new();
        let mut never = Vec::new();
        always.extend(area(&query.area));
        always.extend(query.guests.map(|guests| json!({"range": {"max_guests": {"gte": guests}}})));
        always.extend(query.instant_book.map(|wanted| json!({"term": {"instant_book": wanted}})));
        always.extend(query.superhost.map(|wanted| json!({"term": {"superhost": wanted}})));
        if let Some((first, end)) = days(query) {
            // `lte` is the last night: one run of open nights has them all.
            let nights = json!({"gte": first, "lte": end - 1, "relation": "contains"});
            always.push(json!({"range": {"open": nights}}));
            always.push(stay_rules(first, end));
            never.extend(too_early_or_late(first, end, now));
        }
        let some_of = |field: &str, values: Value| json!({"terms": {field: values}});
        let chosen = |values: &[Value]| (!values.is_empty()).then(|| json!(values));
        let place_types: Vec<Value> = query.place_types.iter().map(|kind| json!(kind)).collect();
        let property_types: Vec<Value> = query.property_types.iter().map(|kind| json!(kind)).collect();
        let amenities: Vec<Value> =
            query.amenities.iter().map(|wanted| json!({"term": {"amenity": wanted}})).collect();
        Self {
            always,
            never,
            place_types: chosen(&place_types).map(|values| some_of("place_type", values)),
            property_types: chosen(&property_types).map(|values| some_of("property_type", values)),
            amenities: (!amenities.is_empty()).then(|| all_of(amenities)),
            price: price_between(query),
        }
    }

    /// The body of a search but for its size and what it counts.
    fn body(&self, query: &Query) -> Value {
        let mut bool_query = json!({"filter": self.always, "must_not": self.never});
        if let Some(text) = text(&query.words) {
            bool_query["must"] = text;
        }
        json!({
            "query": {"bool": bool_query},
            "post_filter": all_of(self.chosen().collect()),
            "sort": sort(query),
            "stored_fields": "_none_",
            "docvalue_fields": ["projection"],
        })
    }

    /// The filters with facets that are set.
    fn chosen(&self) -> impl Iterator<Item = Value> {
        [&self.place_types, &self.property_types, &self.amenities, &self.price]
            .into_iter()
            .filter_map(Clone::clone)
    }

    fn facets(&self, query: &Query) -> Value {
        let terms = |field: &str, size: usize| json!({"terms": {"field": field, "size": size}});
        let counted = |own: &Option<Value>, terms: Value| {
            let others = self.chosen().filter(|filter| Some(filter) != own.as_ref()).collect();
            json!({"filter": all_of(others), "aggs": {"values": terms}})
        };
        let usual = if query.stay.is_none() { "three_digits" } else { "even_three_digits" };
        let mut facets = json!({
            "place_types": counted(&self.place_types, terms("place_type", ALL)),
            "property_types": counted(&self.property_types, terms("property_type", ALL)),
            "amenities": counted(&self.amenities, terms("amenities", AMENITIES)),
            "prices": counted(&self.price, terms(usual, PRICES)),
        });
        if let Some(days) = days(query) {
            let others = self.chosen().filter(|filter| Some(filter) != self.price.as_ref());
            let of_dates = script(&format!("threeDigits({MEAN})"), stay(days));
            facets["uneven_prices"] = json!({
                "filter": all_of(others.chain([uneven()]).collect()),
                "aggs": {"values": {"terms": {"script": of_dates, "value_type": "long", "size": PRICES}}},
            });
        }
        facets
    }
}

/// The mean night: the one price of all nights, or what the runs of prices say of these.
const MEAN: &str = "(doc['even_price'].size() != 0 ? doc['even_price'].value : \
    mean(doc['price_runs'].value, doc['base_price'].value, params.first, params.end))";

/// The units whose nights differ in price: only they are asked one by one what these dates cost.
fn uneven() -> Value {
    json!({"bool": {"must_not": {"exists": {"field": "even_price"}}}})
}

/// The stay rules of `[first, end)`. Only units whose rules allow so long a stay on some dates and not on
/// others are asked one by one.
fn stay_rules(first: i32, end: i32) -> Value {
    let nights = end - first;
    let of_dates = script(
        "allowed(doc['rule_runs'].value, doc['min_nights'].value, doc['max_nights'].value, \
         params.first, params.end)",
        json!({"first": first, "end": end}),
    );
    let allowed_by = |least: &str, most: &str| {
        all_of(vec![json!({"range": {least: {"lte": nights}}}), json!({"range": {most: {"gte": nights}}})])
    };
    let surely = allowed_by("surely_least_nights", "surely_most_nights");
    let perhaps = json!({"bool": {
        "filter": [
            {"term": {"has_rule_runs": true}},
            allowed_by("least_nights", "most_nights"),
            {"script": {"script": of_dates}},
        ],
        "must_not": surely.clone(),
    }});
    json!({"bool": {"should": [surely, perhaps]}})
}

/// Check-in and check-out as days since 1970-01-01.
fn days(query: &Query) -> Option<(i32, i32)> {
    query.stay.map(|stay| (epoch_day(stay.first()), epoch_day(stay.end())))
}

fn stay((first, end): (i32, i32)) -> Value {
    json!({"first": first, "end": end})
}

fn script(returned: &str, parameters: Value) -> Value {
    // The source never differs between two searches, so that the server compiles it once.
    json!({"lang": "painless", "source": format!("{FUNCTIONS}\nreturn {returned};"), "params": parameters})
}

fn all_of(filters: Vec<Value>) -> Value {
    if filters.is_empty() { json!({"match_all": {}}) } else { json!({"bool": {"filter": filters}}) }
}

fn area(area: &Area) -> Option<Value> {
    let point = |lat: f64, lng: f64| json!({"lat": lat, "lon": lng});
    Some(match area {
        Area::World => return None,
        Area::Town(town) => json!({"term": {"place": town.name()}}),
        Area::Circle { centre, radius_km } => json!({"geo_distance": {
            "distance": format!("{radius_km}km"),
            "location": point(centre.lat, centre.lng),
        }}),
        Area::Box(bounds) => json!({"geo_bounding_box": {"location": {
            "top_left": point(bounds.north, bounds.west),
            "bottom_right": point(bounds.south, bounds.east),
        }}}),
        Area::Polygon(polygon) => {
            let corners = polygon.corners();
            let mut ring: Vec<[f64; 2]> =
                corners.iter().chain(corners.first()).map(|corner| [corner.lng, corner.lat]).collect();
            // Clockwise, one of more than 180 degrees would be taken for the way around the other side of the earth.
            if polygon.is_clockwise() {
                ring.reverse();
            }
            json!({"geo_shape": {"location": {"shape": {"type": "Polygon", "coordinates": [ring]}}}})
        }
    })
}

fn price_between(query: &Query) -> Option<Value> {
    if query.min_price.is_none() && query.max_price.is_none() {
        return None;
    }
    let (least, most) = (query.min_price.unwrap_or(0), query.max_price.unwrap_or(i64::MAX));
    Some(match days(query) {
        None => json!({"range": {"base_price": {"gte": least, "lte": most}}}),
        Some((first, end)) => {
            let of_dates = script(
                &format!("{MEAN} >= params.least && {MEAN} <= params.most"),
                json!({"first": first, "end": end, "least": least, "most": most}),
            );
            json!({"bool": {"should": [
                {"range": {"even_price": {"gte": least, "lte": most}}},
                all_of(vec![uneven(), json!({"script": {"script": of_dates}})]),
            ]}})
        }
    })
}

/// Zones in which the stay begins before today, or ends after what can be booked. No zone is more
/// than a day from UTC, so that mostly there are none and nobody is asked.
fn too_early_or_late(first: i32, end: i32, now: Instant) -> Option<Value> {
    let utc_today = epoch_day(now.to_zoned(TimeZone::UTC).date());
    if first > utc_today && end < utc_today + BOOKING_WINDOW {
        return None;
    }
    let refuses = |zone: &Zone| {
        let today = epoch_day(zone.date_of(now));
        first < today || end > today + BOOKING_WINDOW
    };
    let zones: Vec<String> = jiff::tz::db()
        .available()
        .filter_map(|name| Zone::named(name.as_str()))
        .filter(refuses)
        .map(|zone| zone.name().to_owned())
        .collect();
    Some(json!({"terms": {"zone": zones}}))
}

fn by_price(query: &Query) -> Value {
    match days(query) {
        None => json!({"base_price": "asc"}),
        Some(days) => {
            json!({"_script": {"type": "number", "order": "asc", "script": script(MEAN, stay(days))}})
        }
    }
}

/// The query's order; equal ones in the order of their ids.
fn sort(query: &Query) -> Value {
    let mut keys = match query.sort {
        Sort::Relevance if query.words.is_empty() => vec![json!({"standing": "desc"})],
        Sort::Relevance => vec![json!({"_score": "desc"}), json!({"standing": "desc"})],
        Sort::Price => vec![by_price(query)],
        Sort::Rating => vec![json!({"rating": "desc"})],
        Sort::Distance => query
            .area
            .centre()
            .into_iter()
            .map(|centre| {
                json!({"_geo_distance": {
                    "location": {"lat": centre.lat, "lon": centre.lng}, "order": "asc", "unit": "km",
                }})
            })
            .collect(),
    };
    keys.push(json!({"unit": "asc"}));
    json!(keys)
}

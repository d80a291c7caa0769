//! What clients ask search for, and the query that it makes.

use jiff::tz::TimeZone;
use roost::clock::Instant;
use roost::error::{Fields, Result};
use roost::geo::Bounds;
use roost::geo::polygon::Polygon;
use roost::listing::{Location, PlaceType, PropertyType};
use roost::search::query::{Area, Query, Sort, Town};
use roost::search::words::{in_small_letters, words};
use roost::stay::{Nights, add_days, parse_stay};
use serde::Deserialize;

macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// The date of arrival, with `checkOut`: every night must be open.
            #[schemars(extend("format" = "date"))]
            pub check_in: Option<String>,
            /// The date of departure.
            #[schemars(extend("format" = "date"))]
            pub check_out: Option<String>,
            /// How many adults and children must fit.
            pub guests: Option<i64>,
            /// The least price per night, in minor units.
            pub min_price: Option<i64>,
            /// The greatest price per night, in minor units.
            pub max_price: Option<i64>,
            /// One of these place types, separated by commas.
            pub place_type: Option<String>,
            /// One of these property types, separated by commas.
            pub property_type: Option<String>,
            /// All of these amenities, separated by commas.
            pub amenities: Option<String>,
            /// Booked without asking the host, or not.
            pub instant_book: Option<bool>,
            /// Of a superhost, or not.
            pub superhost: Option<bool>,
            /// Words that must begin words of title or city.
            pub q: Option<String>,
        }

        impl From<&$name> for Filters {
            fn from(parameters: &$name) -> Self {
                let $name {
                    check_in, check_out, guests, min_price, max_price, place_type, property_type, amenities,
                    instant_book, superhost, q, ..
                } = parameters.clone();
                Self {
                    check_in, check_out, guests, min_price, max_price, place_type, property_type, amenities,
                    instant_book, superhost, q,
                }
            }
        }
    };
}

parameters! {
    /// A search: an area (`location`, or `lat`, `lng` and `radiusKm`, or `bbox`, or `polygon`; everywhere
    /// without) and filters.
    SearchParameters {
        /// A town, or a town and a country: `Antwerp`, `Antwerp, BE`.
        location: String,
        /// Latitude of the centre, with `lng`.
        lat: f64,
        /// Longitude of the centre, with `lat`.
        lng: f64,
        /// Distance from the centre in kilometres: 10 unless told, 500 at most.
        radius_km: f64,
        /// `west,south,east,north` in degrees; with west > east it crosses the antimeridian.
        bbox: String,
        /// The corners of an area that somebody has drawn, `lng,lat,lng,lat,…` in degrees: 3 to 100. Its edges
        /// are straight on the map and do not cross, nor does it cross the antimeridian.
        polygon: String,
        /// `relevance`, `price`, `rating` or `distance`.
        sort: String,
        /// How many items at most: 20 unless told, 50 at most.
        limit: i64,
        /// Where the list goes on.
        cursor: String,
    }
}

parameters! {
    /// A search of a map.
    MapParameters {
        /// `west,south,east,north` in degrees; with west > east it crosses the antimeridian. Required, unless
        /// there is a `polygon`.
        bbox: String,
        /// The corners of an area that somebody has drawn, as of a search, instead of `bbox`.
        polygon: String,
        /// 0 (the world) to 22 (a house).
        #[schemars(required)]
        zoom: i64,
    }
}

/// What both searches filter by, as it is written.
struct Filters {
    check_in: Option<String>,
    check_out: Option<String>,
    guests: Option<i64>,
    min_price: Option<i64>,
    max_price: Option<i64>,
    place_type: Option<String>,
    property_type: Option<String>,
    amenities: Option<String>,
    instant_book: Option<bool>,
    superhost: Option<bool>,
    q: Option<String>,
}

/// The radius of a search that names none, in kilometres.
const USUAL_RADIUS_KM: f64 = 10.0;
/// The largest radius, in kilometres.
const LARGEST_RADIUS_KM: f64 = 500.0;
/// The most guests that a search may ask for.
const MOST_GUESTS: i64 = 50;
/// The longest list of words that a filter may have.
const MOST_WORDS: usize = 50;

impl SearchParameters {
    /// The query.
    ///
    /// # Errors
    /// `Invalid`, naming every wrong parameter.
    pub fn parse(&self, now: Instant) -> Result<Query> {
        let mut fields = Fields::default();
        let mut query = Query::everything(self.area(&mut fields));
        Filters::from(self).apply(&mut query, now, &mut fields);
        match self.sort.as_deref().map(Sort::of) {
            None => {}
            Some(None) => fields.refuse("/sort", "must be relevance, price, rating or distance"),
            Some(Some(Sort::Distance)) if query.area.centre().is_none() => {
                fields.refuse("/sort", "distance needs a centre: lat and lng, a bbox, or a polygon");
            }
            Some(Some(sort)) => query.sort = sort,
        }
        fields.finish()?;
        Ok(query)
    }

    /// Where to look; anywhere where it is not said or said wrong.
    fn area(&self, fields: &mut Fields) -> Area {
        let has_centre = self.lat.is_some() || self.lng.is_some();
        let ways = [
            (self.location.is_some(), "/location"),
            (has_centre, "/lat"),
            (self.bbox.is_some(), "/bbox"),
            (self.polygon.is_some(), "/polygon"),
        ];
        let mut named = ways.into_iter().filter_map(|(is_named, pointer)| is_named.then_some(pointer));
        if let (Some(_), Some(second)) = (named.next(), named.next()) {
            fields.refuse(second, "name one area: location, or lat and lng, or bbox, or polygon");
            return Area::World;
        }
        if self.radius_km.is_some() && !has_centre {
            fields.refuse("/radiusKm", "needs lat and lng");
        }
        if let Some(location) = &self.location {
            return Area::Town(Town::named(&fields.text("/location", location, 1, 200)));
        }
        if let Some(bbox) = &self.bbox {
            return fields.take("/bbox", parse_box(bbox)).map_or(Area::World, Area::Box);
        }
        if let Some(polygon) = &self.polygon {
            return fields.take("/polygon", parse_polygon(polygon)).map_or(Area::World, Area::Polygon);
        }
        match (self.lat, self.lng) {
            (None, None) => Area::World,
            (lat, lng) => circle(lat, lng, self.radius_km, fields),
        }
    }
}

impl MapParameters {
    /// The query and the zoom.
    ///
    /// # Errors
    /// `Invalid`, naming every wrong parameter.
    pub fn parse(&self, now: Instant) -> Result<(Query, u8)> {
        let mut fields = Fields::default();
        let area = match (&self.bbox, &self.polygon) {
            (None, Some(polygon)) => fields.take("/polygon", parse_polygon(polygon)).map(Area::Polygon),
            (bbox, polygon) => {
                fields.check(polygon.is_none(), "/polygon", "name one area: bbox, or polygon");
                let bounds = bbox.as_deref().ok_or("is required, unless there is a polygon");
                fields.take("/bbox", bounds.and_then(parse_box)).map(Area::Box)
            }
        };
        let area = area.unwrap_or(Area::World);
        let zoom = match self.zoom {
            None => {
                fields.refuse("/zoom", "is required");
                0
            }
            Some(zoom) => fields.number("/zoom", zoom, 0, 22),
        };
        let mut query = Query::everything(area);
        Filters::from(self).apply(&mut query, now, &mut fields);
        fields.finish()?;
        Ok((query, zoom))
    }
}

impl Filters {
    fn apply(&self, query: &mut Query, now: Instant, fields: &mut Fields) {
        query.stay = self.stay(now, fields);
        query.guests = self.guests.map(|guests| fields.number("/guests", guests, 1, MOST_GUESTS));
        query.min_price = self.min_price;
        query.max_price = self.max_price;
        fields.check(query.min_price.is_none_or(|price| price >= 0), "/minPrice", "must not be negative");
        fields.check(query.max_price.is_none_or(|price| price >= 0), "/maxPrice", "must not be negative");
        if let (Some(least), Some(most)) = (query.min_price, query.max_price) {
            fields.check(least <= most, "/maxPrice", "must not be less than minPrice");
        }
        query.place_types = known_words(self.place_type.as_deref(), "/placeType", PlaceType::of, fields);
        query.property_types =
            known_words(self.property_type.as_deref(), "/propertyType", PropertyType::of, fields);
        let amenities = self.amenities.as_deref().map(|amenities| list(amenities, "/amenities", fields));
        query.amenities = amenities.into_iter().flatten().map(in_small_letters).collect();
        query.instant_book = self.instant_book;
        query.superhost = self.superhost;
        if let Some(text) = &self.q {
            let text = words(&fields.text("/q", text, 0, 200));
            query.words = text.split_whitespace().map(str::to_owned).collect();
        }
    }

    fn stay(&self, now: Instant, fields: &mut Fields) -> Option<Nights> {
        let (check_in, check_out) = match (&self.check_in, &self.check_out) {
            (None, None) => return None,
            (Some(check_in), Some(check_out)) => (check_in, check_out),
            (None, Some(_)) => {
                fields.refuse("/checkIn", "is required with checkOut");
                return None;
            }
            (Some(_), None) => {
                fields.refuse("/checkOut", "is required with checkIn");
                return None;
            }
        };
        let stay = parse_stay(check_in, check_out, fields)?;
        // Where the day begins last it is still yesterday in UTC; each listing's own today is
        // looked at when it is searched.
        let earliest_today = add_days(now.to_zoned(TimeZone::UTC).date(), -1);
        fields.check(stay.first() >= earliest_today, "/checkIn", "has passed");
        Some(stay)
    }
}

fn circle(lat: Option<f64>, lng: Option<f64>, radius_km: Option<f64>, fields: &mut Fields) -> Area {
    let mut degrees = |pointer: &str, degrees: Option<f64>, most: f64| match degrees {
        None => fields.refuse(pointer, "is required: a centre has lat and lng"),
        Some(degrees) if (-most..=most).contains(&degrees) => {}
        Some(_) => fields.refuse(pointer, format!("must be from -{most} to {most}")),
    };
    degrees("/lat", lat, 90.0);
    degrees("/lng", lng, 180.0);
    let radius_km = radius_km.unwrap_or(USUAL_RADIUS_KM);
    let fits = radius_km > 0.0 && radius_km <= LARGEST_RADIUS_KM;
    fields.check(fits, "/radiusKm", "must be more than 0 and at most 500");
    match (lat, lng) {
        (Some(lat), Some(lng)) => Area::Circle { centre: Location { lat, lng }, radius_km },
        _ => Area::World,
    }
}

fn parse_box(bbox: &str) -> std::result::Result<Bounds, &'static str> {
    let Some(&[west, south, east, north]) = degrees(bbox).as_deref() else {
        return Err("must be four numbers: west,south,east,north");
    };
    let is_longitude = |degrees| (-180.0..=180.0).contains(&degrees);
    let is_latitude = |degrees| (-90.0..=90.0).contains(&degrees);
    if !is_longitude(west) || !is_longitude(east) {
        return Err("west and east must be from -180 to 180");
    }
    if !is_latitude(south) || !is_latitude(north) {
        return Err("south and north must be from -90 to 90");
    }
    if south >= north {
        return Err("south must be less than north");
    }
    if (east - west).rem_euclid(360.0) == 0.0 && (west, east) != (-180.0, 180.0) {
        return Err("west and east must differ");
    }
    Ok(Bounds { west, south, east, north })
}

fn parse_polygon(polygon: &str) -> std::result::Result<Polygon, &'static str> {
    let degrees = degrees(polygon).ok_or("must be numbers: lng,lat,lng,lat,…")?;
    let (corners, rest) = degrees.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("must have a longitude and a latitude for each corner");
    }
    Polygon::of(corners.iter().map(|&[lng, lat]| Location { lat, lng }).collect())
}

/// Numbers separated by commas.
fn degrees(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|degrees| degrees.trim().parse().ok()).collect()
}

/// The entries of a list separated by commas.
fn list<'a>(text: &'a str, pointer: &str, fields: &mut Fields) -> Vec<&'a str> {
    let entries: Vec<&str> = text.split(',').map(str::trim).collect();
    fields.check(entries.len() <= MOST_WORDS, pointer, "must have at most 50 entries");
    fields.check(entries.iter().all(|entry| !entry.is_empty()), pointer, "has an empty entry");
    entries
}

fn known_words<T>(
    text: Option<&str>,
    pointer: &str,
    of: impl Fn(&str) -> Option<T>,
    fields: &mut Fields,
) -> Vec<T> {
    let Some(text) = text else { return Vec::new() };
    let mut known = Vec::new();
    for word in list(text, pointer, fields).into_iter().filter(|word| !word.is_empty()) {
        match of(word) {
            Some(value) => known.push(value),
            None => fields.refuse(pointer, format!("`{word}` is not one of its values")),
        }
    }
    known
}

//! What OpenSearch answers, read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::IndexMap;
use super::client::Trouble;
use super::document::candidate;
use crate::listing::Location;
use crate::search::clusters::Cluster;
use crate::search::facets::{Counts, Facets};
use crate::search::projection::Candidate;
use crate::search::query::Query;
use crate::stay::epoch_day;

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    timed_out: bool,
    /// Where there was one, what the point in time is called from now on.
    pub(super) pit_id: Option<String>,
    hits: Hits,
    #[serde(default)]
    aggregations: Aggregations,
}

#[derive(Debug, Deserialize)]
struct Hits {
    total: Option<Total>,
    hits: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
struct Total {
    value: usize,
}

#[derive(Debug, Deserialize)]
struct Hit {
    fields: Fields,
    #[serde(default)]
    sort: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Fields {
    projection: [String; 1],
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Aggregations {
    total: Option<Filtered>,
    place_types: Filtered,
    property_types: Filtered,
    amenities: Filtered,
    prices: Filtered,
    uneven_prices: Filtered,
    hits: Tiles,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filtered {
    doc_count: usize,
    values: Values,
}

#[derive(Debug, Default, Deserialize)]
struct Values {
    buckets: Vec<Bucket>,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    key: Value,
    doc_count: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tiles {
    tiles: TileValues,
}

#[derive(Debug, Default, Deserialize)]
struct TileValues {
    buckets: Vec<Tile>,
}

#[derive(Debug, Deserialize)]
struct Tile {
    key: String,
    doc_count: usize,
    middle: Middle,
    cheapest: Cheapest,
}

#[derive(Debug, Deserialize)]
struct Middle {
    location: Point,
}

#[derive(Debug, Deserialize)]
struct Point {
    lat: f64,
    lon: f64,
}

#[derive(Debug, Deserialize)]
struct Cheapest {
    hits: Hits,
}

impl Answer {
    pub(super) fn read(body: &[u8]) -> Result<Self, Trouble> {
        let answer: Self = read(body)?;
        if answer.timed_out {
            return Err(Trouble::Silent("the search was cut short".into()));
        }
        Ok(answer)
    }

    /// How many hits there are on all pages.
    pub(super) fn total(&self) -> usize {
        let counted = self.aggregations.total.as_ref().map(|total| total.doc_count);
        counted.or_else(|| self.hits.total.as_ref().map(|total| total.value)).unwrap_or_default()
    }

    /// The hits, in the order asked for.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, Trouble> {
        self.hits.hits.iter().map(Hit::candidate).collect()
    }

    /// The sort values of a hit, as JSON.
    pub(super) fn place(&self, hit: usize) -> Option<String> {
        self.hits.hits.get(hit).map(|hit| Value::from(hit.sort.clone()).to_string())
    }

    pub(super) fn facets(&self) -> Result<Facets, Trouble> {
        let Aggregations { place_types, property_types, amenities, prices, uneven_prices, .. } =
            &self.aggregations;
        Ok(Facets::from(Counts {
            place_types: place_types.counts()?,
            property_types: property_types.counts()?,
            amenities: amenities.counts()?,
            prices: [prices.prices(), uneven_prices.prices()].concat(),
        }))
    }

    /// The map: each hit by itself when there are few, else those that are alone in their tile.
    pub(super) fn map(&self, query: &Query, most_alone: usize) -> Result<IndexMap, Trouble> {
        if self.total() <= most_alone {
            return Ok(IndexMap { clusters: Vec::new(), items: self.candidates()? });
        }
        let mut tiles: BTreeMap<(u32, u32), &Tile> = BTreeMap::new();
        for tile in &self.aggregations.hits.tiles.buckets {
            let mut numbers = tile.key.split('/').skip(1).map(str::parse);
            let (Some(Ok(column)), Some(Ok(row))) = (numbers.next(), numbers.next()) else {
                return Err(Trouble::Silent(format!("{} is no tile", tile.key)));
            };
            tiles.insert((column, row), tile);
        }
        let mut map = IndexMap { clusters: Vec::new(), items: Vec::new() };
        for tile in tiles.into_values() {
            let Some(hit) = tile.cheapest.hits.hits.first() else { continue };
            let cheapest = hit.candidate()?;
            if tile.doc_count == 1 {
                map.items.push(cheapest);
                continue;
            }
            let projection = &cheapest.projection;
            let price = query.stay.map_or(projection.base_price, |stay| {
                projection.mean_night(epoch_day(stay.first()), epoch_day(stay.end()))
            });
            let Point { lat, lon } = tile.middle.location;
            map.clusters.push(Cluster {
                location: Location { lat, lng: lon }.rounded(),
                count: tile.doc_count,
                min_price: projection.money(price),
            });
        }
        Ok(map)
    }
}

impl Hit {
    fn candidate(&self) -> Result<Candidate, Trouble> {
        let [kept] = &self.fields.projection;
        candidate(kept).map_err(|error| Trouble::Silent(error.to_string()))
    }
}

impl Filtered {
    fn counts<T: DeserializeOwned>(&self) -> Result<Vec<(T, usize)>, Trouble> {
        let count = |bucket: &Bucket| Ok((serde_json::from_value(bucket.key.clone())?, bucket.doc_count));
        let counts: serde_json::Result<_> = self.values.buckets.iter().map(count).collect();
        counts.map_err(|error| Trouble::Silent(error.to_string()))
    }

    /// Prices, which a script's buckets may write as floats.
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers of three digits and zeros")]
    fn prices(&self) -> Vec<(i64, usize)> {
        let price = |key: &Value| key.as_i64().or_else(|| key.as_f64().map(|price| price.round() as i64));
        let count = |bucket: &Bucket| Some((price(&bucket.key)?, bucket.doc_count));
        self.values.buckets.iter().filter_map(count).collect()
    }
}

/// An answer of ours to read.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| Trouble::Silent(format!("an unreadable answer: {error}")))
}

//! Hits on a map: near ones together as a cluster, every hit once.

use std::collections::BTreeMap;

use super::matching::Match;
use crate::listing::Location;
use crate::money::Money;

/// Hits on a map. Clusters and items together have every hit once.
#[derive(Clone, Debug)]
pub struct Map<'a> {
    /// Several hits near each other.
    pub clusters: Vec<Cluster>,
    /// Hits alone.
    pub items: Vec<Match<'a>>,
}

/// Several hits near each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// In their middle, rounded like a single place.
    pub location: Location,
    /// How many.
    pub count: usize,
    /// The price per night of the cheapest.
    pub min_price: Money,
}

/// So few hits need no clusters at any zoom.
const FEW: usize = 50;
/// From this zoom on a screen shows a few streets, and hits in one house must come apart.
const STREETS: u8 = 15;
/// But never more items than this.
const MOST_ITEMS: usize = 500;
/// Zoom 0 shows the world in one tile of 256 points; clusters stand 64 points apart.
const CLUSTERS_PER_TILE: f64 = 4.0;

impl<'a> Map<'a> {
    /// Hits in the order of their ids, at a zoom of 0 (the world) to 22 (a house).
    pub(super) fn of(hits: Vec<Match<'a>>, zoom: u8) -> Self {
        if hits.len() <= FEW || (zoom >= STREETS && hits.len() <= MOST_ITEMS) {
            return Self { clusters: Vec::new(), items: hits };
        }
        let step = 360.0 / f64::from(zoom).exp2() / CLUSTERS_PER_TILE;
        let mut squares: BTreeMap<(i64, i64), Vec<Match<'a>>> = BTreeMap::new();
        for hit in hits {
            let Location { lat, lng } = hit.candidate.projection.location;
            squares.entry((number(lat / step), number(lng / step))).or_default().push(hit);
        }
        let mut map = Self { clusters: Vec::new(), items: Vec::new() };
        for square in squares.into_values() {
            match Cluster::of(&square) {
                Some(cluster) => map.clusters.push(cluster),
                None => map.items.extend(square),
            }
        }
        map
    }
}

impl Cluster {
    /// The cluster of several hits; `None` for one alone.
    fn of(hits: &[Match<'_>]) -> Option<Self> {
        let count = hits.len();
        let cheapest = hits.iter().min_by_key(|hit| hit.price_per_night).filter(|_| count > 1)?;
        let mean = |degrees: fn(Location) -> f64| {
            hits.iter().map(|hit| degrees(hit.candidate.projection.location)).sum::<f64>() / count as f64
        };
        let location = Location { lat: mean(|place| place.lat), lng: mean(|place| place.lng) }.rounded();
        let min_price = cheapest.candidate.projection.money(cheapest.price_per_night);
        Some(Self { location, count, min_price })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "degrees over a step of 1e-5 at least fit")]
fn number(square: f64) -> i64 {
    square.floor() as i64
}

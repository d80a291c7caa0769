//! Hits on a map: near ones together as a cluster, every hit once.

use std::collections::BTreeMap;

use super::matching::Match;
use super::query::Area;
use crate::geo::Bounds;
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
/// So many are each by themselves there, whichever tiles they are in.
const FEW_IN_STREETS: usize = 500;
/// The most tiles that cover a map, so that no answer is larger than a function may give: twice what the largest
/// screens show at one zoom. Whoever asks for a larger area gets larger tiles.
const MOST_TILES: u64 = 4_096;
/// Zoom 0 shows the world in one tile of 256 points; clusters are the tiles of two zooms on, which
/// stand 64 points apart.
const ZOOMS_ON: u8 = 2;

impl<'a> Map<'a> {
    /// Hits in the order of their ids, in an area at a zoom of 0 (the world) to 22 (a house).
    pub(super) fn of(hits: Vec<Match<'a>>, zoom: u8, area: &Area) -> Self {
        if hits.len() <= most_alone(zoom) {
            return Self { clusters: Vec::new(), items: hits };
        }
        let precision = precision(zoom, area);
        let mut tiles: BTreeMap<(u32, u32), Vec<Match<'a>>> = BTreeMap::new();
        for hit in hits {
            tiles.entry(tile(hit.candidate.projection.location, precision)).or_default().push(hit);
        }
        let mut map = Self { clusters: Vec::new(), items: Vec::new() };
        for tile in tiles.into_values() {
            match Cluster::of(&tile) {
                Some(cluster) => map.clusters.push(cluster),
                None => map.items.extend(tile),
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

/// How many hits are shown each by itself at a zoom.
#[must_use]
pub const fn most_alone(zoom: u8) -> usize {
    if zoom >= STREETS { FEW_IN_STREETS } else { FEW }
}

/// The zoom whose tiles are the clusters of a map of an area.
#[must_use]
pub fn precision(zoom: u8, area: &Area) -> u8 {
    let bounds = area.bounds().unwrap_or(Bounds::WORLD);
    let finest = zoom + ZOOMS_ON;
    (0..=finest).rev().find(|precision| tiles(&bounds, *precision) <= MOST_TILES).unwrap_or_default()
}

/// How many tiles cover a box.
fn tiles(bounds: &Bounds, precision: u8) -> u64 {
    let corner = |lat: f64, lng: f64| tile(Location { lat, lng }, precision);
    let (west, north) = corner(bounds.north, bounds.west);
    let (east, south) = corner(bounds.south, bounds.east);
    let around = if bounds.crosses_antimeridian() { 1_u64 << precision } else { 0 };
    (around + u64::from(east) + 1 - u64::from(west)) * u64::from(south + 1 - north)
}

/// The column and row of the tile that a point lies in, in the web's Mercator projection.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the tiles there are")]
fn tile(point: Location, precision: u8) -> (u32, u32) {
    let tiles = f64::from(precision).exp2();
    let sine = point.lat.to_radians().sin();
    let row = 0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI);
    let number = |part: f64| (part * tiles).floor().clamp(0.0, tiles - 1.0) as u32;
    (number((point.lng + 180.0) / 360.0), number(row))
}

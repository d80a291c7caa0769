//! Places on the earth: distances, boxes, polygons, and the grid of cells that search reads.

pub mod cells;
pub mod polygon;
pub mod zone;

use crate::listing::Location;

/// The earth's mean radius in kilometres.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// The great-circle distance between two points in kilometres, by haversine.
#[must_use]
pub fn distance_km(from: Location, to: Location) -> f64 {
    let (from_lat, to_lat) = (from.lat.to_radians(), to.lat.to_radians());
    let half_lat = ((to_lat - from_lat) / 2.0).sin();
    let half_lng = ((to.lng - from.lng).to_radians() / 2.0).sin();
    let haversine = half_lat * half_lat + from_lat.cos() * to_lat.cos() * half_lng * half_lng;
    2.0 * EARTH_RADIUS_KM * haversine.min(1.0).sqrt().asin()
}

/// A box of latitudes and longitudes in degrees, its edges included. With `west > east` it crosses
/// the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least longitude, or where the box begins when it crosses the antimeridian.
    pub west: f64,
    /// The least latitude.
    pub south: f64,
    /// The greatest longitude, or where the box ends when it crosses the antimeridian.
    pub east: f64,
    /// The greatest latitude.
    pub north: f64,
}

impl Bounds {
    /// The whole earth.
    pub const WORLD: Self = Self { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

    /// A box that holds every point within `radius_km` of `centre`, and a hair more.
    #[must_use]
    pub fn around(centre: Location, radius_km: f64) -> Self {
        // So little more than the exact box that only the floats' own rounding is covered.
        const HAIR: f64 = 1e-6;
        let angle = radius_km / EARTH_RADIUS_KM;
        let reach = angle.to_degrees() + HAIR;
        let (south, north) = (centre.lat - reach, centre.lat + reach);
        if south <= -90.0 || north >= 90.0 {
            // A pole is inside: every longitude is.
            return Self { south: south.max(-90.0), north: north.min(90.0), ..Self::WORLD };
        }
        let sideways = (angle.sin() / centre.lat.to_radians().cos()).min(1.0).asin().to_degrees() + HAIR;
        if sideways >= 180.0 {
            return Self { south, north, ..Self::WORLD };
        }
        let wrapped = |lng: f64| match lng {
            lng if lng < -180.0 => lng + 360.0,
            lng if lng > 180.0 => lng - 360.0,
            lng => lng,
        };
        Self { west: wrapped(centre.lng - sideways), south, east: wrapped(centre.lng + sideways), north }
    }

    /// Whether it crosses the antimeridian.
    #[must_use]
    pub fn crosses_antimeridian(&self) -> bool {
        self.west > self.east
    }

    /// Whether the point lies in it.
    #[must_use]
    pub fn contains(&self, point: Location) -> bool {
        let (from_west, to_east) = (self.west <= point.lng, point.lng <= self.east);
        let lng = if self.crosses_antimeridian() { from_west || to_east } else { from_west && to_east };
        lng && (self.south..=self.north).contains(&point.lat)
    }

    /// The point in its middle.
    #[must_use]
    pub fn centre(&self) -> Location {
        let width = self.east - self.west + if self.crosses_antimeridian() { 360.0 } else { 0.0 };
        let lng = self.west + width / 2.0;
        Location {
            lat: f64::midpoint(self.south, self.north),
            lng: if lng > 180.0 { lng - 360.0 } else { lng },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_great_circles() {
        let nashville = Location { lat: 36.12, lng: -86.67 };
        let los_angeles = Location { lat: 33.94, lng: -118.40 };
        assert!((distance_km(nashville, los_angeles) - 2886.448).abs() < 0.01);
        let pole = |lng| Location { lat: 90.0, lng };
        assert!(distance_km(pole(0.0), pole(120.0)) < 1e-6);
        let degree = distance_km(Location { lat: 0.0, lng: 179.5 }, Location { lat: 0.0, lng: -179.5 });
        assert!((degree - 111.195_08).abs() < 1e-3, "{degree}");
    }

    #[test]
    fn the_middle_of_a_box_over_the_antimeridian_is_in_it() {
        let fiji = Bounds { west: 176.0, south: -20.0, east: -178.0, north: -16.0 };
        assert_eq!(fiji.centre(), Location { lat: -18.0, lng: 179.0 });
        assert!(fiji.contains(fiji.centre()));
        assert!(!fiji.contains(Location { lat: -18.0, lng: 0.0 }));
    }
}

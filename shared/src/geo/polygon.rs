//! An area that somebody has drawn on a map.

use super::Bounds;
use crate::listing::Location;

/// A polygon whose edges are straight on the map, that is in degrees of latitude and longitude, and do not
/// cross each other. It does not cross the antimeridian.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon(Vec<Location>);

/// The most corners that a polygon has.
pub const MOST_CORNERS: usize = 100;

impl Polygon {
    /// The polygon of these corners, in their order; the last need not be the first again.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn of(mut corners: Vec<Location>) -> Result<Self, &'static str> {
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        corners.dedup();
        if !(3..=MOST_CORNERS).contains(&corners.len()) {
            return Err("must have 3 to 100 corners");
        }
        let is_on_earth = |corner: &Location| {
            (-90.0..=90.0).contains(&corner.lat) && (-180.0..=180.0).contains(&corner.lng)
        };
        if !corners.iter().all(is_on_earth) {
            return Err("longitudes must be from -180 to 180, latitudes from -90 to 90");
        }
        let polygon = Self(corners);
        if polygon.edges().any(|(from, to)| (from.lng - to.lng).abs() > 180.0) {
            return Err("must not cross the antimeridian: search its two halves, or a bbox");
        }
        if polygon.crosses_itself() {
            return Err("must not have edges that cross or touch");
        }
        Ok(polygon)
    }

    /// Its corners, in order, each once.
    #[must_use]
    pub fn corners(&self) -> &[Location] {
        &self.0
    }

    /// Whether its corners go clockwise on the map.
    #[must_use]
    pub fn is_clockwise(&self) -> bool {
        let doubled: f64 = self.edges().map(|(from, to)| from.lng * to.lat - to.lng * from.lat).sum();
        doubled < 0.0
    }

    /// Whether the point lies in it. Of points on its edges nothing is promised.
    #[must_use]
    pub fn contains(&self, point: Location) -> bool {
        // A ray to the east crosses the border an odd number of times from inside.
        let crossed = self.edges().filter(|(from, to)| {
            let spans = (from.lat > point.lat) != (to.lat > point.lat);
            let share = (point.lat - from.lat) / (to.lat - from.lat);
            spans && point.lng < from.lng + share * (to.lng - from.lng)
        });
        crossed.count() % 2 == 1
    }

    /// The smallest box around it.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let nothing = Bounds {
            west: f64::INFINITY,
            south: f64::INFINITY,
            east: f64::NEG_INFINITY,
            north: f64::NEG_INFINITY,
        };
        self.0.iter().fold(nothing, |Bounds { west, south, east, north }, corner| Bounds {
            west: west.min(corner.lng),
            south: south.min(corner.lat),
            east: east.max(corner.lng),
            north: north.max(corner.lat),
        })
    }

    fn edges(&self) -> impl Iterator<Item = (Location, Location)> {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().copied().zip(next.copied())
    }

    fn crosses_itself(&self) -> bool {
        let edges: Vec<_> = self.edges().collect();
        (0..edges.len()).any(|one| {
            (one + 1..edges.len()).any(|other| {
                let (first, second) = (edges[one], edges[other]);
                let follows = one + 1 == other;
                let closes = other + 1 == edges.len() && one == 0;
                // Neighbours share a corner, and nothing else unless one goes back over the other.
                match (follows, closes) {
                    (true, _) => goes_back(first.0, first.1, second.1),
                    (_, true) => goes_back(second.0, second.1, first.1),
                    _ => touch(first, second),
                }
            })
        })
    }
}

/// On which side of the line from `from` to `to` a point lies: positive on its left, zero on it.
fn side(from: Location, to: Location, point: Location) -> f64 {
    (to.lng - from.lng) * (point.lat - from.lat) - (to.lat - from.lat) * (point.lng - from.lng)
}

/// Whether the way from `from` over `corner` to `to` turns around on itself.
fn goes_back(from: Location, corner: Location, to: Location) -> bool {
    let ahead =
        (corner.lng - from.lng) * (to.lng - corner.lng) + (corner.lat - from.lat) * (to.lat - corner.lat);
    side(from, corner, to) == 0.0 && ahead < 0.0
}

fn touch(one: (Location, Location), other: (Location, Location)) -> bool {
    let sides = |edge: (Location, Location), of: (Location, Location)| {
        (side(edge.0, edge.1, of.0), side(edge.0, edge.1, of.1))
    };
    let (first, second) = (sides(one, other), sides(other, one));
    let overlap = |a: f64, b: f64, c: f64, d: f64| a.min(b) <= c.max(d) && c.min(d) <= a.max(b);
    first.0 * first.1 <= 0.0
        && second.0 * second.1 <= 0.0
        && overlap(one.0.lng, one.1.lng, other.0.lng, other.1.lng)
        && overlap(one.0.lat, one.1.lat, other.0.lat, other.1.lat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn polygon(corners: &[(f64, f64)]) -> Result<Polygon, &'static str> {
        Polygon::of(corners.iter().map(|&(lng, lat)| Location { lat, lng }).collect())
    }

    #[test]
    fn what_has_no_inside_or_two_is_no_polygon() {
        assert!(polygon(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]).is_ok(), "closed or not");
        for (corners, why) in [
            (&[(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)][..], "corners"),
            (&[(0.0, 0.0), (1.0, 0.0), (0.0, 91.0)], "latitudes"),
            (&[(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0)], "antimeridian"),
            (&[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], "cross"),
            (&[(0.0, 0.0), (2.0, 0.0), (1.0, 0.0)], "cross"),
            (&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (1.0, 0.0), (0.0, 2.0)], "touch"),
            (&[(0.0, f64::NAN), (2.0, 0.0), (2.0, 2.0)], "latitudes"),
        ] {
            let refused = polygon(corners).expect_err("no polygon");
            assert!(refused.contains(why), "{corners:?}: {refused}");
        }
    }

    #[test]
    fn a_polygon_with_a_bay_leaves_the_bay_out() {
        let bay = polygon(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)]).unwrap();
        let has = |lng, lat| bay.contains(Location { lat, lng });
        assert!(has(2.0, 0.5) && has(0.5, 2.0) && has(3.5, 2.0));
        assert!(!has(2.0, 2.0) && !has(-0.5, 2.0) && !has(4.5, 0.5) && !has(2.0, -0.1));
        assert_eq!(bay.bounds(), Bounds { west: 0.0, south: 0.0, east: 4.0, north: 4.0 });
    }

    proptest! {
        #[test]
        fn a_star_has_what_is_nearer_to_its_centre_than_its_border(
            radii in proptest::collection::vec(0.5f64..2.0, 3..40), turn in 0f64..1.0, share in 0f64..0.999,
        ) {
            // Of every corner of a star, whatever its radius, what lies on the way to it is inside.
            let count = radii.len();
            let angle = |number: usize| (number as f64 + turn) / count as f64 * std::f64::consts::TAU;
            let at = |number: usize, radius: f64| {
                Location { lat: 50.0 + radius * angle(number).sin(), lng: 4.0 + radius * angle(number).cos() }
            };
            let star = Polygon::of(radii.iter().enumerate().map(|(number, radius)| at(number, *radius)).collect());
            let star = star.unwrap();
            for (number, radius) in radii.iter().enumerate() {
                prop_assert!(star.contains(at(number, radius * share)));
                prop_assert!(!star.contains(at(number, radius * (2.0 - share))));
                prop_assert!(star.bounds().contains(at(number, radius * share)));
            }
        }
    }
}

//! The grid that listings are filed in: cells of 1/32 degree (3.5 km from south to north, less from
//! west to east) in regions of one degree. A cell is what one query reads, a region what one
//! directory item lists.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::Bounds;
use crate::listing::Location;

/// How many cells a degree has in each direction. A power of two, so that cell edges are exact floats.
const CELLS_PER_DEGREE: u16 = 32;
const LAST_ROW: u16 = 180 * CELLS_PER_DEGREE - 1;
const LAST_COLUMN: u16 = 360 * CELLS_PER_DEGREE - 1;

macro_rules! squares {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            row: u16,
            column: u16,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", self.row, self.column)
            }
        }

        impl FromStr for $name {
            type Err = NotASquare;
            fn from_str(text: &str) -> Result<Self, NotASquare> {
                let (row, column) = text.split_once('-').ok_or(NotASquare)?;
                let number = |text: &str| text.parse().map_err(|_| NotASquare);
                Ok(Self { row: number(row)?, column: number(column)? })
            }
        }
    )*};
}

squares! {
    /// One square of the grid, written `row-column`.
    Cell
    /// The cells of one degree of latitude and longitude, written `row-column`.
    Region
}

/// The text names no square of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASquare;

impl fmt::Display for NotASquare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a square of the grid")
    }
}

impl std::error::Error for NotASquare {}

impl Cell {
    /// The cell that a point lies in.
    #[must_use]
    pub fn of(point: Location) -> Self {
        Self { row: row(point.lat), column: column(point.lng) }
    }

    /// The region that it belongs to.
    #[must_use]
    pub const fn region(self) -> Region {
        Region { row: self.row / CELLS_PER_DEGREE, column: self.column / CELLS_PER_DEGREE }
    }
}

/// The squares that a box touches.
#[derive(Clone, Debug)]
pub struct Cover {
    rows: RangeInclusive<u16>,
    /// One range, or two for a box that crosses the antimeridian.
    columns: Vec<RangeInclusive<u16>>,
}

impl Cover {
    /// The squares that `bounds` touches: every point of it lies in one of them.
    #[must_use]
    pub fn of(bounds: Bounds) -> Self {
        let (west, east) = (column(bounds.west), column(bounds.east));
        let columns = if bounds.crosses_antimeridian() {
            vec![west..=LAST_COLUMN, 0..=east]
        } else {
            vec![west..=east]
        };
        Self { rows: row(bounds.south)..=row(bounds.north), columns }
    }

    /// Whether it has this cell.
    #[must_use]
    pub fn has(&self, cell: Cell) -> bool {
        self.rows.contains(&cell.row) && self.columns.iter().any(|columns| columns.contains(&cell.column))
    }

    /// Whether it has a cell of this region.
    #[must_use]
    pub fn has_region(&self, region: Region) -> bool {
        let touches = |cells: &RangeInclusive<u16>, degree: u16| {
            (cells.start() / CELLS_PER_DEGREE..=cells.end() / CELLS_PER_DEGREE).contains(&degree)
        };
        touches(&self.rows, region.row) && self.columns.iter().any(|columns| touches(columns, region.column))
    }

    /// Its regions when there are at most `most`; `None` for a wider cover, of which most is sea.
    #[must_use]
    pub fn regions(&self, most: usize) -> Option<Vec<Region>> {
        let degrees =
            |cells: &RangeInclusive<u16>| cells.start() / CELLS_PER_DEGREE..=cells.end() / CELLS_PER_DEGREE;
        let mut columns: Vec<u16> = self.columns.iter().flat_map(degrees).collect();
        columns.sort_unstable();
        columns.dedup();
        let rows = degrees(&self.rows);
        if rows.len() * columns.len() > most {
            return None;
        }
        let row_of_regions = |row| columns.iter().map(move |&column| Region { row, column });
        Some(rows.flat_map(row_of_regions).collect())
    }
}

fn row(lat: f64) -> u16 {
    square(lat + 90.0, LAST_ROW)
}

fn column(lng: f64) -> u16 {
    square(lng + 180.0, LAST_COLUMN)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the grid first")]
fn square(degrees: f64, last: u16) -> u16 {
    (degrees * f64::from(CELLS_PER_DEGREE)).floor().clamp(0.0, f64::from(last)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::distance_km;
    use proptest::prelude::*;

    fn anywhere() -> impl Strategy<Value = Location> {
        let lat = prop_oneof![-90.0..=90.0, 89.0..=90.0, -90.0..=-89.0, Just(90.0), Just(-90.0)];
        let lng = prop_oneof![-180.0..=180.0, 179.0..=180.0, -180.0..=-179.0, Just(180.0), Just(-180.0)];
        (lat, lng).prop_map(|(lat, lng)| Location { lat, lng })
    }

    fn is_covered(cover: &Cover, point: Location) -> bool {
        let cell = Cell::of(point);
        cover.has(cell)
            && cover.has_region(cell.region())
            && cover.regions(usize::MAX).unwrap().contains(&cell.region())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn a_circle_lies_within_its_cells(centre in anywhere(), radius in 0.1f64..500.0, bearing in 0f64..std::f64::consts::TAU, share in 0f64..=1.0) {
            // The point at that bearing and distance, by the spherical law.
            let (angle, lat) = (radius * share / crate::geo::EARTH_RADIUS_KM, centre.lat.to_radians());
            let to_lat = (lat.sin() * angle.cos() + lat.cos() * angle.sin() * bearing.cos()).clamp(-1.0, 1.0).asin();
            let turn = (bearing.sin() * angle.sin() * lat.cos()).atan2(angle.cos() - lat.sin() * to_lat.sin());
            let lng = (centre.lng + turn.to_degrees() + 540.0).rem_euclid(360.0) - 180.0;
            let point = Location { lat: to_lat.to_degrees(), lng };
            prop_assume!(distance_km(centre, point) <= radius);
            prop_assert!(is_covered(&Cover::of(Bounds::around(centre, radius)), point), "{point:?}");
        }

        #[test]
        fn a_box_lies_within_its_cells(one in anywhere(), other in anywhere(), (up, right) in (0f64..=1.0, 0f64..=1.0)) {
            let bounds = Bounds { west: one.lng, east: other.lng, south: one.lat.min(other.lat), north: one.lat.max(other.lat) };
            let width = bounds.east - bounds.west + if bounds.crosses_antimeridian() { 360.0 } else { 0.0 };
            let lng = bounds.west + right * width;
            let lng = if lng > 180.0 { lng - 360.0 } else { lng };
            let point = Location { lat: bounds.south + up * (bounds.north - bounds.south), lng };
            // But for the floats' own rounding at its edges.
            prop_assume!(bounds.contains(point));
            prop_assert!(is_covered(&Cover::of(bounds), point));
        }

        #[test]
        fn a_cell_reads_back(point in anywhere()) {
            let cell = Cell::of(point);
            prop_assert_eq!(cell.to_string().parse(), Ok(cell));
            prop_assert!(is_covered(&Cover::of(Bounds::WORLD), point));
        }
    }

    #[test]
    fn a_city_lies_in_few_regions_and_the_world_in_too_many() {
        let antwerp = Bounds::around(Location { lat: 51.22, lng: 4.4 }, 15.0);
        assert!(Cover::of(antwerp).regions(16).unwrap().len() <= 4);
        assert!(Cover::of(Bounds::WORLD).regions(16).is_none());
        assert!("12".parse::<Cell>().is_err());
    }
}

//! The time zone of a place, from boundaries that come with the binary (see `build.rs`: about 2.5 MB, 1.7 MB
//! zipped). Only what creates and edits listings looks zones up; other binaries do not carry the boundaries.

use std::sync::LazyLock;

use tzf_rs::EmbeddedFinder;

use crate::clock::Zone;
use crate::listing::Location;

static BOUNDARIES: LazyLock<EmbeddedFinder> = LazyLock::new(|| {
    let boundaries: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/zones.tzb"));
    EmbeddedFinder::from_tzb(boundaries).expect("what the build has written can be read")
});

/// The IANA zone that clocks at this place follow; at sea the nautical one, `Etc/GMT+n`.
#[must_use]
pub fn zone_of(location: Location) -> Zone {
    // Near a boundary several zones may lie within its error; the finder's first is its best.
    let named = Zone::named(BOUNDARIES.get_tz_name(location.lng, location.lat));
    named.unwrap_or_else(|| nautical(location.lng))
}

/// The nautical zone of a longitude. Its name counts hours west, as POSIX does.
fn nautical(lng: f64) -> Zone {
    let zones = (-12..=12).map(|west: i32| (west, f64::from(west) * -15.0));
    let nearest = zones.min_by(|(_, a), (_, b)| (a - lng).abs().total_cmp(&(b - lng).abs()));
    let west = nearest.map_or(0, |(west, _)| west);
    let name = if west == 0 { "Etc/GMT".to_owned() } else { format!("Etc/GMT{west:+}") };
    Zone::named(&name).expect("the database has all nautical zones of whole hours from -12 to 12")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_have_the_zone_their_clocks_follow() {
        for (lat, lng, zone) in [
            (51.2194, 4.4025, "Europe/Brussels"),
            (52.3676, 4.9041, "Europe/Amsterdam"),
            (42.6526, -73.7562, "America/New_York"),
            // Florida's panhandle and Utah's south follow other clocks than their nearest capitals.
            (30.4213, -87.2169, "America/Chicago"),
            (37.0965, -113.5684, "America/Denver"),
            (22.5726, 88.3639, "Asia/Kolkata"),
            (27.7172, 85.324, "Asia/Kathmandu"),
            (1.8721, -157.4278, "Pacific/Kiritimati"),
            (-33.8688, 151.2093, "Australia/Sydney"),
            (0.0, -30.0, "Etc/GMT+2"),
        ] {
            assert_eq!(zone_of(Location { lat, lng }).name(), zone, "{lat},{lng}");
        }
    }

    /// What the build leaves out moves no clock.
    #[test]
    fn clocks_are_those_of_the_boundaries_as_they_come() {
        let whole = EmbeddedFinder::from_tzb(tzf_dist::load_lite_tzb()).unwrap();
        let clock = |zone: &str| {
            let zone = jiff::tz::TimeZone::get(zone).unwrap();
            let from = "2026-01-01T00:00:00Z".parse().unwrap();
            let changes = zone.following(from).take(12).map(|change| (change.timestamp(), change.offset()));
            (zone.to_offset(from), changes.collect::<Vec<_>>())
        };
        let mut random = fastrand::Rng::with_seed(1);
        // Around towns at borders, where zones meet, and anywhere.
        let towns = [(47.58, 7.59), (50.79, 5.84), (31.8, 35.2), (43.8, 87.6), (30.7, -85.5), (41.7, -86.9)];
        let (mut compared, mut renamed) = (0, 0);
        for number in 0..60_000 {
            let (lat, lng) = match number % 2 {
                0 => {
                    let (lat, lng) = towns[random.usize(..towns.len())];
                    (lat + random.f64() * 2.0 - 1.0, lng + random.f64() * 2.0 - 1.0)
                }
                _ => (random.f64() * 130.0 - 60.0, random.f64() * 360.0 - 180.0),
            };
            let (before, after) = (whole.get_tz_name(lng, lat), BOUNDARIES.get_tz_name(lng, lat));
            if before.starts_with("Etc/") || after.starts_with("Etc/") {
                continue;
            }
            compared += 1;
            if before != after {
                renamed += 1;
                assert_eq!(clock(before), clock(after), "{lat},{lng}: {before} has become {after}");
            }
        }
        assert!(compared > 30_000 && renamed * 1_000 < compared, "{renamed} of {compared}");
    }

    #[test]
    fn every_zone_of_the_boundaries_is_one_of_the_clock() {
        for name in BOUNDARIES.timezonenames() {
            assert!(Zone::named(name).is_some(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_place_has_a_zone(lat in -90.0f64..=90.0, lng in -180.0f64..=180.0) {
            let zone = zone_of(Location { lat, lng });
            prop_assert!(!zone.name().is_empty());
            prop_assert!(nautical(lng).name().starts_with("Etc/GMT"));
        }
    }
}

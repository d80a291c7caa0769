//! The index against the files it was made from and against the cells: two legs, one answer.

use fastrand::Rng;
use roost::app::App;
use roost::clock::Instant;
use roost::geo::Bounds;
use roost::listing::{Location, PlaceType, PropertyType};
use roost::search::projection::Candidate;
use roost::search::query::{Area, Query, Sort, Town};
use roost::search::{Found, confirmed};
use roost::stay::{Nights, add_days};
use roost_tests::{Product, VISA};
use serde_json::json;

use crate::import::{SEED, a_city, import};
use crate::truth;

#[tokio::test(flavor = "multi_thread")]
async fn the_index_answers_what_the_files_say_and_what_the_cells_say() {
    let Some(product) = Product::start_with_index("truth").await else { return };
    let made = tempfile::tempdir().unwrap();
    let (folder, _) = a_city(made.path());
    let report = import(&product, &folder).await;
    let url = product.stack.url();
    let summary = truth::check(&url, &folder, report.shift, 300, SEED).await.unwrap();
    assert_eq!(summary.by_index, 300, "{summary:?}");

    let mut random = Rng::with_seed(SEED);
    let candidates = product.stack.app().store.candidates(&Area::World).await.unwrap();
    let homes: Vec<Candidate> = candidates.iter().cloned().collect();
    let taken = take_nights(&product, &homes, &mut random).await;
    assert!(taken >= 1_000, "{taken} nights");
    product.stack.drain().await;
    let now = product.stack.app().clock.now();
    let mut found = 0;
    for number in 0..300 {
        let query = random_query(&homes, now, &mut random);
        match compare(&product.stack.app(), &query, now).await {
            Ok(hits) => found += hits,
            Err(wrong) => panic!("query {number} of seed {SEED}, {query:?}: {wrong}"),
        }
    }
    assert!(found > 3_000, "{found}");
}

/// Books and blocks about a thousand nights; how many.
async fn take_nights(product: &Product, homes: &[Candidate], random: &mut Rng) -> u32 {
    let mut taken = 0;
    for number in 0..150 {
        let home = &homes[random.usize(..homes.len())].projection;
        let first = product.day(i64::from(random.i32(3..200)));
        let stay = Nights::between(first, add_days(first, i64::from(random.i32(2..25)))).unwrap();
        let store = product.stack.app().store.clone();
        let (listing, _) = store.listing(home.listing, true).await.unwrap().unwrap();
        let host = product.one_of_a_crowd(listing.host.bits());
        let calendar = format!("/v1/listings/{}/calendar/block", home.listing);
        let range = json!({"startDate": stay.first(), "endDate": stay.end()});
        let guest = product.one_of_a_crowd(90_000 + number);
        let key = format!("stay-{number}");
        let booked = guest.book(&home.listing.to_string(), stay.first(), stay.end(), VISA, &key).await;
        if booked.status == 201 || host.post(&calendar, &range).await.status == 200 {
            taken += stay.count();
        }
    }
    taken
}

/// Both legs' hits, total and facets of a query; how many hits.
async fn compare(app: &App, query: &Query, now: Instant) -> Result<usize, String> {
    let candidates = app.store.candidates(&query.area).await.unwrap();
    let cells = Found::among(candidates.iter(), query, now);
    let index = app.index().unwrap();
    let page = index.search(&app.store, query, None, 50, now).await.ok_or("the index does not answer")?;
    let by_index = confirmed(&page.candidates, query, now);
    if by_index.len() != page.candidates.len() {
        return Err(format!(
            "{} of {} hits are none",
            page.candidates.len() - by_index.len(),
            by_index.len()
        ));
    }
    let ids = |hits: &[roost::search::matching::Match<'_>]| -> Vec<_> {
        hits.iter()
            .map(|hit| (hit.candidate.projection.unit, hit.candidate.version, hit.price_per_night))
            .collect()
    };
    let (by_index, by_cells) = (ids(&by_index), ids(&cells.page(None, 50).hits));
    if by_index != by_cells {
        return Err(format!("the index has {by_index:?}, the cells have {by_cells:?}"));
    }
    if page.total != cells.total() {
        return Err(format!("totals {} and {}", page.total, cells.total()));
    }
    if page.facets != cells.facets() {
        return Err(format!("facets {:?} and {:?}", page.facets, cells.facets()));
    }
    for zoom in [3, 9, 12, 17] {
        let (map, cells) = (index.map(query, zoom, now).await.ok_or("no map")?, cells.map(zoom));
        let mut items: Vec<_> = map.items.iter().map(|hit| hit.projection.unit).collect();
        let mut expected: Vec<_> = cells.items.iter().map(|hit| hit.candidate.projection.unit).collect();
        items.sort_unstable();
        expected.sort_unstable();
        let near = |one: Location, other: Location| {
            (one.lat - other.lat).abs() < 0.0015 && (one.lng - other.lng).abs() < 0.0015
        };
        let alike = map.clusters.len() == cells.clusters.len()
            && map.clusters.iter().zip(&cells.clusters).all(|(one, other)| {
                one.count == other.count
                    && one.min_price == other.min_price
                    && near(one.location, other.location)
            });
        if items != expected || !alike {
            return Err(format!("zoom {zoom}: {:?} and {:?}", map.clusters, cells.clusters));
        }
    }
    Ok(page.total)
}

fn random_query(homes: &[Candidate], now: Instant, random: &mut Rng) -> Query {
    let home = &homes[random.usize(..homes.len())].projection;
    let Location { lat, lng } = home.location;
    let near = |random: &mut Rng| (random.f64() - 0.5) * 0.05;
    let area = match random.u8(..8) {
        0 => Area::World,
        1 | 2 => Area::Town(Town::named(&home.city)),
        3..=5 => Area::Circle {
            centre: Location { lat: lat + near(random), lng: lng + near(random) },
            radius_km: 0.3 + random.f64() * 15.0,
        },
        _ => Area::Box(Bounds {
            west: lng - random.f64() * 0.1,
            south: lat - random.f64() * 0.1,
            east: lng + random.f64() * 0.1,
            north: lat + random.f64() * 0.1,
        }),
    };
    let mut query = Query::everything(area);
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    query.stay = (random.u8(..5) > 0).then(|| {
        // From yesterday, which may be today somewhere, to the last night that can be booked.
        let first = add_days(today, if random.u8(..5) == 0 { random.i64(-1..2) } else { random.i64(2..360) });
        let count = if random.bool() { random.i64(1..8) } else { random.i64(1..100) };
        Nights::between(first, add_days(first, count)).unwrap()
    });
    let sometimes = |random: &mut Rng| random.u8(..4) == 0;
    query.guests = sometimes(random).then(|| random.u16(1..7));
    query.min_price = sometimes(random).then(|| random.i64(..15_000));
    query.max_price = sometimes(random).then(|| random.i64(8_000..40_000));
    if sometimes(random) {
        query.place_types = vec![PlaceType::ALL[random.usize(..PlaceType::ALL.len())], PlaceType::ALL[0]];
    }
    if sometimes(random) {
        query.property_types =
            vec![PropertyType::ALL[random.usize(..PropertyType::ALL.len())], home.property_type];
    }
    if sometimes(random) && !home.amenities.is_empty() {
        query.amenities = vec![home.amenities[random.usize(..home.amenities.len())].to_lowercase()];
    }
    query.instant_book = sometimes(random).then(|| random.bool());
    query.superhost = sometimes(random).then(|| random.bool());
    query.sort = match random.u8(..4) {
        0 => Sort::Price,
        1 => Sort::Rating,
        2 if query.area.centre().is_some() => Sort::Distance,
        _ => Sort::Relevance,
    };
    query
}

//! The index against the files it was made from and against the cells: two legs, one answer.

use std::time::Duration;

use fastrand::Rng;
use roost::app::App;
use roost::clock::Instant;
use roost::geo::polygon::Polygon;
use roost::geo::{Bounds, distance_km};
use roost::index::admin::Order;
use roost::listing::{Location, PlaceType, PropertyType};
use roost::search::projection::{Candidate, Projection};
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

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_with_typing_errors_accents_and_synonyms() {
    let Some(product) = Product::start_with_index("words").await else { return };
    let host = product.somebody("host").await;
    let mut homes = std::collections::BTreeMap::new();
    for title in [
        "Cosy apartment near the station",
        "Très joli studio",
        "House with a hot tub",
        "Villa, Jacuzzi and garden",
    ] {
        let id = product.home_of(&host, json!({"title": title})).await;
        homes.insert(id, title);
    }
    product.drain().await;
    for (asked, expected) in [
        ("apartement", vec!["Cosy apartment near the station"]),
        ("appartement", vec!["Cosy apartment near the station"]),
        ("flat", vec!["Cosy apartment near the station"]),
        ("tres", vec!["Très joli studio"]),
        ("jacuzzi", vec!["Villa, Jacuzzi and garden", "House with a hot tub"]),
        ("hot tub", vec!["House with a hot tub", "Villa, Jacuzzi and garden"]),
        ("jacuzi villa", vec!["Villa, Jacuzzi and garden"]),
        ("castle", vec![]),
    ] {
        let answer =
            product.anybody().get(&format!("/v1/search?q={}", asked.replace(' ', "%20"))).await.expect(200);
        assert_eq!(answer["source"], "index");
        let items = answer["items"].as_array().unwrap();
        let found: Vec<&str> = items.iter().map(|item| homes[item["listingId"].as_str().unwrap()]).collect();
        assert_eq!(found, expected, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_goes_on_where_the_one_before_ended_whatever_changes_meanwhile() {
    let Some(product) = Product::start_with_index("pages").await else { return };
    let made = tempfile::tempdir().unwrap();
    let city = made.path().join("lisbon");
    roost_local::import::demo::generate_csv(&city, 120, SEED).unwrap();
    import(&product, &city).await;
    let store = product.stack.app().store.clone();
    let candidates = store.candidates(&Area::World).await.unwrap();
    let mut homes: Vec<_> = candidates.iter().map(|home| home.projection.listing.to_string()).collect();
    let mut random = Rng::with_seed(SEED);
    let (mut found, mut next, mut changed) = (Vec::new(), String::new(), 0);
    loop {
        let page = product.anybody().get(&format!("/v1/search?sort=price&limit=10{next}")).await.expect(200);
        assert_eq!((&page["source"], &page["total"]), (&json!("index"), &json!(homes.len())));
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["listingId"].as_str().unwrap().to_owned()));
        for _ in 0..5 {
            // A price that moves the home before or behind the page that was just read.
            let home: roost::ids::ListingId = homes[random.usize(..homes.len())].parse().unwrap();
            let (listing, _) = store.listing(home, true).await.unwrap().unwrap();
            let host = product.one_of_a_crowd(listing.host.bits());
            let price = json!({"basePrice": {"amount": random.i64(1_000..90_000), "currency": "EUR"}});
            host.patch(&format!("/v1/listings/{home}"), &price).await.expect(200);
            changed += 1;
        }
        product.drain().await;
        match page["nextCursor"].as_str() {
            None => break,
            Some(cursor) => next = format!("&cursor={cursor}"),
        }
    }
    found.sort_unstable();
    homes.sort_unstable();
    assert!(changed >= 60);
    assert_eq!(found, homes, "none twice, none lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_go_on_with_a_filling_that_has_ended_leaves_the_index_whole() {
    let Some(product) = Product::start_with_index("goes-on").await else { return };
    product.host_with_home("host", json!({})).await;
    product.drain().await;
    let app = product.stack.app();
    let index = app.index().expect("an index");
    let apply = async |order: Order| index.apply(&app.store, &order, Duration::from_mins(5)).await.unwrap();
    let anew = apply(Order { anew: true, from: None }).await;
    assert_eq!((anew.documents, anew.done), (1, true));
    let again = apply(Order { anew: false, from: Some("typed twice".into()) }).await;
    assert_eq!((again.index, again.documents, again.done), (anew.index, 0, true));

    // What the index refuses, three times, is no outage: the next search is its own.
    let (now, flat) = (app.clock.now(), Bounds { west: 4.0, south: 50.0, east: 4.0, north: 51.0 });
    for _ in 0..3 {
        let refused = Query::everything(Area::Box(flat));
        assert!(index.search(&app.store, &refused, None, 20, now).await.is_none());
    }
    assert!(index.search(&app.store, &Query::everything(Area::World), None, 20, now).await.is_some());
    // A polygon of more than half the earth, clockwise.
    let at = |lng, lat| Location { lat, lng };
    let corners = [(-120.0, -40.0), (-120.0, 60.0), (0.0, 70.0), (120.0, 60.0), (120.0, -40.0), (0.0, -45.0)];
    let wide = Polygon::of(corners.map(|(lng, lat)| at(lng, lat)).to_vec()).unwrap();
    let wide = Query::everything(Area::Polygon(wide));
    let found = index.search(&app.store, &wide, None, 20, now).await.expect("an answer");
    assert_eq!(found.total, 1, "Antwerp lies in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_doubled_and_displaced_records_end_in_the_same_index() {
    let Some(product) = Product::start_with_index("streams").await else { return };
    let (host, homes) = product.host_with_homes("host", 6).await;
    product.disturb_streams("index");
    for (number, home) in (0_i64..).zip(&homes) {
        let range = json!({"startDate": product.day(10 + number), "endDate": product.day(20)});
        host.post(&format!("/v1/listings/{home}/calendar/block"), &range).await.expect(200);
        let moved = json!({"location": {"lat": 51.0 + number as f64 / 10.0, "lng": 4.4}});
        host.patch(&format!("/v1/listings/{home}"), &moved).await.expect(200);
    }
    host.post(&format!("/v1/listings/{}/unpublish", homes[0]), &json!({})).await.expect(200);
    product.drain().await;
    product.stack.stream_faults().clear();
    // The next change of what the cells hold mends what a lost record has left. A home that is off
    // sale has nothing there to change, so it comes back and goes again.
    host.post(&format!("/v1/listings/{}/publish", homes[0]), &json!({})).await.expect(200);
    for home in &homes {
        let price = json!({"startDate": product.day(90), "endDate": product.day(91), "price": {"amount": 9_000, "currency": "EUR"}});
        host.post(&format!("/v1/listings/{home}/calendar/set-price"), &price).await.expect(200);
    }
    product.drain().await;
    host.post(&format!("/v1/listings/{}/unpublish", homes[0]), &json!({})).await.expect(200);
    product.drain().await;
    let now = product.stack.app().clock.now();
    for days in [None, Some((5, 8)), Some((12, 14)), Some((25, 27))] {
        let mut query = Query::everything(Area::World);
        query.stay = days.map(|(from, to)| Nights::between(product.day(from), product.day(to)).unwrap());
        let hits = compare(&product.stack.app(), &query, now).await.unwrap();
        assert!(hits < homes.len(), "the first is off sale");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_dies_is_stood_in_for_and_used_again_when_it_is_back() {
    let Some(product) = Product::start_with_own_index().await else { return };
    let host = product.somebody("host").await;
    for _ in 0..5 {
        product.home_of(&host, json!({})).await;
    }
    product.drain().await;
    let search = async || {
        let answer = product.anybody().get("/v1/search?location=Antwerp").await.expect(200);
        assert_eq!(answer["total"], 5);
        answer["source"].as_str().unwrap().to_owned()
    };
    let mut sources = Vec::new();
    for number in 0..500 {
        if number == 250 {
            product.stack.search().kill_server();
        }
        sources.push(search().await);
    }
    assert!(sources[..200].iter().any(|source| source == "index"), "{sources:?}");
    assert!(sources[251..].iter().all(|source| source == "fallback"), "nobody answers for a dead index");
    // It is started again, filled, and asked again, all by itself.
    let back = tokio::time::timeout(Duration::from_mins(2), async {
        product.stack.search().restarted().await;
        while search().await != "index" {}
    });
    assert!(back.await.is_ok(), "the index is used again");
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
        let (map, cells) = (index.map(query, zoom, now).await.ok_or("no map")?, cells.map(zoom, &query.area));
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

fn random_area(home: &Projection, random: &mut Rng) -> Area {
    let Location { lat, lng } = home.location;
    let near = |random: &mut Rng| (random.f64() - 0.5) * 0.05;
    match random.u8(..10) {
        0 => Area::World,
        1 | 2 => Area::Town(Town::named(&home.city)),
        3..=5 => Area::Circle {
            centre: Location { lat: lat + near(random), lng: lng + near(random) },
            radius_km: 0.3 + random.f64() * 15.0,
        },
        6 | 7 => {
            // A star with long and short rays: it has bays.
            let count = random.usize(3..12);
            let corner = |number: usize| {
                let angle = std::f64::consts::TAU * number as f64 / count as f64;
                let reach = 0.01 + random.f64() * 0.1;
                Location { lat: lat + reach * angle.sin(), lng: lng + reach * angle.cos() }
            };
            Area::Polygon(Polygon::of((0..count).map(corner).collect()).unwrap())
        }
        _ => Area::Box(Bounds {
            west: lng - random.f64() * 0.1,
            south: lat - random.f64() * 0.1,
            east: lng + random.f64() * 0.1,
            north: lat + random.f64() * 0.1,
        }),
    }
}

/// Whether a place is so near the area's edge that the index, which has coordinates of 32 bits, may see it
/// on the other side: centimetres.
fn has_on_its_edge(area: &Area, place: Location) -> bool {
    match area {
        Area::World | Area::Town(_) => false,
        Area::Circle { centre, radius_km } => (distance_km(*centre, place) - radius_km).abs() < 5e-5,
        Area::Box(Bounds { west, south, east, north }) => {
            [place.lng - west, place.lng - east, place.lat - south, place.lat - north]
                .iter()
                .any(|apart| apart.abs() < 2e-7)
        }
        Area::Polygon(polygon) => {
            let moved = |lat: f64, lng: f64| Location { lat: place.lat + lat, lng: place.lng + lng };
            let around = [moved(2e-7, 0.0), moved(-2e-7, 0.0), moved(0.0, 2e-7), moved(0.0, -2e-7)];
            around.into_iter().any(|near| polygon.contains(near) != polygon.contains(place))
        }
    }
}

fn random_query(homes: &[Candidate], now: Instant, random: &mut Rng) -> Query {
    let home = &homes[random.usize(..homes.len())].projection;
    let area = loop {
        let area = random_area(home, random);
        if homes.iter().all(|home| !has_on_its_edge(&area, home.projection.location)) {
            break area;
        }
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

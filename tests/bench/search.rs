//! Search on many listings: `cargo bench-search LISTINGS CITY...` imports the cities, copies their
//! homes with new ids around the old places until the index has so many listings, and measures one
//! search after another at the API, the index alone beside it; then what paging keeps while homes
//! change, how long a booking takes until searches know of it, and what an outage costs.
#![allow(clippy::print_stdout, reason = "this program's output is its table")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use futures::future::{join, join_all, try_join_all};
use http::Request;
use roost::app::App;
use roost::ids::{ListingId, UnitId};
use roost::index::Filed;
use roost::listing::Location;
use roost::search::projection::Candidate;
use roost::search::query::{Area, Query};
use roost::stay::{Nights, add_days, epoch_day};
use roost_local::all_functions;
use roost_local::gateway;
use roost_local::import::{ImportOptions, run};
use roost_local::router::Router;
use roost_local::search::PATH;
use roost_tests::{Product, VISA};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// How many searches of each kind are measured, after a tenth as many that are not.
const SEARCHES: usize = 300;
/// How many bookings, after how many that are not measured, and the time between two.
const BOOKINGS: usize = 200;
const UNMEASURED: usize = 50;
const BETWEEN: Duration = Duration::from_millis(20);
/// How long after an answer the index is asked again.
const ASKED_EACH: Duration = Duration::from_millis(25);
/// How many results are paged through, how many on a page, how many prices change after each.
const PAGED: usize = 5_000;
const PAGE: usize = 50;
const PATCHES_EACH_PAGE: usize = 5;
/// After this a booking counts as never searchable.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let listings: usize = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(100_000);
    let Some(product) = Product::start_with_own_index().await else { return };
    for dir in arguments.map(PathBuf::from) {
        let options = ImportOptions { dir, url: product.stack.url(), country: None, currency: None };
        println!("{}", run(options).await.expect("the city is imported"));
    }
    product.stack.drain().await;
    let homes: Vec<Candidate> =
        product.stack.app().store.candidates(&Area::World).await.expect("cells").iter().cloned().collect();
    let mut random = Rng::with_seed(2_024);
    println!("with {} listings:", homes.len());
    until_searchable(&product, &homes, &mut random).await;
    let began = Instant::now();
    copy(&product, &homes, listings, &mut random).await;
    product.stack.drain().await;
    println!("{listings} listings in the index, {:.1} s for the copies", began.elapsed().as_secs_f64());

    println!(
        "{:<26}{:>9}{:>9}{:>14}{:>7}{:>7}{:>7}{:>7}{:>9}{:>8}",
        "", "p50 ms", "p99 ms", "p50: function", "index", "check", "store", "ours", "hits", "ratio"
    );
    measure(&product, &kinds()).await;
    paging(&product, &homes, &mut random).await;
    until_searchable(&product, &homes, &mut random).await;
    outage(&product).await;
}

/// Writes copies of the homes until the index has so many listings.
async fn copy(product: &Product, homes: &[Candidate], listings: usize, random: &mut Rng) {
    let app = product.stack.app();
    let index = app.index().expect("the stack has an index");
    let mut left = listings.saturating_sub(homes.len());
    while left > 0 {
        let some = left.min(500);
        let copies: Vec<Filed> = (0..some)
            .map(|_| {
                let mut projection = homes[random.usize(..homes.len())].projection.clone();
                projection.listing = ListingId::from_bits(random.u128(..));
                projection.unit = UnitId::from(projection.listing);
                let Location { lat, lng } = projection.location;
                let near = |random: &mut Rng| (random.f64() - 0.5) * 0.02;
                projection.location = Location { lat: lat + near(random), lng: lng + near(random) };
                Filed { unit: projection.unit, version: 1, projection: Some(projection) }
            })
            .collect();
        index.write(&copies).await.expect("the index takes them");
        left -= some;
    }
}

fn dates(product: &Product, random: &mut Rng, nights: i64) -> String {
    let first = product.day(random.i64(5..200));
    format!("&checkIn={first}&checkOut={}", add_days(first, nights))
}

/// A kind of search: its name, how many nights it asks for, and its address without them.
struct Kind {
    name: &'static str,
    nights: Option<i64>,
    /// Whether the index, the check of its page and the function are measured alone too: it is the town.
    alone: bool,
    path: fn(&mut Rng) -> String,
}

fn kinds() -> Vec<Kind> {
    const WORDS: [&str; 6] = ["apartment", "studio", "cosy", "garden", "apartement", "loft"];
    let town = |_: &mut Rng| "/v1/search?location=Antwerp".to_owned();
    let mut kinds: Vec<Kind> = [
        ("city", None),
        ("city, 2 nights", Some(2)),
        ("city, 7 nights", Some(7)),
        ("city, 28 nights", Some(28)),
        ("city, 92 nights", Some(92)),
    ]
    .map(|(name, nights)| Kind { name, nights, alone: true, path: town })
    .into();
    kinds.push(Kind {
        name: "3 km, 7 nights",
        nights: Some(7),
        alone: false,
        path: |_| "/v1/search?lat=51.215&lng=4.41&radiusKm=3".to_owned(),
    });
    kinds.push(Kind {
        name: "map, zoom 13, 7 nights",
        nights: Some(7),
        alone: false,
        path: |random| {
            let west = 4.3 + random.f64() * 0.1;
            format!("/v1/search/map?bbox={west},51.15,{},51.27&zoom=13", west + 0.12)
        },
    });
    kinds.push(Kind {
        name: "words",
        nights: None,
        alone: false,
        path: |random| format!("/v1/search?q={}", WORDS[random.usize(..WORDS.len())]),
    });
    kinds
}

/// What searches of a kind took.
#[derive(Default)]
struct Taken {
    times: Vec<Duration>,
    hits: u64,
    fallback: usize,
}

/// Measures all kinds in turns, so that what else the machine does, and what the search server has
/// learned by then, meets all alike.
async fn measure(product: &Product, kinds: &[Kind]) {
    let mut random = Rng::with_seed(7);
    let caller = product.anybody();
    let mut taken: Vec<Taken> = kinds.iter().map(|_| Taken::default()).collect();
    for number in 0..SEARCHES + SEARCHES / 10 {
        for (kind, taken) in kinds.iter().zip(&mut taken) {
            let dates = kind.nights.map(|nights| dates(product, &mut random, nights)).unwrap_or_default();
            let path = format!("{}{dates}", (kind.path)(&mut random));
            let began = Instant::now();
            let answer = caller.get(&path).await.expect(200);
            if number >= SEARCHES / 10 {
                taken.times.push(began.elapsed());
                taken.hits += answer["total"].as_u64().unwrap_or_default();
                taken.fallback += usize::from(answer["source"] == "fallback");
            }
        }
    }
    let mut undated = None;
    for (kind, mut taken) in kinds.iter().zip(taken) {
        let (p50, p99) = percentiles(&mut taken.times);
        let ratio = p50 / *undated.get_or_insert(p50);
        let alone = if kind.alone {
            let [function, index, check, store] = alone(product, kind.nights).await;
            let ours = function - index - store;
            format!("{function:>14.1}{index:>7.1}{check:>7.1}{store:>7.1}{ours:>7.1}")
        } else {
            " ".repeat(42)
        };
        println!(
            "{:<26}{p50:>9.1}{p99:>9.1}{alone}{:>9}{ratio:>8.2}  {} by the cells",
            kind.name,
            taken.hits / SEARCHES as u64,
            taken.fallback
        );
    }
}

/// The p50 of the whole function for the town, of the index's own part, of the check of a page against the nights, and
/// of what the embedded store itself takes for that check's calls: all in this process, without the gateway and the HTTP
/// before it. What the function takes beyond index and store is ours.
async fn alone(product: &Product, nights: Option<i64>) -> [f64; 4] {
    let app = product.stack.app();
    let (index, now) = (app.index().expect("an index"), app.clock.now());
    let functions = all_functions();
    let taken = Router::to(functions.endpoints()).find("GET", "/v1/search").expect("a route");
    // Other dates than at the API, and for each other ones: the server remembers what it has been asked.
    let mut random = Rng::with_seed(8);
    let engine = product.stack.engine();
    let [mut times, mut checks, mut answers, mut stored] = [const { Vec::new() }; 4];
    for _ in 0..SEARCHES {
        let mut query = Query::everything(Area::Town(roost::search::query::Town::named("Antwerp")));
        query.stay = nights.and_then(|nights| {
            let first = product.day(random.i64(5..200));
            Nights::between(first, add_days(first, nights))
        });
        let began = Instant::now();
        let page = index.search(&app.store, &query, None, 20, now).await;
        let Some(page) = page else { continue };
        times.push(began.elapsed());
        if let Some(stay) = query.stay {
            let check = || {
                let units = page.candidates.iter().map(|hit| (hit.projection.unit, hit.projection.capacity));
                try_join_all(units.map(|(unit, capacity)| app.store.taken(unit, capacity, stay, false)))
            };
            let began = Instant::now();
            check().await.expect("the store answers");
            checks.push(began.elapsed());
            engine.record();
            check().await.expect("the store answers");
            let calls = engine.recorded();
            let began = Instant::now();
            for call in &calls {
                engine.answer(&call.operation, &call.body).await;
            }
            stored.push(began.elapsed());
        }
        let dates = nights.map(|nights| dates(product, &mut random, nights)).unwrap_or_default();
        let request = Request::get(format!("/v1/search?location=Antwerp{dates}")).body(Bytes::new());
        let here = IpAddr::from([127, 0, 0, 1]);
        let request = gateway::arriving(&request.expect("a request"), &taken, "bench", here, now);
        let began = Instant::now();
        let answer = (taken.endpoint.handle)(app.clone(), request.expect("an event")).await;
        answers.push(began.elapsed());
        assert_eq!(answer.status(), 200);
    }
    [&mut answers, &mut times, &mut checks, &mut stored].map(|times| percentiles(times).0)
}

/// Reads the same pages twice, the second time while homes change between them.
async fn paging(product: &Product, homes: &[Candidate], random: &mut Rng) {
    let (calm, _) = pages(product, homes, 0, random).await;
    let (found, changed) = pages(product, homes, PATCHES_EACH_PAGE, random).await;
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    println!(
        "{} results by price in pages of {PAGE} while {changed} homes changed: {} twice, {}",
        found.len(),
        found.len() - once.len(),
        if found == calm { "the same as without a change" } else { "OTHERS than without a change" },
    );
}

/// The first [`PAGED`] results by price, and how many prices were changed meanwhile.
async fn pages(
    product: &Product,
    homes: &[Candidate],
    patches: usize,
    random: &mut Rng,
) -> (Vec<String>, usize) {
    let (mut found, mut next, mut changed) = (Vec::new(), String::new(), 0);
    while found.len() < PAGED {
        let path = format!("/v1/search?location=Antwerp&sort=price&limit={PAGE}{next}");
        let page = product.anybody().get(&path).await.expect(200);
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| item["listingId"].to_string()));
        for _ in 0..patches {
            let home = homes[random.usize(..homes.len())].projection.listing;
            let listing = product.stack.app().store.listing(home, false).await.expect("the store answers");
            let host = product.one_of_a_crowd(listing.expect("a listing").0.host.bits());
            let price = json!({"basePrice": {"amount": random.i64(1_000..90_000), "currency": "EUR"}});
            host.patch(&format!("/v1/listings/{home}"), &price).await.expect(200);
            changed += 1;
        }
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    (found, changed)
}

/// Kills the search server between two searches, waits for its successor, and says what searches met.
async fn outage(product: &Product) {
    let search = async || {
        let began = Instant::now();
        let answer = product.anybody().get("/v1/search?location=Antwerp").await.expect(200);
        (began.elapsed(), answer["source"] == "index")
    };
    let (mut normal, mut fallback) = (Vec::new(), Vec::new());
    for _ in 0..SEARCHES / 6 {
        normal.push(search().await.0);
    }
    product.stack.search().kill_server();
    for _ in 0..SEARCHES / 6 {
        let (took, by_index) = search().await;
        assert!(!by_index, "nobody answers for a dead index");
        fallback.push(took);
    }
    let first = fallback[0].as_secs_f64() * 1000.0;
    product.stack.search().restarted().await;
    let back = Instant::now();
    while !search().await.1 {}
    println!(
        "index killed: first search after it {first:.0} ms, then {:.0} ms (p50; index {:.0} ms); used again {:.1} s after its return",
        percentiles(&mut fallback).0,
        percentiles(&mut normal).0,
        back.elapsed().as_secs_f64(),
    );
}

/// A booking: a search finds its home for these nights until it knows of it.
struct Booked {
    committed: Instant,
    unit: UnitId,
    stay: Nights,
}

/// Books homes that searches find, each once, at a steady pace, while the index is asked about them.
async fn until_searchable(product: &Product, homes: &[Candidate], random: &mut Rng) {
    // Where the host is asked first, a booking takes no nights yet.
    let mut homes: Vec<_> =
        homes.iter().map(|home| &home.projection).filter(|projection| projection.instant_book).collect();
    random.shuffle(&mut homes);
    let app = product.stack.app();
    let mut wanted = Vec::new();
    for home in homes {
        let first = product.day(random.i64(10..300));
        let nights = i64::from(home.min_nights.clamp(2, 20));
        let mut query = Query::everything(Area::Circle { centre: home.location, radius_km: 0.02 });
        query.stay = Nights::between(first, add_days(first, nights));
        // Right after an import the index has other things to do than to answer.
        let is_found = loop {
            match finds(&app, &query, home.unit).await {
                Some(is_found) => break is_found,
                None => tokio::time::sleep(ASKED_EACH).await,
            }
        };
        if is_found {
            wanted.push((home, query));
        }
        if wanted.len() == UNMEASURED + BOOKINGS {
            break;
        }
    }
    let (sender, booked) = mpsc::unbounded_channel();
    let asked = ask(product, booked);
    let began = tokio::time::Instant::now();
    let bookings: Vec<_> = (0_u32..)
        .zip(wanted)
        .map(|(number, (home, query))| {
            let sender = sender.clone();
            async move {
                tokio::time::sleep_until(began + BETWEEN * number).await;
                let (unit, stay) = (home.unit, query.stay.expect("dates"));
                let guest = product.one_of_a_crowd(500_000 + home.unit.bits() % 1_000_000);
                let listing = home.listing.to_string();
                // A home may be booked in the second round too.
                let key = format!("{listing}-{}", stay.first());
                let booked = guest.book(&listing, stay.first(), stay.end(), VISA, &key).await;
                if booked.status == 201 {
                    sender.send(Booked { committed: Instant::now(), unit, stay }).expect("somebody asks");
                }
            }
        })
        .collect();
    let all = async {
        join_all(bookings).await;
        drop(sender);
        began.elapsed()
    };
    let (took, times) = join(all, asked).await;
    let mut times: Vec<Duration> = times.into_iter().skip(UNMEASURED).collect();
    let (p50, p99) = percentiles(&mut times);
    println!(
        "{} bookings at {:.0}/s: searchable after {p50:.0} ms (p50), {p99:.0} ms (p99)",
        times.len(),
        (UNMEASURED + times.len()) as f64 / took.as_secs_f64()
    );
}

/// Asks the index, again and again and in one call, which of the homes booked it still finds for their nights: a
/// time runs from the booking's answer until it is not found any more. One search a booking, asked in turn, would
/// measure how fast they can be asked.
async fn ask(product: &Product, mut booked: mpsc::UnboundedReceiver<Booked>) -> Vec<Duration> {
    let caller = product.anybody();
    let (mut waiting, mut times, mut is_open) = (Vec::<Booked>::new(), Vec::new(), true);
    while is_open || !waiting.is_empty() {
        tokio::time::sleep(ASKED_EACH).await;
        loop {
            match booked.try_recv() {
                Ok(booking) => waiting.push(booking),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    is_open = false;
                    break;
                }
            }
        }
        let found = caller.post(&format!("{PATH}/listings/_search"), &still_free(&waiting)).await.expect(200);
        let found: Vec<&str> = found["hits"]["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .filter_map(|hit| hit["fields"]["unit"][0].as_str())
            .collect();
        waiting.retain(|Booked { committed, unit, .. }| {
            let waits = found.contains(&unit.to_string().as_str()) && committed.elapsed() < LONGEST_WAIT;
            if !waits {
                times.push(committed.elapsed());
            }
            waits
        });
    }
    times
}

/// The homes that the index finds for the nights that they were booked for.
fn still_free(booked: &[Booked]) -> Value {
    let one = |Booked { unit, stay, .. }: &Booked| {
        let nights =
            json!({"gte": epoch_day(stay.first()), "lt": epoch_day(stay.end()), "relation": "contains"});
        json!({"bool": {"filter": [{"term": {"unit": unit}}, {"range": {"open": nights}}]}})
    };
    let each: Vec<Value> = booked.iter().map(one).collect();
    // Of no clauses at least one is not there.
    let query = json!({"bool": {"should": each, "minimum_should_match": 1}});
    json!({"query": query, "size": booked.len(), "stored_fields": "_none_", "docvalue_fields": ["unit"]})
}

/// Whether the index finds the unit; `None` when it does not answer.
async fn finds(app: &App, query: &Query, unit: UnitId) -> Option<bool> {
    let now = app.clock.now();
    let page = app.index().expect("an index").search(&app.store, query, None, 50, now).await?;
    Some(page.candidates.iter().any(|found| found.projection.unit == unit))
}

/// p50 and p99 in milliseconds.
fn percentiles(times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let at = |percent: usize| {
        times.get((times.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
    };
    (at(50).as_secs_f64() * 1000.0, at(99).as_secs_f64() * 1000.0)
}

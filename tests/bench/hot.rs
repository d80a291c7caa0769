//! The code that every request runs, without network and store: `cargo hot [CITY_FOLDER]`. Criterion
//! keeps each figure and says what has changed since the run before.

use std::hint::black_box;
use std::path::PathBuf;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use criterion::{BatchSize, Criterion};
use futures::future::try_join_all;
use roost::account::token;
use roost::booking::Party;
use roost::clock::{Clock, Duration, Instant};
use roost::config::Config;
use roost::entropy::Entropy;
use roost::ids::UserId;
use roost::listing::CancellationPolicy;
use roost::pricing::Tariff;
use roost::pricing::tax::TaxTable;
use roost::quote::Quote;
use roost::search::Found;
use roost::search::projection::{Candidate, Projection};
use roost::search::query::{Area, Query, Town};
use roost::secrets::Secrets;
use roost::stay::{Nights, add_days};
use roost::store::Store;
use roost_local::import::{ImportOptions, run};
use roost_tests::Product;
use tokio::runtime::Runtime;

/// On a page of results.
const PAGE: usize = 20;

fn main() {
    // Cargo's own options come with the folder.
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    // Cargo runs a bench in its package's folder.
    let folder = roost_local::root().join(folder.as_deref().unwrap_or("../shared/data/albany"));
    let runtime = Runtime::new().expect("a runtime");
    let (homes, now) = runtime.block_on(homes_of(folder));
    let mut criterion = Criterion::default();
    tokens(&mut criterion, now);
    prices_and_quotes(&mut criterion, &homes[0].projection, now);
    searches(&mut criterion, &homes, now);
    calls(&mut criterion, &runtime, &homes, now);
    criterion.final_summary();
}

/// The homes of a city as search knows them, and the time it is for them.
async fn homes_of(dir: PathBuf) -> (Vec<Candidate>, Instant) {
    let product = Product::start().await;
    let options = ImportOptions { dir, url: product.stack.url(), country: None, currency: None };
    run(options).await.expect("the city is imported");
    product.stack.drain().await;
    let app = product.stack.app();
    let homes = app.store.candidates(&Area::World).await.expect("cells").iter().cloned().collect();
    (homes, app.clock.now())
}

fn secrets() -> Secrets {
    Secrets::new("a secret of at least thirty-two characters", None).expect("a secret")
}

fn tokens(criterion: &mut Criterion, now: Instant) {
    let secrets = secrets();
    let token = token::issue(&secrets, now, UserId::from_bits(7), &[], &Entropy::system()).expect("a token");
    criterion
        .bench_function("access token verified", |bench| bench.iter(|| token::verify(&secrets, now, &token)));
}

fn prices_and_quotes(criterion: &mut Criterion, home: &Projection, now: Instant) {
    let (secrets, entropy, taxes) = (secrets(), Entropy::system(), TaxTable::default());
    let tariff = Tariff { service_fee_basis_points: 1_400, taxes: &taxes };
    let first = add_days(home.zone.date_of(now), 30);
    let stay = |nights: i64| Nights::between(first, add_days(first, nights)).expect("nights");
    for nights in [4, 92] {
        let stay = stay(nights);
        criterion.bench_function(&format!("price of {nights} nights"), |bench| {
            bench.iter(|| home.stay_price(black_box(stay), tariff));
        });
    }
    let caller = UserId::from_bits(7);
    let quote = Quote {
        listing: home.listing,
        stay: stay(4),
        guests: Party { adults: 2, children: 0, infants: 0, pets: 0 },
        price: home.stay_price(stay(4), tariff),
        policy: CancellationPolicy::Moderate,
        caller: Some(caller),
        expires_at: now + Duration::from_mins(15),
        check_in_time: jiff::civil::time(15, 0, 0, 0),
        check_out_time: jiff::civil::time(11, 0, 0, 0),
        deposit_percent: None,
    };
    criterion.bench_function("quote sealed", |bench| bench.iter(|| quote.seal(&secrets, &entropy)));
    let sealed = quote.seal(&secrets, &entropy);
    criterion
        .bench_function("quote unsealed", |bench| bench.iter(|| Quote::unseal(&secrets, &sealed, caller)));
    let bytes = home.to_bytes();
    criterion.bench_function("projection read", |bench| bench.iter(|| Projection::from_bytes(&bytes)));
}

/// Searches of the cells, once these are read: what the index does otherwise.
fn searches(criterion: &mut Criterion, homes: &[Candidate], now: Instant) {
    let town = Query::everything(Area::Town(Town::named(&homes[0].projection.city)));
    let first = add_days(homes[0].projection.zone.date_of(now), 30);
    let count = homes.len();
    for nights in [0, 2, 7, 28, 92] {
        let query = Query { stay: Nights::between(first, add_days(first, nights)), ..town.clone() };
        let name = format!("search of {count} homes, {nights} nights, a page and facets");
        criterion.bench_function(&name, |bench| {
            bench.iter(|| {
                let found = Found::among(homes, &query, now);
                (found.total(), found.page(None, PAGE).hits.len(), found.facets())
            });
        });
    }
    let query = Query { stay: Nights::between(first, add_days(first, 7)), ..town };
    let screen = Area::Circle { centre: homes[0].projection.location, radius_km: 20.0 };
    criterion.bench_function(&format!("map of {count} homes, 7 nights, zoom 13"), |bench| {
        bench.iter_batched(
            || Found::among(homes, &query, now),
            |found| found.map(13, &screen).clusters.len(),
            BatchSize::SmallInput,
        );
    });
}

/// What checking a page of a dated search takes the function itself: the store answers each of its calls at once
/// that no night has an item.
fn calls(criterion: &mut Criterion, runtime: &Runtime, homes: &[Candidate], now: Instant) {
    let settings = |name: &str| match name {
        "ROOST_SECRET" => Some("a secret of at least thirty-two characters".to_owned()),
        "ROOST_NIGHTS_TABLE" => Some("nights".to_owned()),
        _ => None,
    };
    let config = Config::from(settings).expect("settings");
    let at_once = SharedHttpConnector::new(NoItems);
    let store = Store::new(&config, &Clock::of(move || now), &Entropy::system(), at_once);
    let first = add_days(homes[0].projection.zone.date_of(now), 30);
    let stay = Nights::between(first, add_days(first, 2)).expect("nights");
    let page: Vec<_> = homes.iter().take(PAGE).map(|home| home.projection.unit).collect();
    criterion.bench_function(&format!("page of {PAGE} checked"), |bench| {
        let check = || try_join_all(page.iter().map(|unit| store.taken(*unit, 1, stay, false)));
        bench.iter(|| runtime.block_on(check()));
    });
}

#[derive(Debug)]
struct NoItems;

impl HttpConnector for NoItems {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(&br#"{"Count":0,"Items":[],"ScannedCount":0}"#[..]);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(200).expect("a status"), body)))
    }
}

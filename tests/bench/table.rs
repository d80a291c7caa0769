//! `cargo bench-table`: what operations cost, in one table and one run: calls a second, p50, p99, request
//! units, and dollars at public prices; the same bookings by the store's adapter alone, and on
//! `PostgreSQL`. The embedded store writes to a file in WAL and
//! leaves the sync to its checkpoints; `PostgreSQL` waits for the disk at each commit.
#![allow(clippy::print_stdout, reason = "this program's output is its table")]

mod driver;
mod postgres;

use std::sync::Arc;
use std::time::Instant;

use driver::{Load, load};
use postgres::Postgres;
use roost::booking::Booking;
use roost::booking::answer::Details;
use roost::ids::{BookingId, ListingId, UnitId};
use roost::stay::{Date, Nights, add_days};
use roost::store::bookings::Made;
use roost_local::engine::Engine;
use roost_local::import::{ImportOptions, demo, run};
use roost_local::stack::{Options, Stack};
use roost_tests::{Caller, VISA, home};
use serde_json::{Value, json};

/// Dollars for a million request units on demand, in us-east-1 as of 2024-11-01, indexes alike:
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>.
const WRITE_PRICE: f64 = 0.625;
const READ_PRICE: f64 = 0.125;
/// How many callers there are at once, and connections to `PostgreSQL`.
const CALLERS: usize = 8;
/// How many homes are booked.
const HOMES: usize = 200;
/// How many bookings of each length, one after the other's nights.
const BOOKINGS: usize = 400;
/// How many bookings of the hot night are tried.
const CROWD: usize = 1_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let bench = Bench::with(Stack::start(options).await.expect("the stack starts")).await;
    println!(
        "{:<44}{:>7}{:>8}{:>9}{:>9}{:>9}{:>8}{:>8}{:>10}{:>10}",
        "", "calls", "refused", "per s", "p50 ms", "p99 ms", "write", "read", "$/1000", "with all"
    );
    bench.quotes().await;
    // Each length has days of its own, so that nobody is in another's way.
    for (nights, from) in [(1, 25), (4, 40), (14, 90), (92, 200)] {
        bench.bookings(nights, from).await;
    }
    bench.held().await;
    bench.by_the_adapter().await;
    let postgres = Postgres::start(CALLERS, &bench.homes).await;
    bench.by_postgres(&postgres).await;
    bench.hot_night().await;
    bench.hot_night_by_postgres(&postgres).await;
    bench.month_views().await;
    bench.searches().await;
    bench.import(folder.path()).await;
}

struct Bench {
    stack: Stack,
    guest: Arc<Caller>,
    homes: Arc<Vec<String>>,
    today: Date,
}

impl Bench {
    async fn with(stack: Stack) -> Self {
        let host = Caller::signed_up_at(&stack.url()).await;
        let guest = Arc::new(Caller::signed_up_at(&stack.url()).await);
        let mut homes = Vec::new();
        for _ in 0..HOMES {
            let listing = host.post("/v1/listings", &home()).await.expect(201);
            let id = listing["id"].as_str().expect("an id").to_owned();
            host.post(&format!("/v1/listings/{id}/publish"), &json!({})).await.expect(200);
            homes.push(id);
        }
        stack.drain().await;
        let today = stack.app().clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { stack, guest, homes: Arc::new(homes), today }
    }

    fn engine(&self) -> &Engine {
        self.stack.engine()
    }

    /// Measures calls of one function, and what its changes cause elsewhere until all is at rest.
    async fn measured<F>(&self, name: &str, function: Option<&str>, calls: usize, call: impl Fn(usize) -> F)
    where
        F: Future<Output = bool>,
    {
        self.stack.drain().await;
        self.engine().meter().reset();
        let load = load(CALLERS, calls, call).await;
        self.stack.drain().await;
        let reading = self.engine().meter().reading();
        let own = function.and_then(|function| reading.functions.get(function)).copied();
        let each = |units: f64| units / load.calls as f64;
        let dollars = |write: f64, read: f64| {
            format!("{:.5}", (each(write) * WRITE_PRICE + each(read) * READ_PRICE) / 1_000.0)
        };
        let units = own.map(|own| (format!("{:.1}", each(own.write)), format!("{:.1}", each(own.read))));
        let (write, read) = units.unwrap_or_default();
        let price = own.map(|own| dollars(own.write, own.read)).unwrap_or_default();
        let all = own.map(|_| dollars(reading.total.write, reading.total.read)).unwrap_or_default();
        print(name, &load, &format!("{write:>8}{read:>8}{price:>10}{all:>10}"));
    }

    async fn quotes(&self) {
        let (guest, homes, today) = (&self.guest, &self.homes, self.today);
        self.measured("quote of 4 nights", Some("create-quote"), 2_000, |number| async move {
            quote(guest, &homes[number % HOMES], add_days(today, 30), 4).await.is_some()
        })
        .await;
    }

    /// Quotes are made before: what is measured is the booking, paid at once.
    async fn bookings(&self, nights: i64, from: i64) {
        let calls = if nights > 50 { HOMES } else { BOOKINGS };
        let quotes = self.many_quotes(nights, calls, from).await;
        let (guest, quotes) = (&self.guest, &quotes);
        let name = format!("booking of {nights} nights, paid at once");
        self.measured(&name, Some("create-booking"), calls, |number| async move {
            let key = format!("{nights} nights, {number}");
            guest.book_quote(&quotes[number], VISA, &key).await.status == 201
        })
        .await;
    }

    async fn held(&self) {
        let quotes = self.many_quotes(4, BOOKINGS, 300).await;
        let (guest, quotes) = (&self.guest, &quotes);
        self.measured("booking of 4 nights, held", Some("create-booking"), BOOKINGS, |number| async move {
            guest.book_quote(&quotes[number], None, &format!("held {number}")).await.status == 201
        })
        .await;
    }

    /// Quotes of every home from a day on, and when each has one, of the nights that follow.
    async fn many_quotes(&self, nights: i64, calls: usize, from: i64) -> Vec<Value> {
        let mut quotes = Vec::with_capacity(calls);
        for number in 0..calls {
            let turn = i64::try_from(number / HOMES).unwrap_or_default();
            let first = add_days(self.today, from + turn * nights);
            let quote = quote(&self.guest, &self.homes[number % HOMES], first, nights).await;
            quotes.push(quote.expect("a quote"));
        }
        quotes
    }

    /// The hold without its handler: the adapter's look at the nights and its one transaction.
    async fn by_the_adapter(&self) {
        let app = self.stack.app();
        let quote = quote(&self.guest, &self.homes[0], add_days(self.today, 340), 4).await.expect("a quote");
        let held = self.guest.book_quote(&quote, None, "the model").await.expect(201);
        let id: BookingId = held["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let model: Booking = app.store.booking(id).await.expect("an answer").expect("the booking");
        let (app, model, homes, today) = (&app, &model, &self.homes, self.today);
        let name = "  the same by the adapter alone";
        self.measured(name, None, BOOKINGS, |number| async move {
            let listing: ListingId = homes[number % HOMES].parse().expect("an id");
            let first = add_days(today, 345 + 4 * i64::try_from(number / HOMES).unwrap_or_default());
            let booking = Booking {
                id: BookingId::from_bits(number as u128 + 1),
                listing,
                unit: UnitId::from(listing),
                stay: Nights::between(first, add_days(first, 4)).expect("nights"),
                ..model.clone()
            };
            let Ok(nights) = app.store.ledger(booking.unit, booking.stay, false).await else { return false };
            matches!(app.store.make(booking, &Details::default(), 1, nights).await, Ok(Made::Done(_)))
        })
        .await;
    }

    async fn by_postgres(&self, postgres: &Result<Postgres, String>) {
        let postgres = match postgres {
            Ok(postgres) => postgres,
            Err(why) => return println!("  the same on PostgreSQL: NOT MEASURED: {why}"),
        };
        let (homes, today) = (&self.homes, self.today);
        self.measured("  the same on PostgreSQL", None, BOOKINGS, |number| async move {
            let first = add_days(today, 4 * i64::try_from(number / HOMES).unwrap_or_default());
            postgres
                .book(&format!("booking {number}"), &homes[number % HOMES], first, add_days(first, 4))
                .await
        })
        .await;
    }

    /// One night of one home, under a key of its own each time.
    async fn hot_night(&self) {
        let (guest, home) = (&self.guest, &self.homes[1]);
        let quote = quote(guest, home, add_days(self.today, 5), 1).await.expect("a quote");
        let quote = &quote;
        let name = format!("one night, {CROWD} calls, {CALLERS} at once");
        self.measured(&name, Some("create-booking"), CROWD, |number| async move {
            guest.book_quote(quote, VISA, &format!("hot {number}")).await.status == 201
        })
        .await;
    }

    async fn hot_night_by_postgres(&self, postgres: &Result<Postgres, String>) {
        let postgres = match postgres {
            Ok(postgres) => postgres,
            Err(why) => return println!("  the same on PostgreSQL: NOT MEASURED: {why}"),
        };
        // A night that the bookings before have left free.
        let (home, night) = (&self.homes[1], add_days(self.today, 50));
        self.measured("  the same on PostgreSQL", None, CROWD, |number| async move {
            postgres.book(&format!("hot {number}"), home, night, add_days(night, 1)).await
        })
        .await;
    }

    async fn month_views(&self) {
        let (guest, homes) = (&self.guest, &self.homes);
        let month = add_days(self.today, 32).to_string()[..7].to_owned();
        let month = &month;
        self.measured("month view", Some("get-availability"), 2_000, |number| async move {
            let path = format!("/v1/listings/{}/availability?month={month}", homes[number % HOMES]);
            guest.get(&path).await.status == 200
        })
        .await;
    }

    async fn searches(&self) {
        let (guest, today) = (&self.guest, self.today);
        self.measured("dated search by the cells, 20 a page", Some("search"), 500, |number| async move {
            let first = add_days(today, 10 + i64::try_from(number % 150).unwrap_or_default());
            let (first, end) = (first, add_days(first, 3));
            let path =
                format!("/v1/search?lat=51.21&lng=4.41&radiusKm=5&guests=2&checkIn={first}&checkOut={end}");
            guest.get(&path).await.status == 200
        })
        .await;
    }

    async fn import(&self, folder: &std::path::Path) {
        let city = folder.join("lisbon");
        demo::generate_csv(&city, 500, 1).expect("a city");
        let options = ImportOptions { dir: city, url: self.stack.url(), country: None, currency: None };
        let began = Instant::now();
        let report = run(options).await.expect("the city is imported");
        let took = began.elapsed().as_secs_f64();
        println!(
            "import of {} homes, {} nights, until all are searchable: {took:.1} s, {:.0} nights a second",
            report.new,
            report.nights,
            report.nights as f64 / took
        );
    }
}

fn print(name: &str, load: &Load, costs: &str) {
    println!(
        "{:<44}{:>7}{:>8}{:>9.0}{:>9.2}{:>9.2}{costs}",
        name, load.calls, load.refused, load.per_second, load.p50, load.p99
    );
}

async fn quote(guest: &Caller, home: &str, first: Date, nights: i64) -> Option<Value> {
    let answer = guest.quote(home, first, add_days(first, nights)).await;
    (answer.status == 201).then(|| answer.json["quoteId"].clone())
}

//! Load on a running stack: quotes, bookings of distinct homes, month views and dated searches, each
//! by a number of callers at once for a number of requests; throughput, p50 and p99.
//!
//! `cargo dev import DIR` first, then `cargo load [URL] [CALLERS] [REQUESTS]`.
#![allow(clippy::print_stdout, reason = "this program's output is its table")]

mod driver;

use driver::{Load, load};
use roost_tests::{Answer, Caller, VISA};
use serde_json::{Value, json};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "http://127.0.0.1:3000".into());
    let callers = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(8);
    let requests = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(2_000);
    let guest = Caller::signed_up_at(&url).await;
    let homes = homes(&guest).await;
    println!("{} homes, {callers} callers at once", homes.len());
    println!("{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "requests", "refused", "per s", "p50 ms", "p99 ms");
    let bench = Bench { callers, guest, homes };
    let homes = bench.homes.len();
    bench
        .run("quote", requests, |guest, home, _| async move {
            quote(&guest, &home).await.unwrap_or_else(|refused| refused)
        })
        .await;
    bench
        .run("booking", requests.min(homes), |guest, home, number| async move {
            match quote(&guest, &home).await {
                Ok(quote) => {
                    guest.book_quote(&quote.json["quoteId"], VISA, &format!("{number} {}", home.id)).await
                }
                Err(refused) => refused,
            }
        })
        .await;
    bench
        .run("month view", requests, |guest, home, _| async move {
            let month = &home.check_in[..7];
            guest.get(&format!("/v1/listings/{}/availability?month={month}", home.id)).await
        })
        .await;
    bench
        .run("dated search", requests / 10, |guest, home, _| async move {
            let (lat, lng) = (home.location[0], home.location[1]);
            let path = format!(
                "/v1/search?lat={lat}&lng={lng}&radiusKm=5&checkIn={}&checkOut={}&guests=2",
                home.check_in, home.check_out
            );
            guest.get(&path).await
        })
        .await;
}

/// A home and a stay that search has just found free there.
#[derive(Clone)]
struct Home {
    id: String,
    location: [f64; 2],
    check_in: String,
    check_out: String,
}

/// Every home that is free for three nights some weeks ahead.
async fn homes(guest: &Caller) -> Vec<Home> {
    let clock = guest.get("/_local/clock").await.expect(200);
    let now: jiff::Timestamp = clock["now"].as_str().unwrap_or_default().parse().expect("the stack's clock");
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut homes = Vec::new();
    for weeks in [5, 9, 13, 21] {
        let check_in = roost::stay::add_days(today, weeks * 7).to_string();
        let check_out = roost::stay::add_days(today, weeks * 7 + 3).to_string();
        let query =
            format!("/v1/search?bbox=-180,-90,180,90&limit=50&checkIn={check_in}&checkOut={check_out}");
        let mut cursor = String::new();
        loop {
            let page = guest.get(&format!("{query}{cursor}")).await.expect(200);
            for item in page["items"].as_array().into_iter().flatten() {
                let degrees = |name: &str| item["location"][name].as_f64().unwrap_or_default();
                let id = item["listingId"].as_str().unwrap_or_default().to_owned();
                if !homes.iter().any(|home: &Home| home.id == id) {
                    let location = [degrees("lat"), degrees("lng")];
                    homes.push(Home {
                        id,
                        location,
                        check_in: check_in.clone(),
                        check_out: check_out.clone(),
                    });
                }
            }
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    homes
}

async fn quote(guest: &Caller, home: &Home) -> Result<Answer, Answer> {
    let body: Value = json!({
        "listingId": home.id, "checkIn": home.check_in, "checkOut": home.check_out, "guests": {"adults": 1},
    });
    let answer = guest.post("/v1/quotes", &body).await;
    if answer.status == 201 { Ok(answer) } else { Err(answer) }
}

struct Bench {
    callers: usize,
    guest: Caller,
    homes: Vec<Home>,
}

impl Bench {
    async fn run<F>(&self, name: &str, requests: usize, call: impl Fn(Caller, Home, usize) -> F)
    where
        F: Future<Output = Answer>,
    {
        let call = &call;
        let Load { calls, refused, per_second, p50, p99 } =
            load(self.callers, requests, |number| async move {
                let home = self.homes[number % self.homes.len()].clone();
                call(self.guest.clone(), home, number).await.status < 300
            })
            .await;
        println!("{name:<16}{calls:>10}{refused:>10}{per_second:>10.0}{p50:>10.2}{p99:>10.2}");
    }
}

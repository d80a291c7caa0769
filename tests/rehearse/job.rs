//! The main job, over HTTP, as a host and guests do it.

use std::time::Duration;

use jiff::civil::Date;
use roost_local::stack::Stack;
use roost_tests::{Caller, VISA, home};
use serde_json::{Value, json};

/// Does it; what was done, step by step. Panics where an answer is not what the contract says.
pub(crate) async fn done(url: &str, beside: &Stack) -> Vec<&'static str> {
    let mut steps = Vec::new();
    let host = Caller::signed_up_at(url).await;
    let guest = Caller::signed_up_at(url).await;
    let other = Caller::signed_up_at(url).await;
    steps.push("three sign-ups");

    let listing = host.post("/v1/listings", &home()).await.expect(201);
    let id = listing["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/listings/{id}");
    let published = host.post(&format!("{path}/publish"), &json!({})).await.expect(200);
    assert_eq!(published["status"], "active");
    steps.push("a home listed and published");

    let day =
        |days| roost::stay::add_days(beside.app().clock.now().to_zoned(jiff::tz::TimeZone::UTC).date(), days);
    let (check_in, check_out) = (day(10), day(14));
    let price =
        json!({"startDate": day(11), "endDate": day(12), "price": {"amount": 12_000, "currency": "EUR"}});
    host.post(&format!("{path}/calendar/set-price"), &price).await.expect(200);
    let blocked = json!({"startDate": day(20), "endDate": day(22), "reason": "maintenance"});
    host.post(&format!("{path}/calendar/block"), &blocked).await.expect(200);
    let month = format!("{path}/availability?month={}", &check_in.to_string()[..7]);
    let nights = guest.get(&month).await.expect(200);
    assert_eq!(night(&nights, check_in)["available"], true, "{nights}");
    steps.push("prices, blocks and the month");

    // What streams bring.
    let query = format!(
        "/v1/search?bbox=4.3,51.1,4.5,51.3&checkIn={check_in}&checkOut={check_out}&guests=2&instantBook=true"
    );
    let found = until(&guest, &query, |found| found["total"] == 1).await;
    assert_eq!(found["items"][0]["listingId"], id);
    let map =
        format!("/v1/search/map?bbox=4.3,51.1,4.5,51.3&zoom=12&checkIn={check_in}&checkOut={check_out}");
    guest.get(&map).await.expect(200);
    steps.push("found by search and on the map");

    let quote = guest.quote(&id, check_in, check_out).await.expect(201);
    assert_eq!(found["items"][0]["totalPrice"], quote["total"]);
    let declined = guest.book(&id, check_in, check_out, Some("pm_card_chargeDeclined"), "declined").await;
    assert_eq!(declined.problem(402), "payment_declined");
    let booked = guest.book_quote(&quote["quoteId"], VISA, "booked").await;
    let again = guest.book_quote(&quote["quoteId"], VISA, "booked").await;
    assert_eq!((booked.status, &booked.bytes), (again.status, &again.bytes), "the first answer again");
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let booking = booked.expect(201);
    assert_eq!(booking["status"], "confirmed");
    steps.push("quoted, declined, booked and paid, the key replayed");

    assert_eq!(other.quote(&id, day(13), day(15)).await.problem(409), "unavailable");
    until(&guest, &query, |found| found["total"] == 0).await;
    let path_of = |booking: &Value| format!("/v1/bookings/{}", booking["id"].as_str().expect("an id"));
    let booking = path_of(&booking);
    assert_eq!(other.get(&booking).await.problem(404), "not_found");
    host.get("/v1/bookings?role=host").await.expect(200);
    steps.push("nobody else can have or see it");

    let held = other.book(&id, day(30), day(33), None, "held").await.expect(201);
    assert_eq!(held["status"], "held");
    let held_id = held["id"].as_str().expect("an id");
    assert_eq!(other.pay(held_id, "pm_card_visa", "paid").await.expect(200)["status"], "confirmed");
    steps.push("a hold paid");

    let cancelled = guest.post(&format!("{booking}/cancel"), &json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    until(&guest, &query, |found| found["total"] == 1).await;
    let ledger = beside.provider().ledger();
    let entries = ledger["entries"].as_array().cloned().unwrap_or_default();
    let count = |operation: &str, status: &str| {
        entries.iter().filter(|entry| entry["operation"] == operation && entry["status"] == status).count()
    };
    let counted =
        (count("authorize", "succeeded"), count("authorize", "failed"), count("refund", "succeeded"));
    assert_eq!(counted, (2, 1, 1), "{ledger}");
    steps.push("cancelled, the money given back, found again");

    accept_a_request(&host, &guest, day).await;
    steps.push("a request accepted, its rival declined by the stream");

    let preflight = [("origin", "http://localhost:5173"), ("access-control-request-method", "POST")];
    let preflight = other.send("OPTIONS", "/v1/quotes", None, &preflight).await;
    assert_eq!(preflight.headers["access-control-allow-origin"], "http://localhost:5173");
    assert_eq!(other.get("/v1/nothing").await.problem(404), "not_found");
    other.get("/openapi.json").await.expect(200);
    other.get("/.well-known/jwks.json").await.expect(200);
    steps.push("CORS, the unknown path, the contract and the keys");
    steps
}

/// Two guests ask for the same nights of a home whose host decides; accepting one declines the other.
async fn accept_a_request(host: &Caller, guest: &Caller, day: impl Fn(i64) -> Date) {
    let body = roost_tests::with(home(), json!({"instantBook": false}));
    let listing = host.post("/v1/listings", &body).await.expect(201);
    let id = listing["id"].as_str().expect("an id");
    host.post(&format!("/v1/listings/{id}/publish"), &json!({})).await.expect(200);
    let one = guest.book(id, day(40), day(42), VISA, "one").await.expect(201);
    let two = guest.book(id, day(41), day(43), VISA, "two").await.expect(201);
    assert_eq!((&one["status"], &two["status"]), (&json!("requested"), &json!("requested")));
    let path = |booking: &Value| format!("/v1/bookings/{}", booking["id"].as_str().expect("an id"));
    let accepted = host.post(&format!("{}/accept", path(&one)), &json!({})).await.expect(200);
    assert_eq!(accepted["status"], "confirmed");
    until(guest, &path(&two), |booking| booking["status"] == "declined").await;
}

/// Asks until the answer is as wanted.
async fn until(caller: &Caller, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..300 {
        last = caller.get(path).await.expect(200);
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} did not come to what was wanted: {last}");
}

fn night(month: &Value, date: Date) -> Value {
    let nights = month["nights"].as_array().cloned().unwrap_or_default();
    nights.into_iter().find(|night| night["date"] == date.to_string()).unwrap_or_default()
}

//! What operations cost, in the store's own units, to the unit.
#![allow(clippy::float_cmp, reason = "units are halves, which floats hold exactly")]

use roost_tests::{Product, VISA};
use serde_json::{Value, json};

fn written(meter: &Value) -> (f64, f64) {
    let tables = meter["tables"].as_object().expect("tables");
    let of_tables = tables.values().map(|table| table["write"].as_f64().unwrap_or_default()).sum();
    let indexes =
        tables.values().filter_map(|table| table["indexes"].as_object()).flat_map(|indexes| indexes.values());
    (of_tables, indexes.map(|index| index["write"].as_f64().unwrap_or_default()).sum())
}

/// What a run of the hourly schedule writes of bookings: to their table, and to its indexes.
async fn hourly_run(product: &Product) -> (f64, f64) {
    product.reset_meter().await;
    product.run("advance-stays").await;
    let meter = product.meter().await;
    written(&json!({"tables": {"bookings": meter["tables"]["roost-bookings"]}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_costs_two_writes_a_night_and_for_itself_and_one_for_a_hold_or_four_for_a_capture() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    // Nights that come within four days are held on the card; the others are taken with the stay.
    let mut first = 1;
    for (nights, paid) in [(1, 1), (2, 1), (1, 4), (4, 4), (7, 4), (14, 4), (30, 4), (92, 4)] {
        product.drain().await;
        let quote = guest.quote(&listing, product.day(first), product.day(first + nights)).await.expect(201);
        product.reset_meter().await;
        guest.book_quote(&quote["quoteId"], VISA, &format!("{first}")).await.expect(201);
        let meter = product.meter().await;
        let own = &meter["functions"]["create-booking"]["write"];
        let (tables, indexes) = written(&json!({"tables": {
            "nights": meter["tables"]["roost-nights"], "bookings": meter["tables"]["roost-bookings"],
        }}));
        assert_eq!(tables, (2 * (nights + 1) + paid) as f64, "{nights} nights: {meter}");
        assert!(indexes <= 5.0, "{nights} nights: {meter}");
        assert_eq!(own.as_f64().unwrap(), tables + indexes, "{meter}");
        first += nights;
    }
    // Through a hold it is one more on the tables, and no more on the indexes.
    product.drain().await;
    product.reset_meter().await;
    let held = guest.book(&listing, product.day(200), product.day(204), None, "hold").await.expect(201);
    guest.pay(held["id"].as_str().unwrap(), "pm_card_visa", "pay").await.expect(200);
    let meter = product.meter().await;
    let (tables, indexes) = written(&json!({"tables": {
        "nights": meter["tables"]["roost-nights"], "bookings": meter["tables"]["roost-bookings"],
    }}));
    assert_eq!(tables, 15.0, "{meter}");
    assert!(indexes <= 5.0, "{meter}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_without_an_account_to_go_to_costs_one_write_a_day() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    guest.book(&listing, product.day(6), product.day(20), VISA, "k").await.expect(201);
    product.advance(8 * 86_400).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    for (seconds, writes) in [(3_600, 0.0), (3_600, 0.0), (86_400, 1.0), (3_600, 0.0)] {
        product.advance(seconds).await;
        assert_eq!(hourly_run(&product).await.0, writes, "{seconds} seconds later");
    }
}

/// From check-in to the end: what a stay costs after it was booked.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_costs_seven_writes_after_its_booking_and_eleven_when_it_was_held() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    crate::payouts::onboarded(&product, &host).await;
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    for (first, expected) in [(20, 7.0), (2, 11.0)] {
        let guest = product.one_of_a_crowd(1);
        let (from, to) = (product.day(first), product.day(first + 4));
        guest.book(&listing, from, to, VISA, &format!("{first}")).await.expect(201);
        product.drain().await;
        let mut life = 0.0;
        let mut indexes = 0.0;
        // Check-in, the capture of what was held, the payout, the end.
        for days in [first + 1, 2, 3] {
            product.advance(days * 86_400).await;
            let (tables, of_indexes) = hourly_run(&product).await;
            life += tables;
            indexes += of_indexes;
        }
        assert_eq!(life, expected, "check-in 1, capture 4 where it was held, payout 5, completed 1");
        assert!(indexes <= 12.0, "{indexes} on the indexes");
    }
}

/// What being paid in two costs more.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_costs_a_write_for_its_reminder_and_five_for_its_charge() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    let guest = product.one_of_a_crowd(1);
    guest.book(&listing, product.day(30), product.day(34), VISA, "k").await.expect(201);
    product.drain().await;
    // The day after the reminder is due, and the day after the balance is.
    for (days, expected) in [(14, 1.0), (3, 5.0)] {
        product.advance(days * 86_400).await;
        let (tables, indexes) = hourly_run(&product).await;
        assert_eq!(tables, expected, "after {days} days");
        assert!(indexes <= 4.0, "after {days} days: {indexes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_costs_four_writes_a_penalty_four_more_and_a_late_webhook_none() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let manner = json!({"delaySeconds": 60});
    product.anybody().post("/_local/payments/webhooks", &manner).await.expect(200);
    for (caller, extra) in [(&guest, 4), (&host, 8)] {
        let made = guest.book(&listing, product.day(20), product.day(24), VISA, &format!("{extra}")).await;
        let path = format!("/v1/bookings/{}/cancel", made.expect(201)["id"].as_str().unwrap());
        product.reset_meter().await;
        caller.post(&path, &json!({})).await.expect(200);
        let meter = product.meter().await;
        let bookings = json!({"tables": {
            "nights": meter["tables"]["roost-nights"], "bookings": meter["tables"]["roost-bookings"],
        }});
        let (tables, indexes) = written(&bookings);
        assert_eq!(tables, f64::from(2 * (4 + 1) + extra), "{meter}");
        assert!(indexes <= 4.0, "{meter}");
    }
    product.reset_meter().await;
    product.advance(61).await;
    product.drain().await;
    let meter = product.meter().await;
    let webhook = &meter["functions"]["stripe-webhook"];
    assert_eq!(webhook["write"], 0.0, "{meter}");
    assert!(webhook["read"].as_f64().unwrap() > 0.0, "it was heard: {meter}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loser_on_a_hot_night_writes_nothing_and_a_month_costs_one_and_a_half_reads() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, loser) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let quote = loser.quote(&listing, product.day(40), product.day(44)).await.expect(201);
    guest.book(&listing, product.day(40), product.day(44), VISA, "k").await.expect(201);
    product.drain().await;
    product.reset_meter().await;
    assert_eq!(loser.book_quote(&quote["quoteId"], VISA, "k").await.problem(409), "unavailable");
    let meter = product.meter().await;
    assert_eq!(meter["functions"]["create-booking"]["write"], 0.0, "{meter}");
    assert!(meter["tables"]["roost-nights"]["read"].as_f64().unwrap() <= 0.5, "{meter}");

    product.reset_meter().await;
    let month = product.day(40).strftime("%Y-%m").to_string();
    let view = guest.get(&format!("/v1/listings/{listing}/availability?month={month}")).await.expect(200);
    let nights = view["nights"].as_array().unwrap();
    assert!(nights.iter().any(|night| night["available"] == false));
    let meter = product.meter().await;
    assert!(meter["total"]["read"].as_f64().unwrap() <= 1.5, "{meter}");
}

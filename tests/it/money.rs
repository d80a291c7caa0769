//! The money of a stay: taken when it is due, returned by its policy to the minor unit, once, whatever
//! the provider does meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use roost_local::faults::StoreFault;
use roost_tests::{Caller, Money, Product, VISA};
use serde_json::{Value, json};

/// At ten in the morning: what a policy returns depends on the time of day.
pub(crate) async fn morning() -> Product {
    let product = Product::start().await;
    let time = product.stack.app().clock.now().as_second().rem_euclid(86_400);
    product.advance((10 * 3_600 - time).rem_euclid(86_400)).await;
    product
}

/// A booking of three nights from so many days on; its id and total.
async fn booked(guest: &Caller, listing: &str, product: &Product, first: i64) -> (String, i64) {
    let (check_in, check_out) = (product.day(first), product.day(first + 3));
    let key = product.stack.app().entropy.below(u64::MAX).to_string();
    let made = guest.book(listing, check_in, check_out, VISA, &key).await.expect(201);
    (made["id"].as_str().unwrap().to_owned(), made["price"]["total"]["amount"].as_i64().unwrap())
}

async fn money(product: &Product, booking: &str) -> Money {
    product.moneys().await.get(booking).copied().unwrap_or_default()
}

/// The provider's name of what a booking was paid by.
async fn payment(product: &Product, booking: &str) -> Option<String> {
    let booking = product.stack.app().store.booking(booking.parse().unwrap()).await.unwrap().unwrap();
    booking.attempts.last()?.outcome.as_ref()?.name().map(str::to_owned)
}

/// What a party reads of a booking's money: kind and amount of each movement.
pub(crate) async fn movements(party: &Caller, booking: &str) -> Vec<(String, i64)> {
    let payments = party.get(&format!("/v1/bookings/{booking}/payments")).await.expect(200);
    let items = payments["items"].as_array().unwrap().iter();
    let items: Vec<_> = items
        .map(|item| (item["kind"].as_str().unwrap().to_owned(), item["amount"]["amount"].as_i64().unwrap()))
        .collect();
    let sum: i64 = items.iter().map(|(_, amount)| amount).sum();
    assert_eq!(payments["balance"]["amount"], sum);
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stay_two_months_off_is_charged_at_once_and_one_in_three_days_when_it_begins() {
    let product = morning().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let (far, price) = booked(&guest, &listing, &product, 60).await;
    let (near, _) = booked(&guest, &listing, &product, 3).await;
    assert_eq!(money(&product, &far).await, Money { held: 0, taken: price });
    assert_eq!(money(&product, &near).await, Money { held: price, taken: 0 });
    assert_eq!(movements(&guest, &near).await, [], "a hold moves no money");
    let status = async |guest: &Caller, booking: &str| {
        let seen = guest.get(&format!("/v1/bookings/{booking}")).await.expect(200);
        (seen["status"].as_str().unwrap().to_owned(), seen["payment"]["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(status(&guest, &far).await, ("confirmed".into(), "captured".into()));
    assert_eq!(status(&guest, &near).await, ("confirmed".into(), "authorized".into()));

    for day in 0..70 {
        product.advance(86_400).await;
        product.run("advance-stays").await;
        let taken = money(&product, &near).await.taken;
        assert_eq!(taken, if day < 3 { 0 } else { price }, "day {day}");
    }
    let (host, guest) = (product.again(&host), product.again(&guest));
    for booking in [&far, &near] {
        assert_eq!(status(&guest, booking).await, ("completed".into(), "captured".into()));
        assert_eq!(money(&product, booking).await, Money { held: 0, taken: price });
        assert_eq!(movements(&guest, booking).await, [("capture".into(), -price)]);
        // 300 for the nights and 25 for the cleaning are the host's, the rest is the platform's.
        assert_eq!(movements(&host, booking).await, [("capture".into(), 32_500)]);
    }
    let stranger = product.somebody("stranger").await;
    assert_eq!(stranger.get(&format!("/v1/bookings/{far}/payments")).await.problem(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cancellation_is_announced_to_return_is_what_it_returns() {
    let product = morning().await;
    let host = product.somebody("host").await;
    let guest = product.somebody("guest").await;
    // Nights of 100, cleaning 25, fee 14 %: what of the 370.50 comes back.
    let cases = [
        ("flexible", 60, 37_050),
        ("flexible", 0, 25_650),
        ("moderate", 60, 37_050),
        ("moderate", 4, 19_950),
        ("strict", 60, 37_050),
        ("strict", 10, 19_950),
        ("strict", 2, 2_850),
    ];
    for (policy, first, back) in cases {
        let about = format!("{policy}, {first} days before");
        let listing = product.home_of(&host, json!({"cancellationPolicy": policy})).await;
        for by_host in [false, true] {
            let (booking, price) = booked(&guest, &listing, &product, first).await;
            let party = if by_host { &host } else { &guest };
            let back = if by_host { price } else { back };
            let path = format!("/v1/bookings/{booking}");
            let name = payment(&product, &booking).await;
            let announced = party.get(&format!("{path}/cancellation")).await.expect(200);
            assert_eq!(announced["refund"]["amount"], back, "{about}: {announced}");
            let lines = announced["lines"].as_array().unwrap().iter();
            let lines: i64 = lines.map(|line| line["amount"]["amount"].as_i64().unwrap()).sum();
            assert_eq!(lines, back, "{about}: {announced}");
            for _ in 0..2 {
                let cancelled = party.post(&format!("{path}/cancel"), &json!({})).await.expect(200);
                let by = if by_host { "host" } else { "guest" };
                let is = (&cancelled["status"], &cancelled["cancelledBy"]);
                assert_eq!(is, (&json!("cancelled"), &json!(by)), "{about}");
                let expected = match (first > 3, back == price) {
                    (true, true) => "refunded",
                    (true, false) => "partially_refunded",
                    (false, true) => "voided",
                    (false, false) => "captured",
                };
                assert_eq!(cancelled["payment"]["status"], expected, "{about}: {cancelled}");
            }
            assert_eq!(payment(&product, &booking).await, name, "{about}: it is found under the same name");
            let kept = Money { held: 0, taken: price - back };
            assert_eq!(money(&product, &booking).await, kept, "{about}");
            let paid: i64 = movements(&guest, &booking).await.iter().map(|(_, amount)| amount).sum();
            assert_eq!(-paid, kept.taken, "{about}");
            // A tenth of nights and cleaning is what a host pays who calls a stay off.
            let earned: i64 = movements(&host, &booking).await.iter().map(|(_, amount)| amount).sum();
            assert_eq!(earned < 0, by_host, "{about}: {earned}");
            assert!(!by_host || earned == -3_250, "{about}: {earned}");
        }
    }
}

/// Orders faults, and forgets those that are left.
async fn with_faults<T>(product: &Product, order: &Value, act: impl Future<Output = T>) -> T {
    product.anybody().post("/_local/payments/faults", order).await.expect(200);
    let done = act.await;
    assert!(product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await.status < 300);
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_capture_a_refund_and_a_void_ends_with_the_money_where_it_belongs() {
    for fault in ["decline", "error500", "timeout_before", "timeout_after", "rate_limited", "down"] {
        let product = morning().await;
        let host = product.somebody("host").await;
        let listing = product.home_of(&host, json!({"cancellationPolicy": "flexible"})).await;
        let guest = product.one_of_a_crowd(1);
        let mut due = Vec::new();
        for (number, times) in [1, 40].into_iter().enumerate() {
            let about = format!("{fault} {times} times");
            let at = |first: i64| first + 40 * i64::try_from(number).unwrap();
            let order = |operation| json!({"operation": operation, "fault": fault, "times": times});
            // Taken with the stay, or the stay does not come about.
            let (check_in, check_out) = (product.day(at(10)), product.day(at(13)));
            let book = guest.book(&listing, check_in, check_out, VISA, &about);
            let made = with_faults(&product, &order("capture"), book).await;
            assert!([201, 402, 503].contains(&made.status), "{about}: {made:?}");
            product.advance(121).await;
            product.run("recover-payments").await;
            let guest = product.again(&guest);
            let again = guest.book(&listing, check_in, check_out, VISA, &about).await;
            let mine = guest.get("/v1/bookings").await.expect(200)["items"].clone();
            let newest = mine.as_array().unwrap().iter().find(|one| one["checkIn"] == check_in.to_string());
            let newest = newest.unwrap_or_else(|| panic!("{about}: {mine}"));
            let price = newest["price"]["total"]["amount"].as_i64().unwrap();
            let stays = newest["status"] == "confirmed";
            assert_eq!(stays, fault != "decline", "{about}: {newest} {again:?}");
            due.push((newest["id"].as_str().unwrap().to_owned(), if stays { price } else { 0 }));
            // Returned when it is called off, whole or but for the first night.
            let (whole, _) = booked(&guest, &listing, &product, at(20)).await;
            let path = format!("/v1/bookings/{whole}/cancel");
            let nothing = json!({});
            let cancel = guest.post(&path, &nothing);
            let answer = with_faults(&product, &order("refund"), cancel).await.expect(200);
            assert_eq!(answer["status"], "cancelled", "{about}");
            due.push((whole, 0));
            // A hold is let go.
            let (held, _) = booked(&guest, &listing, &product, 2).await;
            let path = format!("/v1/bookings/{held}/cancel");
            let cancel = guest.post(&path, &nothing);
            with_faults(&product, &order("void"), cancel).await.expect(200);
            due.push((held, 0));
            product.advance(121).await;
            product.run("recover-payments").await;
            let guest = product.again(&guest);
            for (booking, due) in &due {
                let money = money(&product, booking).await;
                assert_eq!(money, Money { held: 0, taken: *due }, "{about}: {booking}");
                let paid: i64 = movements(&guest, booking).await.iter().map(|(_, amount)| amount).sum();
                assert_eq!(-paid, *due, "{about}: {booking}");
            }
        }
        // Held for a stay, and taken when it begins.
        let guest = product.again(&guest);
        let (near, price) = booked(&guest, &listing, &product, 2).await;
        product.advance(3 * 86_400).await;
        let order = json!({"operation": "capture", "fault": fault, "times": 1});
        with_faults(&product, &order, product.run("advance-stays")).await;
        product.run("advance-stays").await;
        let seen = product.again(&guest).get(&format!("/v1/bookings/{near}")).await.expect(200);
        assert_eq!(seen["status"], "checked_in", "{fault}: {seen}");
        // A hold that its bank has taken back cannot be charged any more.
        let (status, taken) = if fault == "decline" { ("failed", 0) } else { ("captured", price) };
        assert_eq!(seen["payment"]["status"], status, "{fault}: {seen}");
        assert_eq!(money(&product, &near).await, Money { held: 0, taken }, "{fault}");
        let captures = product.ledger("capture", "succeeded").await;
        let captured = captures.iter().filter(|entry| entry["bookingId"] == near).count();
        assert_eq!(captured, usize::from(taken > 0), "{fault}: {captures:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_taken_for_a_stay_whose_time_ran_out_is_returned_whole_and_another_keeps_the_nights() {
    let product = morning().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    // The nights are taken and the card is charged; then the store takes nothing more.
    let writes = AtomicUsize::new(0);
    product.stack.faults().inject(move |call| {
        let ours = call.function == Some("create-booking") && call.operation == "TransactWriteItems";
        (ours && writes.fetch_add(1, Ordering::SeqCst) > 0).then_some(StoreFault::TimeoutBefore)
    });
    let lost = guest.book(&listing, product.day(10), product.day(13), VISA, "k").await;
    product.stack.faults().clear();
    assert_eq!(lost.status, 503);
    product.advance(15 * 60 + 1).await;
    let other = product.again(&other);
    let (second, price) = booked(&other, &listing, &product, 10).await;
    product.run("recover-payments").await;
    let seen = product.again(&guest).get("/v1/bookings").await.expect(200)["items"][0].clone();
    assert_eq!((&seen["status"], &seen["payment"]["status"]), (&json!("payment_failed"), &json!("refunded")));
    let first = seen["id"].as_str().unwrap();
    assert_eq!(
        product.moneys().await.into_iter().collect::<Vec<_>>(),
        [(second, Money { held: 0, taken: price })]
    );
    let guest = product.again(&guest);
    assert_eq!(movements(&guest, first).await, [("capture".into(), -price), ("refund".into(), price)]);
}

//! Providers and stores that fail: one charge or none, and the nights agree with it.

use std::sync::atomic::{AtomicUsize, Ordering};

use roost_local::faults::StoreFault;
use roost_tests::{Caller, Product, VISA};
use serde_json::json;

/// Whether booking, nights and the provider's book tell the same story once everything has had its
/// turn; whether there is a stay.
async fn agrees(product: &Product, host: &Caller, guest: &Caller, listing: &str, about: &str) -> bool {
    product.run("recover-payments").await;
    product.run("expire-bookings").await;
    product.drain().await;
    let (host, guest) = (product.again(host), product.again(guest));
    let path =
        format!("/v1/listings/{listing}/calendar?startDate={}&endDate={}", product.day(5), product.day(8));
    let nights = host.get(&path).await.expect(200)["nights"].clone();
    let booked = nights.as_array().unwrap().iter().filter(|night| night["status"] == "booked").count();
    assert!(booked == 0 || booked == 3, "{about}: {nights}");
    let moneys = product.moneys().await;
    assert_eq!(moneys.len(), booked / 3, "{about}: {moneys:?}");
    let bookings = guest.get("/v1/bookings").await.expect(200)["items"].clone();
    let stays =
        bookings.as_array().unwrap().iter().filter(|booking| booking["status"] == "confirmed").count();
    assert_eq!(stays, booked / 3, "{about}: {bookings}");
    stays == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_provider_ends_in_one_charge_or_none() {
    for fault in ["decline", "error500", "timeout_before", "timeout_after", "rate_limited", "down"] {
        for (times, through_a_hold) in [(1, false), (1, true), (50, false), (50, true)] {
            let about = format!("{fault} {times} times, through a hold: {through_a_hold}");
            let product = Product::start().await;
            let (host, listing) = product.host_with_home("host", json!({})).await;
            let guest = product.one_of_a_crowd(1);
            let (check_in, check_out) = (product.day(5), product.day(8));
            let order = json!({"operation": "authorize", "fault": fault, "times": times});
            product.anybody().post("/_local/payments/faults", &order).await.expect(200);
            let quote = guest.quote(&listing, check_in, check_out).await.expect(201);
            let (path, body) = if through_a_hold {
                let held = guest.book_quote(&quote["quoteId"], None, "hold").await.expect(201);
                (
                    format!("/v1/bookings/{}/payment", held["id"].as_str().unwrap()),
                    json!({"paymentMethodId": "pm_card_visa"}),
                )
            } else {
                (
                    "/v1/bookings".to_owned(),
                    json!({"quoteId": quote["quoteId"], "paymentMethodId": "pm_card_visa"}),
                )
            };
            let first = guest.post_once(&path, &body, "k").await;
            assert!([200, 201, 402, 503].contains(&first.status), "{about}: {first:?}");
            let cleared = product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
            assert!(cleared.status < 300);
            if first.status == 503 {
                assert!(first.headers.contains_key("retry-after"));
                let running = guest.post_once(&path, &body, "k").await;
                assert_eq!(running.problem(409), "idempotency_in_progress", "{about}");
            }
            product.advance(121).await;
            product.run("recover-payments").await;
            let again = product.again(&guest).post_once(&path, &body, "k").await;
            if first.status == 503 {
                assert!([200, 201, 402].contains(&again.status), "{about}: {again:?}");
            } else {
                assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{about}");
            }
            // A hold whose card was refused keeps its nights until it expires.
            product.advance(15 * 60).await;
            let stay = agrees(&product, &host, &guest, &listing, &about).await;
            assert_eq!(stay, again.status < 300, "{about}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_held_for_a_payment_that_ran_out_of_time_is_given_back() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let order = json!({"fault": "timeout_after", "times": 1000});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    let lost = guest.book(&listing, product.day(5), product.day(8), VISA, "k").await;
    assert_eq!(lost.status, 503, "{lost:?}");
    product.advance(15 * 60 + 1).await;
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    // Another takes the nights before recovery has had its turn.
    let other = product.again(&other);
    other.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
    assert!(agrees(&product, &host, &other, &listing, "taken over").await);
    let replay = product.again(&guest).get("/v1/bookings").await.expect(200);
    assert_eq!(replay["items"][0]["status"], "payment_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_at_any_call_leaves_one_booking_with_its_nights_and_charge_or_nothing() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let mut cases = Vec::new();
    for fault in [
        StoreFault::Throttled,
        StoreFault::Conflict,
        StoreFault::TimeoutBefore,
        StoreFault::TimeoutAfter,
        StoreFault::Broken,
    ] {
        // The calls of a booking: its key, its terms, its nights, the transaction, the outcome. Once
        // each, and until the adapters give up.
        for (from, times) in (0..5).flat_map(|from| [(from, 1), (from, 30)]) {
            let first = 5 + 4 * i64::try_from(cases.len()).unwrap();
            let (check_in, check_out) = (product.day(first), product.day(first + 3));
            let quote = guest.quote(&listing, check_in, check_out).await.expect(201);
            let calls = AtomicUsize::new(0);
            product.stack.faults().inject(move |call| {
                // Only a write can meet another's transaction.
                let writes = ["TransactWriteItems", "PutItem"].contains(&call.operation);
                let meets = fault != StoreFault::Conflict || writes;
                let ours = meets && call.function == Some("create-booking");
                let number = if ours { calls.fetch_add(1, Ordering::SeqCst) } else { return None };
                (from..from + times).contains(&number).then_some(fault)
            });
            let key = format!("{fault:?} {from} {times}");
            let answer = guest.book_quote(&quote["quoteId"], VISA, &key).await;
            product.stack.faults().clear();
            assert!([201, 503].contains(&answer.status), "{key}: {answer:?}");
            assert!(times > 1 || answer.status == 201, "{key}: one fault is mended at once: {answer:?}");
            cases.push((key, quote, check_in, check_out));
        }
    }
    product.advance(121).await;
    product.run("recover-payments").await;
    product.advance(15 * 60).await;
    product.run("expire-bookings").await;
    product.drain().await;
    let (host, guest) = (product.again(&host), product.again(&guest));
    let mut stays = 0;
    for (key, quote, check_in, check_out) in cases {
        let again = guest.book_quote(&quote["quoteId"], VISA, &key).await;
        assert!([201, 402, 410].contains(&again.status), "{key}: {again:?}");
        let path = format!("/v1/listings/{listing}/calendar?startDate={check_in}&endDate={check_out}");
        let booking = (again.status == 201).then(|| again.json["id"].clone());
        for night in host.get(&path).await.expect(200)["nights"].as_array().unwrap() {
            assert_eq!(night.get("bookingId"), booking.as_ref(), "{key}: {night} {again:?}");
        }
        stays += usize::from(again.status == 201);
    }
    assert_eq!(product.moneys().await.len(), stays);
}

/// The SDK takes that for final.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_alone_that_meets_a_transaction_is_made_after_it() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let guest = product.one_of_a_crowd(1);
    let asked = guest.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
    let met = AtomicUsize::new(0);
    product.stack.faults().inject(move |call| {
        let ours = call.function == Some("decline-booking") && call.operation == "PutItem";
        (ours && met.fetch_add(1, Ordering::SeqCst) < 2).then_some(StoreFault::Conflict)
    });
    let path = format!("/v1/bookings/{}/decline", asked["id"].as_str().unwrap());
    assert_eq!(host.post(&path, &json!({"reason": "busy"})).await.expect(200)["status"], "declined");
}

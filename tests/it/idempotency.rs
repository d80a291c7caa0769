//! The same key and body are one booking, whose first answer is given again to the byte.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use roost_local::faults::StoreFault;
use roost_tests::{Product, VISA};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sent_five_times_at_once_is_one_booking_and_one_charge() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let quote = product.anybody().quote(&listing, product.day(5), product.day(9)).await.expect(201);
    let body = json!({
        "quoteId": quote["quoteId"], "paymentMethodId": "pm_card_visa",
        "guestDetails": [{"name": "Ada"}], "message": "We arrive late.",
    });
    let send = |key: &'static str| guest.post_once("/v1/bookings", &body, key);
    let answers = join_all((0..5).map(|_| send("one"))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty());
    for answer in &answers {
        if answer.status != 201 {
            assert_eq!(answer.clone().problem(409), "idempotency_in_progress");
        }
        assert!(answer.status != 201 || answer.bytes == made[0].bytes);
    }
    assert_eq!(made.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed")).count(), 1);
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);

    // Whatever has become of booking, quote and nights since, the first answer again.
    let id = made[0].json["id"].as_str().unwrap();
    guest.post(&format!("/v1/bookings/{id}/cancel"), &json!({})).await.expect(200);
    product.advance(3600).await;
    let guest = product.again(&guest);
    let again = guest.post_once("/v1/bookings", &body, "one").await;
    assert_eq!((again.status, &again.bytes), (201, &made[0].bytes));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], made[0].headers["location"]);

    let reused = guest.post_once("/v1/bookings", &json!({"quoteId": quote["quoteId"]}), "one").await;
    assert_eq!(reused.problem(422), "idempotency_key_reused");
    let other = product.again(&other);
    let own = other.book(&listing, product.day(5), product.day(9), VISA, "one").await.expect(201);
    assert_ne!(own["id"], made[0].json["id"], "another caller's key is another's");
    let missing = guest.post("/v1/bookings", &body).await;
    assert_eq!(missing.problem(400), "idempotency_key_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_card_is_answered_again_and_a_refusal_that_changed_nothing_is_not_kept() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let quote = guest.quote(&listing, product.day(5), product.day(9)).await.expect(201);
    let refuse = || guest.book_quote(&quote["quoteId"], Some("pm_card_chargeDeclined"), "declined");
    let (first, again) = (refuse().await, refuse().await);
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.problem(402), "payment_declined");

    // The nights are free at once, and a 409 leaves the key free for another try.
    let theirs = other.book(&listing, product.day(5), product.day(9), VISA, "k").await.expect(201);
    assert_eq!(guest.book_quote(&quote["quoteId"], VISA, "retry").await.problem(409), "unavailable");
    let id = theirs["id"].as_str().unwrap();
    other.post(&format!("/v1/bookings/{id}/cancel"), &json!({})).await.expect(200);
    guest.book_quote(&quote["quoteId"], VISA, "retry").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_a_hold_is_made_once_and_answered_again() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let held = guest.book(&listing, product.day(5), product.day(9), None, "hold").await.expect(201);
    let id = held["id"].as_str().unwrap();
    let answers = join_all((0..5).map(|_| guest.pay(id, "pm_card_visa", "pay"))).await;
    let paid: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(!paid.is_empty());
    assert!(paid.iter().all(|answer| answer.bytes == paid[0].bytes));
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);
    let again = guest.pay(id, "pm_card_visa", "pay").await;
    assert_eq!((again.status, &again.bytes), (200, &paid[0].bytes));
    assert_eq!(guest.pay(id, "pm_card_mastercard", "pay").await.problem(422), "idempotency_key_reused");
}

/// Long stays are made in several writes. Who sends the key again meanwhile is asked to wait, and what was left
/// unfinished is no booking.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_in_the_making_is_not_answered_for_and_one_left_unfinished_is_none() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({"maxNights": 365})).await;
    let guest = product.one_of_a_crowd(1);
    let quote = guest.quote(&listing, product.day(5), product.day(155)).await.expect(201);
    let (has_begun, meanwhile) = (AtomicBool::new(false), Arc::new(Mutex::new(Vec::new())));
    let (seen, same, id) = (meanwhile.clone(), guest.clone(), quote["quoteId"].clone());
    product.stack.faults().inject(move |call| {
        if call.function != Some("create-booking")
            || !["TransactWriteItems", "PutItem"].contains(&call.operation)
        {
            return None;
        }
        if !has_begun.swap(true, Ordering::SeqCst) {
            return None;
        }
        let again = same.book_quote(&id, VISA, "long");
        let again = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(again));
        seen.lock().unwrap().push(again);
        Some(StoreFault::Broken)
    });
    assert_eq!(guest.book_quote(&quote["quoteId"], VISA, "long").await.status, 503);
    product.stack.faults().clear();
    let meanwhile = std::mem::take(&mut *meanwhile.lock().unwrap());
    assert!(!meanwhile.is_empty());
    for again in meanwhile {
        assert_eq!(again.problem(409), "idempotency_in_progress");
    }
    product.advance(3600).await;
    let late = product.again(&guest).book_quote(&quote["quoteId"], VISA, "long").await;
    assert_eq!(late.problem(410), "quote_expired");
}

//! Domain events: each change that others see is published under one id, and tells ids alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use roost_local::bus::BusFault;
use roost_tests::{Product, VISA};
use serde_json::{Value, json};

async fn events(product: &Product) -> Vec<Value> {
    let events = product.anybody().get("/_local/events").await.expect(200);
    events["items"].as_array().unwrap().iter().rev().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_published_and_nothing_personal_with_it() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("hanna-canary", json!({"title": "Canary cottage"})).await;
    let guest = product.somebody("gil-canary").await;
    let quote = guest.quote(&listing, product.day(0), product.day(2)).await.expect(201);
    let order = json!({"quoteId": quote["quoteId"], "paymentMethodId": "pm_card_visa",
        "guestDetails": [{"name": "Canary Child", "age": 7}], "message": "canary in the mine"});
    let booking = guest.post_once("/v1/bookings", &order, "k").await.expect(201);
    let path = format!("/v1/bookings/{}", booking["id"].as_str().unwrap());
    host.post(&format!("{path}/check-in"), &json!({})).await.expect(200);
    host.post(&format!("{path}/check-out"), &json!({})).await.expect(200);
    let held = guest.book(&listing, product.day(5), product.day(6), None, "held").await.expect(201);
    guest
        .post(&format!("/v1/bookings/{}/cancel", held["id"].as_str().unwrap()), &json!({"reason": "canary"}))
        .await
        .expect(200);
    let broke =
        guest.book(&listing, product.day(7), product.day(8), Some("pm_card_chargeDeclined"), "b").await;
    assert_eq!(broke.problem(402), "payment_declined");
    host.post(&format!("/v1/listings/{listing}/unpublish"), &json!({})).await.expect(200);
    product.drain().await;
    let events = events(&product).await;
    let kinds: BTreeSet<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "booking.cancelled",
        "booking.checked_in",
        "booking.completed",
        "booking.confirmed",
        "booking.held",
        "booking.payment_failed",
        "listing.published",
        "listing.unpublished",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    assert_eq!(events.len(), expected.len(), "each once: {events:?}");
    let ids: BTreeSet<&str> =
        events.iter().map(|event| event["detail"]["eventId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "each under an id of its own");
    for event in &events {
        assert!(!event.to_string().to_lowercase().contains("canary"), "{event}");
        assert_eq!(event["detail"]["listingId"], listing.as_str(), "{event}");
    }
    let confirmed = product.anybody().get("/_local/events?type=booking.confirmed").await.expect(200);
    assert_eq!(confirmed["items"][0]["detail"]["bookingId"], booking["id"]);
    assert_eq!(product.anybody().get("/_local/health").await.expect(200)["events"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_bus_refuses_is_published_again_under_the_same_id() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("hanna", json!({})).await;
    product.drain().await;
    let calls = AtomicUsize::new(0);
    // Every other entry is refused: each call is taken in part.
    product.stack.bus().faults().inject(move |kind| {
        let refused = kind == "booking.confirmed" && calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        refused.then_some(BusFault::Refused)
    });
    let guests: Vec<_> = (1..=12).map(|number| product.one_of_a_crowd(number)).collect();
    let mut booked = BTreeSet::new();
    for (number, guest) in (0_i64..).zip(&guests) {
        let (check_in, check_out) = (product.day(5 + 2 * number), product.day(6 + 2 * number));
        let booking = guest.book(&listing, check_in, check_out, VISA, "k").await.expect(201);
        booked.insert(booking["id"].as_str().unwrap().to_owned());
    }
    product.drain().await;
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events(&product).await.iter().filter(|event| event["type"] == "booking.confirmed") {
        let text = |name: &str| event["detail"][name].as_str().unwrap().to_owned();
        ids.entry(text("bookingId")).or_default().insert(text("eventId"));
    }
    assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), booked, "none is lost");
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
}

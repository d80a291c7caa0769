//! Two providers: the second takes a payment only when the first was certainly not reached.

use std::sync::{Arc, Mutex};

use crate::issues::{admin, appoint};
use crate::payouts::onboarded;
use roost_tests::{Caller, Product, VISA};
use serde_json::{Value, json};

async fn faults(product: &Product, order: &Value) {
    product.anybody().post("/_local/payments/faults", order).await.expect(200);
}

async fn no_faults(product: &Product) {
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
}

/// By whom, what and how each thing was done with a booking's money.
async fn done(product: &Product, booking: &str) -> Vec<String> {
    let ledger = product.anybody().get("/_local/payments/ledger").await.expect(200);
    let all = ledger["entries"].as_array().unwrap().iter();
    let own = all.filter(|entry| entry["bookingId"] == booking && entry["status"] == "succeeded");
    own.map(|entry| {
        let word = |name: &str| entry[name].as_str().unwrap().to_owned();
        format!("{} {}", word("provider"), word("operation"))
    })
    .collect()
}

async fn booked(product: &Product, guest: &Caller, listing: &str, first: i64) -> String {
    let key = first.to_string();
    let made = guest.book(listing, product.day(first), product.day(first + 2), VISA, &key).await.expect(201);
    assert_eq!(made["status"], "confirmed");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_not_reached_is_stood_in_for_from_charge_to_refund() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({"cancellationPolicy": "flexible"})).await;
    let guest = product.somebody("guest").await;
    faults(&product, &json!({"provider": "stripe", "fault": "down", "times": 1000})).await;
    let far = booked(&product, &guest, &listing, 20).await;
    let near = booked(&product, &guest, &listing, 3).await;
    assert_eq!(done(&product, &far).await, ["adyen authorize", "adyen capture"]);
    assert_eq!(done(&product, &near).await, ["adyen authorize"]);
    // Who was asked is asked for the rest, though the first is back.
    no_faults(&product).await;
    for booking in [&far, &near] {
        let cancelled = guest.post(&format!("/v1/bookings/{booking}/cancel"), &json!({})).await.expect(200);
        let status = if booking == &far { "refunded" } else { "voided" };
        assert_eq!(cancelled["payment"]["status"], status, "{cancelled}");
    }
    assert_eq!(done(&product, &far).await, ["adyen authorize", "adyen capture", "adyen refund"]);
    assert_eq!(done(&product, &near).await, ["adyen authorize", "adyen void"]);
    assert_eq!(product.moneys().await.len(), 0);
    // A declined card is the second provider's word too.
    faults(&product, &json!({"provider": "stripe", "fault": "down", "times": 1000})).await;
    let declined = guest
        .book(&listing, product.day(30), product.day(32), Some("pm_card_chargeDeclined"), "declined")
        .await;
    assert_eq!(declined.problem(402), "payment_declined");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_not_known_what_the_first_has_done_the_second_is_not_asked() {
    for fault in ["timeout_before", "timeout_after", "error500", "rate_limited"] {
        for (operation, first) in [("authorize", 2), ("capture", 20)] {
            let product = Product::start().await;
            let (_, listing) = product.host_with_home("host", json!({})).await;
            let guest = product.one_of_a_crowd(1);
            let order = json!({"provider": "stripe", "operation": operation, "fault": fault, "times": 1000});
            faults(&product, &order).await;
            let lost = guest.book(&listing, product.day(first), product.day(first + 2), VISA, "k").await;
            no_faults(&product).await;
            product.advance(121).await;
            product.run("recover-payments").await;
            let again = product.again(&guest).get("/v1/bookings").await.expect(200)["items"][0].clone();
            let id = again["id"].as_str().unwrap();
            let about = format!("{fault} at {operation}: {} then {again}", lost.status);
            let done = done(&product, id).await;
            assert!(done.iter().all(|one| one.starts_with("stripe ")), "{about}: {done:?}");
            if fault == "timeout_after" {
                assert_eq!(
                    done.iter().filter(|one| one.ends_with(operation)).count(),
                    1,
                    "{about}: {done:?}"
                );
                assert_eq!(again["status"], "confirmed", "{about}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_in_vain_all_leave_a_provider_alone_until_one_finds_it_back() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let provider = async |first: i64| {
        let booking = booked(&product, &guest, &listing, first).await;
        done(&product, &booking).await[0].clone()
    };
    faults(&product, &json!({"provider": "stripe", "fault": "down", "times": 1000})).await;
    for first in [10, 20] {
        assert_eq!(provider(first).await, "adyen authorize");
    }
    no_faults(&product).await;
    assert_eq!(provider(30).await, "stripe authorize", "two in vain are forgiven");
    let down = json!({"provider": "stripe", "fault": "down", "times": 1000});
    faults(&product, &down).await;
    for first in [40, 50] {
        assert_eq!(provider(first).await, "adyen authorize");
    }
    no_faults(&product).await;
    faults(&product, &json!({"provider": "stripe", "fault": "timeout_before", "times": 1000})).await;
    let lost = guest.book(&listing, product.day(55), product.day(57), VISA, "lost").await;
    assert_eq!(lost.status, 503, "that it does not answer says nothing of whether it is reached");
    no_faults(&product).await;
    faults(&product, &down).await;
    assert_eq!(provider(60).await, "adyen authorize");
    no_faults(&product).await;
    assert_eq!(provider(70).await, "adyen authorize", "it is left alone");
    product.advance(31).await;
    assert_eq!(provider(80).await, "stripe authorize", "one has tried");
    assert_eq!(provider(90).await, "stripe authorize");
}

/// Two want to find out at once: whoever does not get to write so first leaves it to the other.
#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_finds_out_whether_a_provider_is_back() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.somebody("guest").await, product.somebody("other").await);
    faults(&product, &json!({"provider": "stripe", "fault": "down", "times": 1000})).await;
    for first in [10, 20, 30] {
        booked(&product, &guest, &listing, first).await;
    }
    no_faults(&product).await;
    product.advance(31).await;
    let (day, home, answer) = (product.day(50), listing.clone(), Arc::new(Mutex::new(None)));
    let found = answer.clone();
    // The first write is the booking itself, the second that the provider is tried.
    product.before_write("create-booking", 1, async move {
        let made = other.book(&home, day, roost::stay::add_days(day, 2), VISA, "k").await;
        *found.lock().unwrap() = Some(made);
    });
    let late = booked(&product, &guest, &listing, 40).await;
    let first = answer.lock().unwrap().take().unwrap().expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(done(&product, &first).await[0], "stripe authorize");
    assert_eq!(done(&product, &late).await[0], "adyen authorize");
}

/// Adyen takes a capture on and tells later that it failed: the platform has nothing to pay the host of.
#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_failed_afterwards_is_not_paid_out_until_an_operator_has_seen_to_it() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    faults(&product, &json!({"provider": "stripe", "fault": "down", "times": 1000})).await;
    let booking = booked(&product, &guest, &listing, 6).await;
    no_faults(&product).await;
    product.drain().await;
    let payment =
        product.stack.app().store.booking(booking.parse().unwrap()).await.unwrap().unwrap().payment_id(0);
    let mut item = json!({
        "additionalData": {}, "amount": {"currency": "EUR", "value": 100}, "eventCode": "CAPTURE_FAILED",
        "eventDate": "2027-01-01T00:00:00+01:00", "merchantAccountCode": "RoostLocal",
        "merchantReference": format!("{payment}:capture:{booking}"), "pspReference": "NC6HT9CRT65ZGN82",
        "success": "true", "reason": "Insufficient balance",
    });
    item["additionalData"]["hmacSignature"] = roost_local::provider::sign_item(&item).into();
    let told = json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]});
    for _ in 0..2 {
        product.anybody().post("/v1/webhooks/adyen", &told).await.expect(200);
    }
    product.advance(9 * 86_400).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 0);
    let operator = admin(&product).await;
    let issues = operator.get("/v1/admin/payment-issues").await.expect(200)["items"].clone();
    assert_eq!((&issues[0]["id"], &issues[0]["tries"]), (&json!(booking), &json!(1)), "{issues}");
    let stay = product.again(&host).get(&format!("/v1/bookings/{booking}")).await.expect(200);
    assert_eq!(stay["status"], "completed", "the stay itself goes on");
    let resolve = format!("/v1/admin/payment-issues/{booking}/resolve");
    operator.post(&resolve, &json!({"note": "The guest has paid by bank transfer."})).await.expect(200);
    product.run("advance-stays").await;
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_adyen_has_not_signed_changes_nothing() {
    let product = Product::start().await;
    let item = |signature: Option<&str>| {
        let mut item = json!({
            "additionalData": {}, "amount": {"currency": "EUR", "value": 100}, "eventCode": "AUTHORISATION",
            "eventDate": "2027-01-01T00:00:00+01:00", "merchantAccountCode": "RoostLocal",
            "merchantReference": "of no booking", "pspReference": "NC6HT9CRT65ZGN82", "success": "true",
        });
        let own = roost_local::provider::sign_item(&item);
        item["additionalData"]["hmacSignature"] = signature.unwrap_or(&own).into();
        item
    };
    let send = async |items: Vec<Value>| {
        let items: Vec<Value> =
            items.into_iter().map(|item| json!({"NotificationRequestItem": item})).collect();
        product
            .anybody()
            .post("/v1/webhooks/adyen", &json!({"live": "false", "notificationItems": items}))
            .await
    };
    for _ in 0..2 {
        assert_eq!(send(vec![item(None)]).await.expect(200), json!({"received": true}));
    }
    let mut forged = item(None);
    forged["amount"]["value"] = 101.into();
    for bad in [item(Some("")), item(Some("bm90IGEgc2lnbmF0dXJl")), forged] {
        assert_eq!(send(vec![item(None), bad]).await.problem(400), "invalid_signature");
    }
}

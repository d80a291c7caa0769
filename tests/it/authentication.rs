//! Cards whose bank wants the guest to confirm: the nights are kept meanwhile, and money is held for them only
//! when he has.

use roost_tests::{Answer, Caller, Money, Product, VISA, handle};
use serde_json::{Value, json};

const CARD: &str = "pm_card_authenticationRequired";

/// A booking whose guest is to confirm the payment; its first answer.
async fn to_confirm(product: &Product, guest: &Caller, listing: &str, first: i64) -> Answer {
    let booked = guest.book(listing, product.day(first), product.day(first + 2), Some(CARD), "k").await;
    assert_eq!(booked.status, 201, "{booked:?}");
    let payment = &booked.json["payment"];
    assert_eq!((&booked.json["status"], &payment["status"]), (&json!("held"), &json!("requires_action")));
    assert!(payment["clientSecret"].as_str().unwrap().starts_with("pi_"), "{payment}");
    booked
}

async fn confirm(product: &Product, booked: &Value, outcome: &str) -> Answer {
    let order = json!({"clientSecret": booked["payment"]["clientSecret"], "outcome": outcome});
    product.anybody().post("/_local/payments/authenticate", &order).await
}

async fn pay(guest: &Caller, booked: &Value, card: &str, key: &str) -> Answer {
    let path = format!("/v1/bookings/{}/payment", booked["id"].as_str().unwrap());
    guest.post_once(&path, &json!({"paymentMethodId": card}), key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_its_guest_confirms_makes_a_stay_and_every_key_has_its_first_answer() {
    for first in [3, 20] {
        let product = Product::start().await;
        let (host, listing) = product.host_with_home("host", json!({})).await;
        let guest = product.somebody("guest").await;
        let booked = to_confirm(&product, &guest, &listing, first).await;
        assert_eq!(product.moneys().await.len(), 0, "nothing is held before");
        let path = format!("/v1/bookings/{}", booked.json["id"].as_str().unwrap());
        let seen = host.get(&path).await.expect(200);
        assert_eq!(seen["payment"]["status"], "requires_action");
        assert!(seen["payment"].get("clientSecret").is_none(), "it is the guest's alone: {seen}");
        let taken = product.one_of_a_crowd(2);
        let (check_in, check_out) = (product.day(first), product.day(first + 2));
        assert_eq!(taken.quote(&listing, check_in, check_out).await.problem(409), "unavailable");

        let early = pay(&guest, &booked.json, CARD, "early").await.expect(200);
        assert_eq!(early["payment"], booked.json["payment"], "it still waits");
        confirm(&product, &booked.json, "succeed").await.expect(200);
        let paid = pay(&guest, &booked.json, CARD, "late").await.expect(200);
        let status = if first > 4 { "captured" } else { "authorized" };
        assert_eq!((&paid["status"], &paid["payment"]["status"]), (&json!("confirmed"), &json!(status)));
        let price = paid["price"]["total"]["amount"].as_i64().unwrap();
        let money = if first > 4 { Money { held: 0, taken: price } } else { Money { held: price, taken: 0 } };
        assert_eq!(product.moneys().await.into_values().collect::<Vec<_>>(), [money]);

        let body = json!({"quoteId": "quo_another", "paymentMethodId": CARD});
        assert_eq!(guest.post_once("/v1/bookings", &body, "k").await.problem(422), "idempotency_key_reused");
        assert_eq!(pay(&guest, &booked.json, CARD, "early").await.json["payment"], booked.json["payment"]);
        assert_eq!(pay(&guest, &booked.json, CARD, "late").await.json, paid);
        assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_confirmed_holds_nothing_whichever_way_it_ends() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    // The bank does not believe it: the nights are still kept, and another card pays.
    let failed = to_confirm(&product, &guest, &listing, 10).await.json;
    confirm(&product, &failed, "fail").await.expect(200);
    assert_eq!(pay(&guest, &failed, CARD, "again").await.problem(402), "payment_declined");
    assert_eq!(pay(&guest, &failed, VISA.unwrap(), "other").await.expect(200)["status"], "confirmed");
    // Another card without waiting: what the first was to pay can be confirmed no more.
    let other = product.one_of_a_crowd(2);
    let changed = to_confirm(&product, &other, &listing, 20).await.json;
    assert_eq!(pay(&other, &changed, VISA.unwrap(), "other").await.expect(200)["status"], "confirmed");
    assert_eq!(confirm(&product, &changed, "succeed").await.status, 422);
    // The time runs out, with the payment confirmed or not.
    let mut lapsed = Vec::new();
    for (number, confirmed) in [(3, true), (4, false)] {
        let late = product.one_of_a_crowd(number);
        let first = 10 + 10 * i64::try_from(number).unwrap();
        let sending = json!({"copies": 0});
        product.anybody().post("/_local/payments/webhooks", &sending).await.expect(200);
        let booked = to_confirm(&product, &late, &listing, first).await.json;
        if confirmed {
            confirm(&product, &booked, "succeed").await.expect(200);
        }
        lapsed.push((late, booked));
    }
    product.advance(15 * 60 + 1).await;
    for (late, booked) in &lapsed {
        let late = product.again(late);
        assert_eq!(pay(&late, booked, CARD, "late").await.problem(409), "hold_expired");
    }
    product.run("expire-bookings").await;
    product.run("recover-payments").await;
    assert_eq!(product.moneys().await.len(), 2, "the two that were paid");
    for (_, booked) in &lapsed {
        assert_eq!(confirm(&product, booked, "succeed").await.status, 422, "it can be confirmed no more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_confirms_and_does_not_come_back_has_his_stay() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let booked = to_confirm(&product, &guest, &listing, 20).await.json;
    confirm(&product, &booked, "succeed").await.expect(200);
    product.advance(2).await;
    product.drain().await;
    let seen = guest.get(&format!("/v1/bookings/{}", booked["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&seen["status"], &seen["payment"]["status"]), (&json!("confirmed"), &json!("captured")));
    // And when his client does come back it learns so.
    assert_eq!(pay(&guest, &booked, CARD, "back").await.expect(200)["status"], "confirmed");
    assert_eq!(product.ledger("capture", "succeeded").await.len(), 1);
}

/// What tells that the guest has to confirm ends nothing, neither the call that is just being told so, nor the waiting
/// after it; and what comes late of another card is nothing to the one that waits.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_less_than_an_end_or_of_another_payment_leaves_a_booking_as_it_is() {
    for is_early in [true, false] {
        let product = Product::start().await;
        let (_, listing) = product.host_with_home("host", json!({})).await;
        let guest = product.somebody("guest").await;
        let held = guest.book(&listing, product.day(10), product.day(12), None, "hold").await.expect(201);
        let path = format!("/v1/bookings/{}", held["id"].as_str().unwrap());
        let sending = json!({"delaySeconds": 30, "copies": 2});
        product.anybody().post("/_local/payments/webhooks", &sending).await.expect(200);
        let declined = pay(&guest, &held, "pm_card_chargeDeclined", "first").await;
        assert_eq!(declined.problem(402), "payment_declined");
        if is_early {
            let events = product.anybody();
            // When it is to be written that the guest has to confirm.
            product.before_write("pay-booking", 1, async move {
                events.post("/_local/clock", &json!({"advanceSeconds": 31})).await.expect(200);
                events.post("/_local/drain", &json!({})).await.expect(200);
            });
        }
        let waits = pay(&guest, &held, CARD, "second").await.expect(200);
        assert_eq!(waits["payment"]["status"], "requires_action");
        let before = guest.get(&path).await;
        product.advance(31).await;
        product.drain().await;
        let after = guest.get(&path).await;
        assert_eq!((&after.json, &after.headers["etag"]), (&before.json, &before.headers["etag"]));
        confirm(&product, &waits, "succeed").await.expect(200);
        assert_eq!(pay(&guest, &held, CARD, "third").await.expect(200)["status"], "confirmed");
    }
}

/// The schedule takes a payment for overdue whose call has just been told that the guest has to confirm it: asking
/// gives it up, and the call says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_given_up_as_overdue_is_not_the_guests_to_confirm() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let (app, clock) = (product.stack.app(), product.anybody());
    product.before_write("create-booking", 1, async move {
        clock.post("/_local/clock", &json!({"advanceSeconds": 121})).await.expect(200);
        handle(&app, "recover-payments", &json!({})).await.unwrap();
    });
    let booked = guest.book(&listing, product.day(20), product.day(22), Some(CARD), "k").await;
    assert_eq!(booked.json["declineReason"], "authentication_required");
    assert_eq!(booked.problem(402), "payment_declined");
    product.one_of_a_crowd(2).quote(&listing, product.day(20), product.day(22)).await.expect(201);
}

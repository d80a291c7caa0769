//! Holds keep their nights for fifteen minutes, to the second, with the sweeper dead.

use roost::booking::answer::Details;
use roost::booking::{Booking, HOLD, State};
use roost::ids::BookingId;
use roost::store::bookings::{Advance, Made};
use roost_tests::{Product, VISA, handle};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_its_nights_until_it_lapses_and_then_blocks_nobody() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.somebody("guest").await, product.somebody("other").await);
    let (check_in, check_out) = (product.day(5), product.day(8));
    let held = guest.book(&listing, check_in, check_out, None, "hold").await.expect(201);
    assert_eq!((&held["status"], &held["payment"]["status"]), (&json!("held"), &json!("none")));
    let id = held["id"].as_str().unwrap();

    product.advance(14 * 60 + 58).await;
    assert_eq!(other.quote(&listing, check_in, check_out).await.problem(409), "unavailable");
    product.advance(4).await;
    let other = product.one_of_a_crowd(77);
    let guest = product.again(&guest);
    other.book(&listing, check_in, check_out, VISA, "mine").await.expect(201);
    assert_eq!(guest.pay(id, "pm_card_visa", "late").await.problem(409), "hold_expired");
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);
    assert_eq!(guest.get(&format!("/v1/bookings/{id}")).await.expect(200)["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_and_rebooking_at_the_very_second_leave_nights_and_bookings_agreed() {
    for round in 0..8 {
        let product = Product::start().await;
        let (host, listing) = product.host_with_home("host", json!({})).await;
        let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
        let (check_in, check_out) = (product.day(5), product.day(8));
        let held = guest.book(&listing, check_in, check_out, None, "hold").await.expect(201);
        let id = held["id"].as_str().unwrap().to_owned();
        let expires: jiff::Timestamp = held["holdExpiresAt"].as_str().unwrap().parse().unwrap();
        // From a few milliseconds before the end to a few after.
        let edge = expires + jiff::SignedDuration::from_millis(4 * (round - 4));
        product.anybody().post("/_local/clock", &json!({ "now": edge })).await.expect(200);
        let (guest, other) = (product.again(&guest), product.again(&other));
        let (paid, booked) = futures::join!(
            guest.pay(&id, "pm_card_visa", "pay"),
            other.book(&listing, check_in, check_out, VISA, "rebook"),
        );
        product.run("expire-bookings").await;
        product.run("recover-payments").await;
        product.drain().await;
        let winners = usize::from(paid.status == 200) + usize::from(booked.status == 201);
        assert!(winners <= 1, "{} {}", paid.json, booked.json);
        let path = format!("/v1/listings/{listing}/calendar?startDate={check_in}&endDate={check_out}");
        let calendar = product.again(&host).get(&path).await;
        let winner = [(&paid, 200), (&booked, 201)].into_iter().find(|(answer, won)| answer.status == *won);
        let winner = winner.map(|(answer, _)| &answer.json["id"]);
        for night in calendar.expect(200)["nights"].as_array().unwrap() {
            assert_eq!(night.get("bookingId"), winner, "{night} {} {}", paid.json, booked.json);
        }
        assert_eq!(product.moneys().await.len(), winners);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_whose_hold_is_paid_after_another_has_read_that_it_lapsed_are_not_sold_again() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let held = guest.book(&listing, product.day(5), product.day(8), None, "hold").await.expect(201);
    let (app, id) = (product.stack.app(), held["id"].as_str().unwrap().parse().unwrap());
    product.advance(15 * 60).await;
    let held = app.store.booking(id).await.unwrap().unwrap();
    let lapses_at = app.clock.now() + HOLD;
    let seen = app.store.ledger(held.unit, held.stay, false).await.unwrap();
    // By an instance whose clock is a little behind, or whose write took its time.
    let paying = Booking { state: State::PaymentStarted, lapses_at, ..held.clone() };
    assert!(matches!(app.store.advance(&held, paying).await, Ok(Advance::Done(_))));
    let wanted = Booking {
        id: BookingId::from_bits(1),
        guest: other.id.parse().unwrap(),
        lapses_at,
        claim_until: Some(lapses_at),
        ..held
    };
    let made = app.store.make(wanted, &Details::default(), 1, seen).await.unwrap();
    assert!(matches!(made, Made::Refused(_)), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_swept_while_it_is_to_be_paid_has_expired() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let held = guest.book(&listing, product.day(5), product.day(8), None, "hold").await.expect(201);
    let id = held["id"].as_str().unwrap();
    let (app, of) = (product.stack.app(), id.parse().unwrap());
    product.before_write("pay-booking", 0, async move {
        let held = app.store.booking(of).await.unwrap().unwrap();
        let lapsed = held.lapsed(held.lapses_at).unwrap();
        app.store.end(&held, lapsed).await.unwrap();
    });
    assert_eq!(guest.pay(id, "pm_card_visa", "late").await.problem(409), "hold_expired");
    assert_eq!(product.moneys().await.len(), 0);
}

/// The provider says yes or no after the quarter of an hour, and nobody has taken the nights or looked meanwhile: what
/// was taken is given back, and the hold that a refusal would leave has run out.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_answered_when_its_time_is_over_pays_nothing() {
    let cases = [
        ("pm_card_visa", "payment_failed", 1, "booking.payment_failed"),
        ("pm_card_chargeDeclined", "payment_declined", 0, "booking.expired"),
    ];
    for (card, code, authorized, event) in cases {
        let product = Product::start().await;
        let (_, listing) = product.host_with_home("host", json!({})).await;
        let guest = product.one_of_a_crowd(1);
        let held = guest.book(&listing, product.day(5), product.day(8), None, "hold").await.expect(201);
        let clock = product.anybody();
        product.before_write("pay-booking", 0, async move {
            clock.post("/_local/clock", &json!({"advanceSeconds": 16 * 60})).await.expect(200);
        });
        let late = guest.pay(held["id"].as_str().unwrap(), card, "late").await;
        assert_eq!(late.problem(402), code);
        assert_eq!(product.ledger("authorize", "succeeded").await.len(), authorized, "{card}");
        assert_eq!(product.moneys().await.len(), 0, "{card}");
        product.one_of_a_crowd(2).quote(&listing, product.day(5), product.day(8)).await.expect(201);
        product.drain().await;
        let told = product.anybody().get(&format!("/_local/events?type={event}")).await.expect(200);
        assert_eq!(told["items"].as_array().unwrap().len(), 1, "{card}, before any sweeper has run: {told}");
    }
}

/// A payment may begin at the end of a hold. The schedule that finds it there leaves it to its call for two minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_has_just_begun_is_its_calls_alone() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let held = guest.book(&listing, product.day(5), product.day(8), None, "hold").await.expect(201);
    product.advance(14 * 60).await;
    let app = product.stack.app();
    product.before_write("pay-booking", 1, async move {
        handle(&app, "recover-payments", &json!({})).await.unwrap();
    });
    let id = held["id"].as_str().unwrap();
    let waits = product.again(&guest).pay(id, "pm_card_authenticationRequired", "late").await.expect(200);
    assert_eq!(waits["payment"]["status"], "requires_action", "asking would have given it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_tried_to_be_paid_five_times_and_asked_about_fifteen_times() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    for (number, card, status, most) in
        [(1, "pm_card_chargeDeclined", 402, 5), (2, "pm_card_authenticationRequired", 200, 15)]
    {
        let guest = product.one_of_a_crowd(number);
        let first = 5 * i64::try_from(number).unwrap();
        let held = guest.book(&listing, product.day(first), product.day(first + 3), None, "hold").await;
        let id = held.expect(201)["id"].as_str().unwrap().to_owned();
        for number in 0..most {
            assert_eq!(guest.pay(&id, card, &format!("{number}")).await.status, status, "{number}");
        }
        let another = guest.pay(&id, card, "another").await;
        assert_eq!(another.problem(409), "too_many_attempts");
        assert_eq!(guest.pay(&id, card, "0").await.status, status, "what was answered is answered again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_writes_down_what_has_lapsed_and_a_declined_card_keeps_the_hold() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let held = guest.book(&listing, product.day(5), product.day(6), None, "hold").await.expect(201);
    let id = held["id"].as_str().unwrap();
    let declined = guest.pay(id, "pm_card_chargeDeclined", "first").await;
    assert_eq!(declined.json["bookingId"], held["id"]);
    assert_eq!(declined.problem(402), "payment_declined");
    assert_eq!(guest.get(&format!("/v1/bookings/{id}")).await.expect(200)["status"], "held");
    let another = product.one_of_a_crowd(2).quote(&listing, product.day(5), product.day(6)).await;
    assert_eq!(another.problem(409), "unavailable");
    let waiting = guest.pay(id, "pm_card_authenticationRequired", "second").await.expect(200);
    assert_eq!(
        (&waiting["status"], &waiting["payment"]["status"]),
        (&json!("held"), &json!("requires_action"))
    );
    product.advance(15 * 60 + 30).await;
    product.run("expire-bookings").await;
    let host = product.again(&host);
    let path =
        format!("/v1/listings/{listing}/calendar?startDate={}&endDate={}", product.day(5), product.day(6));
    assert_eq!(host.get(&path).await.expect(200)["nights"][0]["status"], "open");
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 0);
}

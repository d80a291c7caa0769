//! Balances that are not paid when they should be: refused, asked about in vain, or without a card to charge.

use std::sync::atomic::{AtomicUsize, Ordering};

use roost_local::faults::StoreFault;
use roost_tests::{Answer, Caller, Product, VISA};
use serde_json::{Value, json};

use crate::balance::{BALANCE, DEPOSIT, PRICE, booked, days, letters, pay, seen, taken};
use crate::money::morning;

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_nobody_pays_ends_the_stay_and_another_card_saves_it() {
    for is_saved in [false, true] {
        let product = morning().await;
        let edits = json!({"depositPercent": 30, "cancellationPolicy": "strict"});
        let (host, listing) = product.host_with_home("host", edits).await;
        let guest = product.somebody("guest").await;
        let booked = booked(&product, &guest, &listing, VISA).await;
        let order = json!({"operation": "authorize", "fault": "decline", "times": 1000});
        product.anybody().post("/_local/payments/faults", &order).await.expect(200);
        days(&product, 28).await;
        let seen_by_host = host_checks_in(&product, &host, &booked).await;
        assert_eq!(seen_by_host.status, 409, "it has not come, nor is it paid: {seen_by_host:?}");
        assert_eq!(
            pay(&product, &guest, &booked, VISA.unwrap(), "no").await.problem(402),
            "payment_declined"
        );
        assert_eq!(seen(&product, &guest, &booked).await["payment"]["balance"]["amount"]["amount"], BALANCE);
        if is_saved {
            product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
            let paid = pay(&product, &guest, &booked, "pm_card_mastercard", "yes").await.expect(200);
            assert_eq!(
                (&paid["status"], &paid["payment"]["status"]),
                (&json!("confirmed"), &json!("captured"))
            );
            assert!(paid["payment"].get("balance").is_none(), "{paid}");
            assert_eq!(pay(&product, &guest, &booked, "pm_card_mastercard", "yes").await.expect(200), paid);
            assert_eq!(
                pay(&product, &guest, &booked, VISA.unwrap(), "no").await.problem(402),
                "payment_declined"
            );
            assert_eq!(
                pay(&product, &guest, &booked, VISA.unwrap(), "more").await.problem(409),
                "invalid_transition"
            );
            days(&product, 3).await;
            assert_eq!(taken(&product, &booked).await, PRICE);
            assert_eq!(seen(&product, &guest, &booked).await["status"], "confirmed");
            continue;
        }
        // On the second and the third day it is tried again; then the stay is called off.
        days(&product, 1).await;
        assert_eq!(seen(&product, &guest, &booked).await["status"], "confirmed");
        let announced = product
            .again(&guest)
            .get(&format!("/v1/bookings/{}/cancellation", booked["id"].as_str().unwrap()))
            .await
            .expect(200);
        days(&product, 1).await;
        let ended = seen(&product, &guest, &booked).await;
        assert_eq!(
            (&ended["status"], &ended["cancelledBy"], &ended["reason"]),
            (&json!("cancelled"), &json!("system"), &json!("balance_unpaid"))
        );
        // The policy keeps half of the nights: there is less than that of them. The cleaning goes back.
        assert_eq!(
            (announced["refund"]["amount"].as_i64(), taken(&product, &booked).await),
            (Some(750), 10_365)
        );
        let declined = product.ledger("authorize", "failed").await.len();
        assert_eq!(declined, 4, "thrice by the platform, once by the guest");
        assert_eq!(
            letters(&product).await,
            [
                "Booked",
                "Balance due",
                "We could not charge the balance",
                "We could not charge the balance",
                "We could not charge the balance",
                "Cancelled"
            ]
        );
        product.one_of_a_crowd(2).quote(&listing, product.day(10), product.day(13)).await.expect(201);
    }
}

async fn host_checks_in(product: &Product, host: &Caller, booked: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/check-in", booked["id"].as_str().unwrap());
    product.again(host).post(&path, &json!({})).await
}

/// The card is refused, and whoever was told so is gone before it is written down: who asks later is told the same,
/// and the guest is.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_was_lost_is_the_guests_to_mend_when_it_is_found() {
    let product = morning().await;
    let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let guest = product.somebody("guest").await;
    let booked = booked(&product, &guest, &listing, VISA).await;
    days(&product, 26).await;
    let order = json!({"operation": "authorize", "fault": "decline", "times": 1});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    product.advance(86_400).await;
    let writes = AtomicUsize::new(0);
    product.stack.faults().inject(move |call| {
        let ours = call.function == Some("advance-stays")
            && ["PutItem", "TransactWriteItems"].contains(&call.operation);
        // The first is that it is begun.
        (ours && writes.fetch_add(1, Ordering::SeqCst) > 0).then_some(StoreFault::Broken)
    });
    assert!(product.stack.run_schedule("advance-stays").await.is_some_and(|run| run.is_err()));
    product.stack.faults().clear();
    product.advance(121).await;
    product.run("recover-payments").await;
    assert_eq!(letters(&product).await, ["Booked", "Balance due", "We could not charge the balance"]);
    // It was his card's bank that said no: a day is his before it is tried again.
    product.advance(23 * 3600).await;
    product.run("advance-stays").await;
    assert_eq!(taken(&product, &booked).await, DEPOSIT);
    days(&product, 1).await;
    assert_eq!(taken(&product, &booked).await, PRICE);
}

/// The provider that stood in for the first keeps no card: only its holder can pay the balance, and who does not is
/// called off as one whose card is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_without_a_card_to_charge_is_its_guests_to_pay() {
    for is_paid in [false, true] {
        let product = morning().await;
        let edits = json!({"depositPercent": 30, "cancellationPolicy": "strict"});
        let (_, listing) = product.host_with_home("host", edits).await;
        let guest = product.somebody("guest").await;
        let order = json!({"provider": "stripe", "fault": "down", "times": 1000});
        product.anybody().post("/_local/payments/faults", &order).await.expect(200);
        let booked = booked(&product, &guest, &listing, VISA).await;
        product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
        days(&product, 27).await;
        let told = ["Booked", "Balance due", "We could not charge the balance"];
        assert_eq!(letters(&product).await, told);
        assert_eq!(product.ledger("authorize", "failed").await.len(), 0, "nobody is asked");
        assert_eq!(taken(&product, &booked).await, DEPOSIT);
        if is_paid {
            pay(&product, &guest, &booked, VISA.unwrap(), "yes").await.expect(200);
            assert_eq!(taken(&product, &booked).await, PRICE);
        } else {
            days(&product, 3).await;
            assert_eq!(seen(&product, &guest, &booked).await["reason"], "balance_unpaid");
            assert_eq!(taken(&product, &booked).await, 10_365, "as his policy says");
        }
    }
}

/// Five tries a day are the guest's, whatever he or the platform has tried before, and a hundred and twenty in all.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_is_tried_to_be_paid_five_times_a_day() {
    const REFUSED: &str = "pm_card_chargeDeclined";
    let product = morning().await;
    let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let guest = product.somebody("guest").await;
    let booked = booked(&product, &guest, &listing, None).await;
    for (card, status) in [(REFUSED, 402), (VISA.unwrap(), 200)] {
        assert_eq!(pay(&product, &guest, &booked, card, card).await.status, status);
    }
    // With the two of the deposit they are 117 on the evening of the twenty-third day.
    for day in 1..=24 {
        let tries = if day == 24 { 3 } else { 5 };
        product.advance(86_400).await;
        for number in 0..=tries {
            let tried = pay(&product, &guest, &booked, REFUSED, &format!("{day} {number}")).await;
            let code = if number < tries { (402, "payment_declined") } else { (409, "too_many_attempts") };
            assert_eq!((tried.status, tried.json["code"].as_str().unwrap()), code, "{day} {number}");
        }
    }
    product.advance(86_400).await;
    let never = pay(&product, &guest, &booked, VISA.unwrap(), "never").await;
    assert_eq!(never.problem(409), "too_many_attempts");
    days(&product, 3).await;
    assert_eq!(taken(&product, &booked).await, PRICE, "the platform still charges it when it is due");
}

/// A deposit, and a provider that is away from the day on which the balance is due, for so many days.
async fn left_alone(product: &Product, count: usize) -> (Caller, Value) {
    let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let guest = product.somebody("guest").await;
    let booked = booked(product, &guest, &listing, VISA).await;
    days(product, 26).await;
    let order = json!({"fault": "down", "times": 100_000});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    for _ in 0..count {
        product.advance(86_400).await;
        let _ = product.stack.run_schedule("advance-stays").await;
        let _ = product.stack.run_schedule("recover-payments").await;
    }
    assert_eq!(seen(product, &guest, &booked).await["status"], "confirmed");
    (guest, booked)
}

/// What nobody could ask about is settled by the schedule of stays once the stay should have begun, and one that is
/// not paid does not begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_nobody_could_ask_about_is_settled_when_the_stay_should_begin() {
    let product = morning().await;
    let (guest, booked) = left_alone(&product, 15).await;
    let meanwhile = pay(&product, &guest, &booked, VISA.unwrap(), "meanwhile").await;
    assert_eq!(meanwhile.problem(409), "payment_in_progress");
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    days(&product, 2).await;
    assert_eq!(seen(&product, &guest, &booked).await["status"], "cancelled");
    assert_eq!(product.moneys().await.len(), 0, "the deposit is returned");
}

/// What stood in the way of a balance does not keep the refund waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_called_off_while_the_provider_is_away_is_refunded_as_soon_as_it_is_back() {
    let product = morning().await;
    let (guest, booked) = left_alone(&product, 8).await;
    let path = format!("/v1/bookings/{}/cancel", booked["id"].as_str().unwrap());
    let cancelled = product.again(&guest).post(&path, &json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    product.advance(121).await;
    product.run("recover-payments").await;
    assert_eq!(product.moneys().await.len(), 0);
}

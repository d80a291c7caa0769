//! A stay that is paid in two: the deposit when it is booked, the balance two weeks before it begins, and
//! what comes back of both.

use roost_tests::{Answer, Caller, Product, VISA};
use serde_json::{Value, json};

use crate::issues::{admin, appoint};
use crate::money::{morning, movements};
use crate::payouts::onboarded;

const TO_CONFIRM: &str = "pm_card_authenticationRequired";
/// Three nights of 100, cleaning 25, fee 14 %; of each line 30 percent now.
pub(crate) const PRICE: i64 = 37_050;
pub(crate) const DEPOSIT: i64 = 11_115;
pub(crate) const BALANCE: i64 = 25_935;

/// Three nights in forty days, paid in two.
pub(crate) async fn booked(product: &Product, guest: &Caller, listing: &str, card: Option<&str>) -> Value {
    let quote = guest.quote(listing, product.day(40), product.day(43)).await.expect(201);
    let plan = &quote["paymentPlan"];
    assert_eq!(
        (&plan["deposit"]["amount"], &plan["balance"]["amount"]),
        (&json!(DEPOSIT), &json!(BALANCE)),
        "{quote}"
    );
    let booked = guest.book_quote(&quote["quoteId"], card, "k").await.expect(201);
    assert_eq!(booked["payment"]["amount"]["amount"], PRICE);
    let balance = json!({"amount": plan["balance"], "dueAt": plan["balanceDueAt"]});
    assert_eq!(booked["payment"]["balance"], balance, "{booked}");
    booked
}

pub(crate) async fn seen(product: &Product, party: &Caller, booked: &Value) -> Value {
    let path = format!("/v1/bookings/{}", booked["id"].as_str().unwrap());
    product.again(party).get(&path).await.expect(200)
}

pub(crate) async fn taken(product: &Product, booked: &Value) -> i64 {
    let moneys = product.moneys().await;
    let money = moneys.get(booked["id"].as_str().unwrap()).copied().unwrap_or_default();
    assert_eq!(money.held, 0, "nothing is held for long");
    money.taken
}

pub(crate) async fn pay(product: &Product, guest: &Caller, booked: &Value, card: &str, key: &str) -> Answer {
    product.again(guest).pay(booked["id"].as_str().unwrap(), card, key).await
}

/// The subjects of the guest's letters, up to their colons.
pub(crate) async fn letters(product: &Product) -> Vec<String> {
    product.drain().await;
    let mails = product.anybody().get("/_local/mail?to=guest@example.com").await.expect(200);
    let subjects =
        mails["items"].as_array().unwrap().iter().rev().map(|mail| mail["subject"].as_str().unwrap());
    subjects.map(|subject| subject.split(':').next().unwrap().to_owned()).collect()
}

/// So many days, each with its run of the schedule.
pub(crate) async fn days(product: &Product, count: usize) {
    for _ in 0..count {
        product.advance(86_400).await;
        product.run("advance-stays").await;
        // A letter that comes late does not say what is no longer so.
        product.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_is_told_of_and_charged_in_its_time_and_the_host_has_his_share_of_both() {
    let product = morning().await;
    appoint(&product).await;
    let (host, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    onboarded(&product, &host).await;
    let guest = product.somebody("guest").await;
    let booked = booked(&product, &guest, &listing, VISA).await;
    assert_eq!(booked["payment"]["status"], "captured");
    for day in 0..45 {
        // It is due on the twenty-sixth day, in the afternoon.
        let expected = if day < 27 { DEPOSIT } else { PRICE };
        assert_eq!(taken(&product, &booked).await, expected, "day {day}");
        assert_eq!(
            letters(&product).await.len(),
            1 + usize::from(day >= 24) + usize::from(day >= 27),
            "day {day}"
        );
        days(&product, 1).await;
    }
    assert_eq!(letters(&product).await, ["Booked", "Balance due", "Balance paid"]);
    let after = seen(&product, &guest, &booked).await;
    assert_eq!((&after["status"], &after["payment"]["status"]), (&json!("completed"), &json!("captured")));
    assert!(after["payment"].get("balance").is_none(), "{after}");
    let (host, guest) = (product.again(&host), product.again(&guest));
    let id = booked["id"].as_str().unwrap();
    assert_eq!(movements(&guest, id).await, [("capture".into(), -DEPOSIT), ("capture".into(), -BALANCE)]);
    assert_eq!(
        movements(&host, id).await,
        [("capture".into(), 9_750), ("capture".into(), 22_750), ("payout".into(), -32_500)]
    );
    product.run("reconcile").await;
    let report = admin(&product).await.get("/v1/admin/reconciliations/latest").await.expect(200);
    assert_eq!(report["count"], 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_charge_ends_in_one() {
    for operation in ["authorize", "capture"] {
        for fault in ["decline", "error500", "timeout_before", "timeout_after", "rate_limited", "down"] {
            let about = format!("{fault} of {operation}");
            let product = morning().await;
            let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
            let guest = product.somebody("guest").await;
            let booked = booked(&product, &guest, &listing, VISA).await;
            days(&product, 26).await;
            let order = json!({"operation": operation, "fault": fault, "times": 8});
            product.anybody().post("/_local/payments/faults", &order).await.expect(200);
            product.advance(86_400).await;
            // What it did not say is asked about by the next.
            let _ = product.stack.run_schedule("advance-stays").await;
            product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
            product.advance(121).await;
            product.run("recover-payments").await;
            let seen_then = seen(&product, &guest, &booked).await;
            assert_eq!(seen_then["status"], "confirmed", "{about}");
            days(&product, 1).await;
            assert_eq!(taken(&product, &booked).await, PRICE, "{about}");
            assert_eq!(product.ledger("capture", "succeeded").await.len(), 2, "{about}");
            let entered = movements(&product.again(&guest), booked["id"].as_str().unwrap()).await;
            assert_eq!(entered, [("capture".into(), -DEPOSIT), ("capture".into(), -BALANCE)], "{about}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_pays_early_confirms_it_and_gets_back_of_both_what_he_is_owed() {
    let product = morning().await;
    let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let guest = product.somebody("guest").await;
    let booked = booked(&product, &guest, &listing, VISA).await;
    let confirm = async |waiting: &Value, outcome: &str| {
        let order = json!({"clientSecret": waiting["payment"]["clientSecret"], "outcome": outcome});
        product.anybody().post("/_local/payments/authenticate", &order).await
    };
    // A page that is loaded again a moment after does not mean the balance.
    assert_eq!(
        pay(&product, &guest, &booked, VISA.unwrap(), "again").await.problem(409),
        "invalid_transition"
    );
    product.advance(16 * 60).await;
    let waiting = pay(&product, &guest, &booked, TO_CONFIRM, "first").await.expect(200);
    assert_eq!(
        (&waiting["status"], &waiting["payment"]["status"]),
        (&json!("confirmed"), &json!("requires_action"))
    );
    assert_eq!(seen(&product, &guest, &booked).await["payment"], waiting["payment"]);
    product.run("recover-payments").await;
    product.run("advance-stays").await;
    confirm(&waiting, "fail").await.expect(200);
    assert_eq!(pay(&product, &guest, &booked, TO_CONFIRM, "failed").await.problem(402), "payment_declined");
    // Another card while the first waits: it can be confirmed no more.
    let other = pay(&product, &guest, &booked, TO_CONFIRM, "second").await.expect(200);
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    let order = json!({"operation": "authorize", "fault": "decline", "times": 1});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    assert_eq!(pay(&product, &guest, &booked, VISA.unwrap(), "third").await.problem(402), "payment_declined");
    assert_eq!(confirm(&other, "succeed").await.status, 422);
    // Nobody comes back: it is given up, and the deposit stays.
    let left = pay(&product, &guest, &booked, TO_CONFIRM, "fourth").await.expect(200);
    product.advance(16 * 60).await;
    product.run("recover-payments").await;
    assert_eq!(confirm(&left, "succeed").await.status, 422);
    assert_eq!(seen(&product, &guest, &booked).await["payment"]["status"], "captured");
    // The bank's word comes before its guest's.
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 2})).await.expect(200);
    let last = pay(&product, &guest, &booked, TO_CONFIRM, "fifth").await.expect(200);
    confirm(&last, "succeed").await.expect(200);
    product.advance(5).await;
    product.drain().await;
    assert_eq!(taken(&product, &booked).await, PRICE);

    let path = format!("/v1/bookings/{}/cancel", booked["id"].as_str().unwrap());
    let cancelled = product.again(&guest).post(&path, &json!({})).await.expect(200);
    assert_eq!(cancelled["payment"]["status"], "refunded", "{cancelled}");
    assert_eq!(product.moneys().await.len(), 0);
    let refunds: Vec<Value> = product
        .ledger("refund", "succeeded")
        .await
        .iter()
        .map(|entry| entry["amount"]["amount"].clone())
        .collect();
    assert_eq!(refunds, [json!(BALANCE), json!(DEPOSIT)]);
}

/// One of the two goes back at once, the other later: until then the host is fined nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_who_calls_off_what_was_paid_in_two_is_fined_when_both_have_gone_back() {
    let product = morning().await;
    let (host, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let guest = product.somebody("guest").await;
    let booked = booked(&product, &guest, &listing, VISA).await;
    product.advance(20 * 60).await;
    pay(&product, &guest, &booked, VISA.unwrap(), "balance").await.expect(200);
    let provider = product.anybody();
    product.before_write("cancel-booking", 1, async move {
        let order = json!({"operation": "refund", "fault": "timeout_before", "times": 40});
        provider.post("/_local/payments/faults", &order).await.expect(200);
    });
    let id = booked["id"].as_str().unwrap();
    let host = product.again(&host);
    host.post(&format!("/v1/bookings/{id}/cancel"), &json!({})).await.expect(200);
    let (taken, returned) = ([9_750, 22_750], [("refund".to_owned(), -22_750)]);
    let mut expected: Vec<_> = taken.map(|amount| ("capture".to_owned(), amount)).into();
    expected.extend(returned);
    assert_eq!(movements(&host, id).await, expected);
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    product.advance(121).await;
    product.run("recover-payments").await;
    expected.extend([("refund".to_owned(), -9_750), ("penalty".to_owned(), -3_250)]);
    assert_eq!(movements(&product.again(&host), id).await, expected);
}

/// The deposit was confirmed at the bank and resumed by its webhook alone; weeks later the guest's first own
/// call is meant for the balance. And a bank that takes one of the two payments back leaves the other.
#[tokio::test(flavor = "multi_thread")]
async fn two_payments_are_told_apart_whoever_made_the_first_and_whichever_is_disputed() {
    // Five days before, nothing of the nights is returned, and the guest has more than the rest already; or all.
    for (policy, refunded) in [("strict", None), ("flexible", Some(DEPOSIT))] {
        let product = morning().await;
        let edits = json!({"depositPercent": 30, "cancellationPolicy": policy});
        let (_, listing) = product.host_with_home("host", edits).await;
        let guest = product.somebody("guest").await;
        let booked = booked(&product, &guest, &listing, Some(TO_CONFIRM)).await;
        assert_eq!(booked["payment"]["status"], "requires_action");
        let order = json!({"clientSecret": booked["payment"]["clientSecret"], "outcome": "succeed"});
        product.anybody().post("/_local/payments/authenticate", &order).await.expect(200);
        product.advance(5).await;
        product.drain().await;
        assert_eq!(taken(&product, &booked).await, DEPOSIT);
        days(&product, 20).await;
        let paid = pay(&product, &guest, &booked, VISA.unwrap(), "balance").await.expect(200);
        assert!(paid["payment"].get("balance").is_none(), "{paid}");
        assert_eq!(taken(&product, &booked).await, PRICE);

        let id = booked["id"].as_str().unwrap();
        // The bank takes the second payment back.
        let order = json!({"bookingId": id, "outcome": "lost"});
        product.anybody().post("/_local/payments/disputes", &order).await.expect(200);
        product.advance(2).await;
        product.drain().await;
        days(&product, 15).await;
        let path = format!("/v1/bookings/{id}/cancel");
        let cancelled = product.again(&guest).post(&path, &json!({})).await.expect(200);
        assert_eq!(cancelled["status"], "cancelled");
        let taken = [("capture".into(), -DEPOSIT), ("capture".into(), -BALANCE)];
        let refunded = refunded.map(|amount| ("refund".into(), amount));
        let returned = [("dispute_lost".into(), BALANCE)].into_iter().chain(refunded);
        let expected: Vec<_> = taken.into_iter().chain(returned).collect();
        assert_eq!(movements(&product.again(&guest), id).await, expected, "{policy}");
    }
}

/// The same day and card are the deposit that the bank's word has made meanwhile; another card is meant for the
/// balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_comes_back_from_his_bank_is_told_of_his_deposit_and_charged_nothing_more() {
    for (card, expected) in [(TO_CONFIRM, DEPOSIT), (VISA.unwrap(), PRICE)] {
        let product = morning().await;
        let (_, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
        let guest = product.somebody("guest").await;
        let booked = booked(&product, &guest, &listing, Some(TO_CONFIRM)).await;
        let order = json!({"clientSecret": booked["payment"]["clientSecret"], "outcome": "succeed"});
        product.anybody().post("/_local/payments/authenticate", &order).await.expect(200);
        product.advance(5).await;
        product.drain().await;
        assert_eq!(taken(&product, &booked).await, DEPOSIT);
        product.advance(16 * 60).await;
        let paid = pay(&product, &guest, &booked, card, "back").await.expect(200);
        let stands = (&paid["status"], &paid["payment"]["status"]);
        assert_eq!(stands, (&json!("confirmed"), &json!("captured")), "{card}");
        assert_eq!(taken(&product, &booked).await, expected, "{card}");
    }
}

/// A balance that would be due within a day is none; a quote of a moment ago stands all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_is_paid_as_it_was_quoted_though_its_balance_has_come_near() {
    let product = morning().await;
    let (host, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let (first, last) = (product.day(16), product.day(19));
    let early = product.one_of_a_crowd(1).quote(&listing, first, last).await.expect(201);
    let due: jiff::Timestamp = early["paymentPlan"]["balanceDueAt"].as_str().unwrap().parse().unwrap();
    // Ten minutes more than a day before it is due.
    let now = due - jiff::SignedDuration::from_mins(24 * 60 + 10);
    product.anybody().post("/_local/clock", &json!({ "now": now })).await.expect(200);
    let guest = product.one_of_a_crowd(1);
    let quote = guest.quote(&listing, first, last).await.expect(201);
    assert_eq!(quote["paymentPlan"]["deposit"]["amount"], DEPOSIT, "{quote}");
    product.advance(14 * 60).await;
    let guest = product.again(&guest);
    let made = guest.book_quote(&quote["quoteId"], VISA, "k").await.expect(201);
    assert_eq!(taken(&product, &made).await, DEPOSIT);
    let other = product.home_of(&product.again(&host), json!({"depositPercent": 30})).await;
    let late = guest.quote(&other, first, last).await.expect(201);
    assert!(late.get("paymentPlan").is_none(), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_soon_and_what_is_asked_for_is_paid_in_full() {
    let product = morning().await;
    let edits = json!({"depositPercent": 30, "instantBook": false});
    let (host, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
    let asked = product.home_of(&host, edits).await;
    let guest = product.somebody("guest").await;
    for (listing, first) in [(&listing, 14), (&asked, 40)] {
        let quote = guest.quote(listing, product.day(first), product.day(first + 3)).await.expect(201);
        assert!(quote.get("paymentPlan").is_none(), "{quote}");
        let made = guest.book_quote(&quote["quoteId"], VISA, &first.to_string()).await.expect(201);
        if made["status"] == "requested" {
            let path = format!("/v1/bookings/{}/accept", made["id"].as_str().unwrap());
            host.post(&path, &json!({})).await.expect(200);
        }
        assert_eq!(taken(&product, &made).await, PRICE);
    }
    // A hold that is paid is paid in two as well.
    let held = booked(&product, &product.one_of_a_crowd(3), &listing, None).await;
    assert_eq!(taken(&product, &held).await, 0);
}

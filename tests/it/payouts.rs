//! What a stay earns goes to its host: a day after check-in, once, to his own account.

use crate::disputes::dispute;
use crate::issues::{admin, appoint, issues};
use crate::money::movements;
use roost::booking::Booking;
use roost::money::{Currency, Money};
use roost::payment::{Transfer, Transferred};
use roost_tests::{Caller, Product, VISA, handle};
use serde_json::{Value, json};

/// The host's account is opened and onboarded on the provider's own page.
pub(crate) async fn onboarded(product: &Product, host: &Caller) {
    let opened = host.post("/v1/hosts/me/payout-account", &json!({})).await.expect(200);
    assert_eq!(opened["status"], "pending", "{opened}");
    let page = opened["onboardingUrl"].as_str().unwrap().to_owned();
    let path = page.strip_prefix(&product.stack.url()).expect("a page of the stack's provider");
    assert_eq!(product.anybody().get(path).await.status, 303);
    let again = host.post("/v1/hosts/me/payout-account", &json!({})).await.expect(200);
    assert_eq!(again["status"], "active", "{again}");
}

/// Stays that are booked and charged, from one day to another each; their ids.
async fn stays(product: &Product, guest: &Caller, listing: &str, days: &[(i64, i64)]) -> Vec<String> {
    let mut stays = Vec::new();
    for (first, last) in days {
        let key = first.to_string();
        let made = guest.book(listing, product.day(*first), product.day(*last), VISA, &key).await.expect(201);
        stays.push(made["id"].as_str().unwrap().to_owned());
    }
    stays
}

async fn payouts(host: &Caller) -> Vec<Value> {
    host.get("/v1/hosts/me/payouts").await.expect(200)["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_paid_a_day_after_check_in_once_and_never_anothers() {
    let product = Product::start().await;
    let (anna, home) = product.host_with_home("anna", json!({})).await;
    let (bert, other) = product.host_with_home("bert", json!({})).await;
    let guest = product.somebody("guest").await;
    let mut bookings = Vec::new();
    for listing in [&home, &other] {
        let made = guest.book(listing, product.day(6), product.day(8), VISA, listing).await.expect(201);
        bookings.push(made["id"].as_str().unwrap().to_owned());
    }
    onboarded(&product, &anna).await;
    product.advance(6 * 86_400).await;
    product.run("advance-stays").await;
    product.advance(86_400 / 2).await;
    product.run("advance-stays").await;
    let (anna, bert) = (product.again(&anna), product.again(&bert));
    let scheduled = payouts(&anna).await;
    assert_eq!(scheduled.len(), 1, "{scheduled:?}");
    // Two nights of 100 and the cleaning of 25.
    assert_eq!(
        (&scheduled[0]["status"], &scheduled[0]["amount"]["amount"]),
        (&json!("scheduled"), &json!(22_500))
    );
    assert_eq!(product.ledger("transfer", "succeeded").await, Vec::<Value>::new());

    product.advance(2 * 86_400).await;
    let order = json!({"operation": "transfer", "fault": "timeout_after", "times": 3});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    for _ in 0..3 {
        product.run("advance-stays").await;
    }
    let (anna, bert) = (product.again(&anna), product.again(&bert));
    let transfers = product.ledger("transfer", "succeeded").await;
    assert_eq!(transfers.len(), 1, "{transfers:?}");
    assert_eq!(
        (&transfers[0]["bookingId"], &transfers[0]["amount"]["amount"]),
        (&json!(bookings[0]), &json!(22_500))
    );
    let paid = payouts(&anna).await;
    assert_eq!((&paid[0]["id"], &paid[0]["status"]), (&scheduled[0]["id"], &json!("paid")));
    // A host without an account loses nothing: it waits for him.
    let waiting = payouts(&bert).await;
    assert_eq!((waiting.len(), &waiting[0]["status"]), (1, &json!("waiting_for_account")), "{waiting:?}");
    onboarded(&product, &bert).await;
    product.advance(86_400 + 1).await;
    product.run("advance-stays").await;
    let bert = product.again(&bert);
    assert_eq!(payouts(&bert).await[0]["status"], "paid");
    let earned = bert.get(&format!("/v1/bookings/{}/payments", bookings[1])).await.expect(200);
    assert_eq!(earned["balance"]["amount"], 0, "{earned}");
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_owes_for_stays_that_he_called_off_is_kept_of_his_next_payouts() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    // The penalty is a tenth of 22 nights and the cleaning.
    let stays = stays(&product, &guest, &listing, &[(30, 52), (6, 8), (10, 12)]).await;
    for _ in 0..2 {
        host.post(&format!("/v1/bookings/{}/cancel", stays[0]), &json!({})).await.expect(200);
    }
    let called_off = host.get(&format!("/v1/bookings/{}/payments", stays[0])).await.expect(200);
    assert_eq!(called_off["balance"]["amount"], -22_250, "{called_off}");
    product.advance(8 * 86_400).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    product.advance(4 * 86_400).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    let sent: Vec<Value> = product.ledger("transfer", "succeeded").await;
    let sent: Vec<i64> = sent.iter().map(|entry| entry["amount"]["amount"].as_i64().unwrap()).collect();
    assert_eq!(sent, [250, 22_500], "22,250 of the first, nothing of the second");
    let host = product.again(&host);
    let listed = payouts(&host).await;
    let first = listed.iter().find(|payout| payout["bookingId"] == stays[1]).unwrap();
    assert_eq!((&first["status"], &first["amount"]["amount"]), (&json!("paid"), &json!(250)));
    assert_eq!(first["withheld"]["amount"], 22_250, "{first}");
    assert!(listed.iter().filter(|payout| payout["withheld"].is_object()).count() == 1, "{listed:?}");
    let kept = host.get(&format!("/v1/bookings/{}/payments", stays[1])).await.expect(200);
    assert_eq!(kept["balance"]["amount"], 0, "{kept}");

    // The bank takes the stay back that paid for it: he owes that part again, and the rest is fetched.
    dispute(&product, &stays[1], "lost").await;
    let kept = product.again(&host).get(&format!("/v1/bookings/{}/payments", stays[1])).await.expect(200);
    assert_eq!(kept["balance"]["amount"], 0, "{kept}");
    let guest = product.again(&guest);
    let last = guest.book(&listing, product.day(6), product.day(8), VISA, "last").await.expect(201);
    product.advance(8 * 86_400).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    let listed = payouts(&product.again(&host)).await;
    let last = listed.iter().find(|payout| payout["bookingId"] == last["id"]).unwrap();
    let is = (&last["status"], &last["amount"]["amount"], &last["withheld"]["amount"]);
    assert_eq!(is, (&json!("paid"), &json!(250), &json!(22_250)), "{listed:?}");
    product.run("reconcile").await;
    let report = admin(&product).await.get("/v1/admin/reconciliations/latest").await.expect(200);
    assert_eq!(report["count"], 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_account_that_was_closed_is_replaced() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    guest.book(&listing, product.day(6), product.day(8), VISA, "k").await.expect(201);
    product.close_payout_account(&host).await;

    product.advance(8 * 86_400).await;
    product.run("advance-stays").await;
    let host = product.again(&host);
    assert_eq!(payouts(&host).await[0]["status"], "waiting_for_account");
    onboarded(&product, &host).await;
    product.advance(86_400 + 1).await;
    product.run("advance-stays").await;
    assert_eq!(payouts(&product.again(&host)).await[0]["status"], "paid");
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_transfer_ends_in_one() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    let faults = ["decline", "error500", "timeout_before", "timeout_after", "rate_limited", "down"];
    for (number, fault) in (0_i64..).zip(faults) {
        let (check_in, check_out) = (product.day(6 + 2 * number), product.day(8 + 2 * number));
        guest.book(&listing, check_in, check_out, VISA, fault).await.expect(201);
    }
    product.advance(30 * 86_400).await;
    // What is not said to be done is tried again, whatever the number: each order is for all of them.
    for fault in faults {
        let order = json!({"operation": "transfer", "fault": fault, "times": 40});
        product.anybody().post("/_local/payments/faults", &order).await.expect(200);
        product.run("advance-stays").await;
        product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
        // From the fourth try on it rests, for longer and longer.
        product.advance(5 * 60).await;
    }
    product.run("advance-stays").await;
    let mut paid: Vec<String> = product
        .ledger("transfer", "succeeded")
        .await
        .iter()
        .map(|entry| entry["bookingId"].to_string())
        .collect();
    assert_eq!(paid.len(), faults.len(), "{paid:?}");
    paid.sort_unstable();
    paid.dedup();
    assert_eq!(paid.len(), faults.len(), "one for each stay: {paid:?}");
    let listed = payouts(&product.again(&host)).await;
    assert!(listed.iter().all(|payout| payout["status"] == "paid"), "{listed:?}");
}

/// Two runs of the schedule at once, and what the second does just before the first writes what it is to send, or
/// what it has sent: all of it and more, or that nothing was sent, as it was when it asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_paid_once_by_two_runs_at_once() {
    for (earlier, asks) in [(0, false), (1, false), (1, true)] {
        let product = Product::start().await;
        let (host, listing) = product.host_with_home("host", json!({})).await;
        onboarded(&product, &host).await;
        let guest = product.one_of_a_crowd(1);
        let made = guest.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        product.advance(5 * 86_400 + 12 * 3600).await;
        product.run("advance-stays").await;
        product.advance(86_400).await;
        let (app, clock, booking) = (product.stack.app(), product.anybody(), id.parse().unwrap());
        product.before_write("advance-stays", earlier, async move {
            if asks {
                let begun = app.store.booking(booking).await.unwrap().unwrap();
                let not_sent = Booking { sending: 0, ..begun.clone() };
                app.store.advance(&begun, not_sent).await.unwrap();
                return;
            }
            for _ in 0..2 {
                handle(&app, "advance-stays", &json!({})).await.unwrap();
                clock.post("/_local/clock", &json!({"advanceSeconds": 3 * 86_400})).await.expect(200);
            }
        });
        product.run("advance-stays").await;
        let host = product.again(&host);
        let payouts: Vec<_> = payouts(&host).await.iter().map(|payout| payout["status"].clone()).collect();
        assert_eq!(payouts, ["paid"]);
        assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
        let moved = movements(&host, &id).await;
        assert_eq!(moved, [("capture".into(), 32_500), ("payout".into(), -32_500)], "{earlier} {asks}");
    }
}

/// It was sent and not said to be: however the host stands by then, that is what he has got.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_to_a_host_is_followed_whatever_he_owes_and_wherever_he_banks_since() {
    for has_closed in [true, false] {
        let product = Product::start().await;
        let (host, listing) = product.host_with_home("host", json!({})).await;
        onboarded(&product, &host).await;
        let guest = product.one_of_a_crowd(1);
        let stays = stays(&product, &guest, &listing, &[(6, 8), (30, 52)]).await;
        product.advance(8 * 86_400).await;
        let order = json!({"operation": "transfer", "fault": "timeout_after", "times": 40});
        product.anybody().post("/_local/payments/faults", &order).await.expect(200);
        product.run("advance-stays").await;
        product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
        let host = product.again(&host);
        if has_closed {
            product.close_payout_account(&host).await;
        } else {
            host.post(&format!("/v1/bookings/{}/cancel", stays[1]), &json!({})).await.expect(200);
        }
        product.run("advance-stays").await;
        let moved = movements(&host, &stays[0]).await;
        assert_eq!(moved, [("capture".into(), 22_500), ("payout".into(), -22_500)], "{has_closed}");
        assert_eq!(payouts(&host).await[0]["status"], "paid", "{has_closed}");
        assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
    }
}

/// What was kept of a payout for his debt is owed again when that payout was never made, since the guest's bank has
/// taken the money of the stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_payout_that_was_not_made_had_paid_of_a_debt_is_owed_again() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    let stays = stays(&product, &guest, &listing, &[(30, 52), (6, 8), (10, 12)]).await;
    host.post(&format!("/v1/bookings/{}/cancel", stays[0]), &json!({})).await.expect(200);
    product.advance(8 * 86_400).await;
    let order = json!({"operation": "transfer", "fault": "timeout_before", "times": 40});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    product.run("advance-stays").await;
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    dispute(&product, &stays[1], "lost").await;
    product.advance(31 * 60).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
        product.run("recover-payments").await;
    }
    product.advance(4 * 86_400).await;
    product.run("advance-stays").await;
    let listed = payouts(&product.again(&host)).await;
    let (paid, withheld) = (&listed[0]["amount"]["amount"], &listed[0]["withheld"]["amount"]);
    assert_eq!((listed.len(), paid, withheld), (1, &json!(250), &json!(22_250)), "{listed:?}");
    assert_eq!(listed[0]["bookingId"], stays[2]);
}

/// What the provider refuses, the account being closed, is not on its way: it is sent anew to the host's next account,
/// less what he owes by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_was_refused_begins_anew() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    let stays = stays(&product, &guest, &listing, &[(6, 8), (30, 52)]).await;
    product.advance(8 * 86_400).await;
    let order = json!({"operation": "transfer", "fault": "timeout_before", "times": 40});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    product.run("advance-stays").await;
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    let host = product.again(&host);
    product.close_payout_account(&host).await;
    product.run("advance-stays").await;
    assert_eq!(issues(&product).await[0]["step"], "payout");
    host.post(&format!("/v1/bookings/{}/cancel", stays[1]), &json!({})).await.expect(200);
    onboarded(&product, &host).await;
    let path = format!("/v1/admin/payment-issues/{}/resolve", stays[0]);
    admin(&product).await.post(&path, &json!({"note": "He has another account."})).await.expect(200);
    product.run("advance-stays").await;
    let payout = &payouts(&host).await[0];
    let is = (&payout["status"], &payout["amount"]["amount"], &payout["withheld"]["amount"]);
    assert_eq!(is, (&json!("paid"), &json!(250), &json!(22_250)), "{payout}");
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
}

/// The guest first: what a host is fined for a stay that he called off is entered once everything has gone back, by the
/// payment that was the last.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_fined_once_when_his_guest_has_his_money_back() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let held = guest.book(&listing, product.day(30), product.day(52), None, "hold").await.expect(201);
    let id = held["id"].as_str().unwrap();
    for (card, status) in [("pm_card_chargeDeclined", 402), ("pm_nobody", 402), (VISA.unwrap(), 200)] {
        assert_eq!(guest.pay(id, card, card).await.status, status);
    }
    let order = json!({"operation": "refund", "fault": "timeout_before", "times": 40});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    host.post(&format!("/v1/bookings/{id}/cancel"), &json!({})).await.expect(200);
    assert_eq!(movements(&host, id).await, [("capture".into(), 222_500)]);
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    product.advance(121).await;
    product.run("recover-payments").await;
    let host = product.again(&host);
    let expected = [("capture".into(), 222_500), ("refund".into(), -222_500), ("penalty".into(), -22_250)];
    assert_eq!(movements(&host, id).await, expected);
    let items = host.get(&format!("/v1/bookings/{id}/payments")).await.expect(200)["items"].clone();
    assert_eq!(items[2]["id"], items[0]["id"], "{items}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_comes_after_it_was_asked_about_is_entered_and_taken_back() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    let stays = stays(&product, &guest, &listing, &[(6, 8), (8, 10)]).await;
    product.advance(10 * 86_400).await;
    let order = json!({"operation": "transfer", "fault": "timeout_before", "times": 40});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    product.run("advance-stays").await;
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    for stay in &stays {
        dispute(&product, stay, "lost").await;
    }
    // Told that neither was sent, while the call of a run that ended, and had not read of the dispute, is on its way.
    product.run("advance-stays").await;
    let host = product.again(&host);
    let due = payouts(&host).await;
    let late = due.iter().find(|payout| payout["bookingId"] == stays[0]).unwrap();
    let app = product.stack.app();
    let text = |field: &str| late[field].as_str().unwrap();
    let transfer = Transfer {
        payout: text("id").parse().unwrap(),
        booking: text("bookingId").parse().unwrap(),
        from: None,
        amount: Money { amount: 22_500, currency: Currency::of("EUR").unwrap() },
        account: app.store.payout_account(host.id.parse().unwrap()).await.unwrap().unwrap().account,
    };
    assert!(matches!(app.payouts().unwrap().transfer(&transfer).await, Transferred::Done));

    product.advance(31 * 60).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    let moved = async |stay: &str| movements(&product.again(&host), stay).await;
    assert_eq!(
        moved(&stays[0]).await,
        [
            ("capture".to_owned(), 22_500),
            ("dispute_lost".to_owned(), -22_500),
            ("payout".to_owned(), -22_500),
            ("reversal".to_owned(), 22_500)
        ]
    );
    assert_eq!(
        moved(&stays[1]).await,
        [("capture".to_owned(), 22_500), ("dispute_lost".to_owned(), -22_500)]
    );
    assert_eq!(payouts(&product.again(&host)).await, Vec::<Value>::new());
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
    product.run("reconcile").await;
    let report = admin(&product).await.get("/v1/admin/reconciliations/latest").await.expect(200);
    assert_eq!(report["count"], 0, "{report}");
}

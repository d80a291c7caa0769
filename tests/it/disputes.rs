//! A guest's bank takes money back: the host is not paid out of it meanwhile, and gives his share back if the
//! bank decides for the guest.

use roost_tests::{Product, VISA};
use serde_json::json;

use crate::balance::{BALANCE, DEPOSIT, booked, days, pay};
use crate::issues::{appoint, issues};
use crate::money::{morning, movements};
use crate::payouts::onboarded;
use crate::reconciliation::{reconciled, store};

/// What a guest's bank does about a stay, and the provider tells of.
pub(crate) async fn dispute(product: &Product, booking: &str, outcome: &str) {
    let order = json!({"bookingId": booking, "outcome": outcome});
    product.anybody().post("/_local/payments/disputes", &order).await.expect(200);
    product.advance(2).await;
    product.drain().await;
}

/// The subjects of what a host was written about disputes, oldest first.
async fn letters(product: &Product) -> Vec<String> {
    let mails = product.anybody().get("/_local/mail?to=host@example.com").await.expect(200);
    let subjects =
        mails["items"].as_array().unwrap().iter().rev().map(|mail| mail["subject"].as_str().unwrap());
    let about = |subject: &str| subject.to_lowercase().contains("dispute");
    subjects
        .filter(|subject| about(subject))
        .map(|subject| subject.split(':').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_keeps_the_payout_back_until_it_is_decided_however_often_it_is_told() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    onboarded(&product, &host).await;
    let guest = product.somebody("guest").await;
    product
        .anybody()
        .post("/_local/payments/webhooks", &json!({"copies": 3, "order": "random"}))
        .await
        .expect(200);
    let mut bookings = Vec::new();
    for first in [6, 8] {
        let key = first.to_string();
        let made =
            guest.book(&listing, product.day(first), product.day(first + 2), VISA, &key).await.expect(201);
        bookings.push(made["id"].as_str().unwrap().to_owned());
    }
    let price = -movements(&guest, &bookings[0]).await[0].1;
    for booking in &bookings {
        dispute(&product, booking, "open").await;
    }
    for _ in 0..12 {
        product.advance(86_400).await;
        product.run("advance-stays").await;
    }
    assert_eq!(
        product.ledger("transfer", "succeeded").await.len(),
        0,
        "nobody is paid out of what a bank has"
    );
    dispute(&product, &bookings[0], "won").await;
    dispute(&product, &bookings[1], "lost").await;
    product.run("advance-stays").await;
    let transfers = product.ledger("transfer", "succeeded").await;
    assert_eq!(transfers.len(), 1, "{transfers:?}");
    assert_eq!(transfers[0]["bookingId"], bookings[0]);
    let (host, guest) = (product.again(&host), product.again(&guest));
    assert_eq!(movements(&guest, &bookings[0]).await, [("capture".into(), -price)]);
    assert_eq!(
        movements(&guest, &bookings[1]).await,
        [("capture".into(), -price), ("dispute_lost".into(), price)]
    );
    assert_eq!(
        movements(&host, &bookings[1]).await,
        [("capture".into(), 22_500), ("dispute_lost".into(), -22_500)]
    );
    let opened = "Payment disputed".to_owned();
    let decided = |whom: &str| format!("Dispute decided for {whom}");
    assert_eq!(letters(&product).await, [opened.clone(), opened, decided("you"), decided("the guest")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_out_before_a_lost_dispute_is_taken_back_once() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    onboarded(&product, &host).await;
    let guest = product.somebody("guest").await;
    let made = guest.book(&listing, product.day(6), product.day(8), VISA, "k").await.expect(201);
    let booking = made["id"].as_str().unwrap().to_owned();
    product.advance(8 * 86_400).await;
    product.run("advance-stays").await;
    assert_eq!(product.ledger("transfer", "succeeded").await.len(), 1);
    let order = json!({"operation": "transfer", "fault": "timeout_after", "times": 1});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    dispute(&product, &booking, "lost").await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    assert_eq!(product.ledger("reversal", "succeeded").await.len(), 1);
    // Opened and decided within a moment: the host reads of its end once.
    let decided = letters(&product).await;
    let end = "Dispute decided for the guest";
    assert_eq!(decided.iter().filter(|subject| *subject == end).count(), 1, "{decided:?}");
    let host = product.again(&host);
    assert_eq!(
        movements(&host, &booking).await,
        [
            ("capture".into(), 22_500),
            ("payout".into(), -22_500),
            ("dispute_lost".into(), -22_500),
            ("reversal".into(), 22_500),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_and_is_entered_days_later_is_in_both_books() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.somebody("guest").await;
    let made = guest.book(&listing, product.day(6), product.day(8), VISA, "k").await.expect(201);
    product.advance(8 * 86_400).await;
    product.run("advance-stays").await;
    dispute(&product, made["id"].as_str().unwrap(), "lost").await;
    // It was entered three days after it was made: longer than the provider's book is read back.
    let later = 3 * 86_400;
    let key = json!({"booking": {"S": made["id"]}, "item": {"S": "ledger#000005"}});
    let read = json!({"TableName": "roost-bookings", "Key": key});
    let mut entry = store(&product, "GetItem", read).await["Item"].clone();
    assert_eq!(entry["movement"], json!({"S": "reversal"}), "{entry}");
    let at: i64 = entry["at"]["N"].as_str().unwrap().parse().unwrap();
    entry["at"] = json!({"N": (at + later * 1_000).to_string()});
    store(&product, "PutItem", json!({"TableName": "roost-bookings", "Item": entry})).await;
    product.advance(later + 3 * 3_600).await;
    let report = reconciled(&product).await;
    assert_eq!(report["differences"], json!([]), "{report}");
    assert_eq!(report["checked"]["movements"], 0, "all are older: {report}");
}

/// Deposit and balance are two charges, and the bank may want both back: one after the other, whenever it says so,
/// and whichever end is told of first.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_dispute_of_a_stay_waits_for_the_first_and_keeps_the_payout_back_after_it() {
    for ends_reversed in [false, true] {
        let product = morning().await;
        appoint(&product).await;
        let (host, listing) = product.host_with_home("host", json!({"depositPercent": 30})).await;
        onboarded(&product, &host).await;
        let guest = product.somebody("guest").await;
        let booked = booked(&product, &guest, &listing, VISA).await;
        days(&product, 1).await;
        pay(&product, &guest, &booked, VISA.unwrap(), "balance").await.expect(200);
        let id = booked["id"].as_str().unwrap();
        dispute(&product, id, "open").await;
        let told = async |order: &str| {
            let order = json!({"copies": 2, "order": order});
            product.anybody().post("/_local/payments/webhooks", &order).await.expect(200);
        };
        told("random").await;
        assert_eq!(issues(&product).await.len(), 1, "an operator is told");
        dispute(&product, id, "another").await;
        let noted = issues(&product).await;
        assert_eq!((noted.len(), &noted[0]["bookingId"]), (1, &booked["id"]));
        assert!(noted[0].to_string().contains("another was opened"), "{noted:?}");
        if ends_reversed {
            told("reversed").await;
            let won = json!({"bookingId": id, "outcome": "won"});
            product.anybody().post("/_local/payments/disputes", &won).await.expect(200);
        } else {
            dispute(&product, id, "won").await;
            // The stay is over, and its payout due; the second is open still, and closes nothing by itself.
            days(&product, 46).await;
            assert_eq!(product.ledger("transfer", "succeeded").await.len(), 0);
        }
        dispute(&product, id, "lost").await;
        assert_eq!(issues(&product).await.len(), 0, "both are decided");
        days(&product, 47).await;
        let guest = product.again(&guest);
        assert_eq!(
            movements(&guest, id).await,
            [("capture".into(), -DEPOSIT), ("capture".into(), -BALANCE), ("dispute_lost".into(), DEPOSIT)]
        );
        let paid_out: Vec<_> = movements(&product.again(&host), id).await.into_iter().skip(2).collect();
        assert_eq!(paid_out, [("dispute_lost".into(), -9_750), ("payout".into(), -22_750)]);
    }
}

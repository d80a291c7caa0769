//! The daily reconciliation: books that agree have no difference, and each that is broken is named.

use roost_tests::{Product, VISA};
use serde_json::{Value, json};

use crate::issues::{admin, appoint};
use crate::payouts::onboarded;

const LATEST: &str = "/v1/admin/reconciliations/latest";

/// What a run finds now.
pub(crate) async fn reconciled(product: &Product) -> Value {
    product.run("reconcile").await;
    admin(product).await.get(LATEST).await.expect(200)
}

/// The kinds of a report's differences of a booking, sorted.
fn kinds(report: &Value, booking: &str) -> Vec<String> {
    let all = report["differences"].as_array().unwrap().iter();
    let own = all.filter(|difference| difference["bookingId"] == booking);
    let mut kinds: Vec<String> = own.map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

/// What the store answers when it is asked past the product.
pub(crate) async fn store(product: &Product, call: &str, body: Value) -> Value {
    let answer = product
        .stack
        .engine()
        .answer(&format!("DynamoDB_20120810.{call}"), body.to_string().as_bytes())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_agree_have_no_difference_and_only_an_administrator_sees_so() {
    let product = Product::start().await;
    let (host, home) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    let admin = admin(&product).await;
    assert_eq!(admin.get(LATEST).await.problem(404), "not_found");
    let guest = product.somebody("guest").await;
    assert_eq!(guest.get(LATEST).await.problem(403), "forbidden");
    assert_eq!(product.anybody().get(LATEST).await.status, 401);

    // One charged now, one held until its check-in, one called off, and a hold that nobody pays.
    let mut bookings = Vec::new();
    for (key, first, card) in [("now", 20, VISA), ("later", 2, VISA), ("off", 30, VISA), ("hold", 40, None)] {
        let made = guest.book(&home, product.day(first), product.day(first + 3), card, key).await.expect(201);
        bookings.push(made["id"].as_str().unwrap().to_owned());
    }
    guest.post(&format!("/v1/bookings/{}/cancel", bookings[2]), &json!({})).await.expect(200);
    product.advance(60).await;
    product.drain().await;
    let report = reconciled(&product).await;
    assert_eq!((&report["differences"], &report["count"]), (&json!([]), &json!(0)), "{report}");
    assert_eq!(report["checked"]["bookings"], 4, "{report}");
    assert_eq!(report["checked"]["movements"], 3, "two captures and a refund: {report}");

    // Four days later the nearer stay is charged and paid out, and both books are old enough to compare.
    onboarded(&product, &host).await;
    for _ in 0..4 {
        product.advance(86_400).await;
        product.run("expire-bookings").await;
        product.run("advance-stays").await;
    }
    product.drain().await;
    product.advance(3 * 3_600).await;
    let later = reconciled(&product).await;
    assert_eq!(later["differences"], json!([]), "{later}");
    assert!(later["at"].as_str() > report["at"].as_str(), "{later}");
    assert_eq!(later["checked"]["entries"], 5, "three captures, a refund and a payout: {later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_book_is_named_in_the_next_report() {
    let product = Product::start().await;
    let (_, home) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    let guest = product.somebody("guest").await;
    let mut bookings = Vec::new();
    for number in 0..4 {
        let (first, end) = (product.day(20 + 5 * number), product.day(23 + 5 * number));
        let made = guest.book(&home, first, end, VISA, &number.to_string()).await.expect(201);
        bookings.push(made["id"].as_str().unwrap().to_owned());
    }
    let [no_entry, no_night, wrong_taken, stray] = bookings.as_slice() else { panic!("four bookings") };
    product.drain().await;

    // A ledger's entry is gone: from the booking's count, and for the provider's book.
    let key = json!({"booking": {"S": no_entry}, "item": {"S": "ledger#000001"}});
    store(&product, "DeleteItem", json!({"TableName": "roost-bookings", "Key": key})).await;
    // A night is gone, one is taken twice, and one past the end of a stay is taken.
    let night = |day: i64| json!({"unit": {"S": home.replace("lst_", "unt_")}, "date": {"S": product.day(day).to_string()}});
    let claims_of = async |day: i64| {
        let found = store(&product, "GetItem", json!({"TableName": "roost-nights", "Key": night(day)})).await;
        found["Item"]["bookings"].clone()
    };
    let claim = claims_of(35).await;
    store(&product, "DeleteItem", json!({"TableName": "roost-nights", "Key": night(26)})).await;
    let mut past = night(38);
    past["bookings"] = claim;
    store(&product, "PutItem", json!({"TableName": "roost-nights", "Item": past})).await;
    // A booking says that less was taken of the guest than its ledger does.
    let key = json!({"booking": {"S": wrong_taken}, "item": {"S": "booking"}});
    let update = json!({"TableName": "roost-bookings", "Key": key,
        "UpdateExpression": "SET taken = :taken", "ExpressionAttributeValues": {":taken":
            {"L": [{"N": "30000"}, {"N": "2500"}, {"N": "1"}]}}});
    store(&product, "UpdateItem", update).await;

    product.advance(3 * 3_600).await;
    let report = reconciled(&product).await;
    assert_eq!(kinds(&report, no_entry), ["missing_entry", "missing_from_ledger"], "{report}");
    assert_eq!(kinds(&report, no_night), ["missing_claim"], "{report}");
    assert_eq!(kinds(&report, wrong_taken), ["wrong_amount", "wrong_sum"], "{report}");
    assert_eq!(kinds(&report, stray), ["stray_claim"], "{report}");
    assert_eq!(report["count"], 6, "{report}");
    let differences = report["differences"].as_array().unwrap();
    let found = differences.iter().find(|one| one["kind"] == "stray_claim").unwrap();
    assert_eq!(found["date"], product.day(38).to_string(), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_in_the_report_and_keeps_nothing_else_from_it() {
    let product = Product::start().await;
    let (_, home) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    let guest = product.somebody("guest").await;
    let made = guest.book(&home, product.day(20), product.day(22), VISA, "k").await.expect(201);
    let booking = made["id"].as_str().unwrap();
    let key = json!({"booking": {"S": booking}, "item": {"S": "ledger#000001"}});
    store(&product, "DeleteItem", json!({"TableName": "roost-bookings", "Key": key})).await;
    let order = json!({"fault": "down", "times": 40});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    let report = reconciled(&product).await;
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    assert_eq!(kinds(&report, booking), ["missing_entry"], "{report}");
    let all = report["differences"].as_array().unwrap();
    assert!(all.iter().any(|one| one["kind"] == "provider_unreachable"), "{report}");
}

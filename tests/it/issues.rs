//! Money that does not get where it should: tried again by itself after growing pauses, then an operator's,
//! who sees what happened and says what was done.

use roost_tests::{Caller, Product, VISA};
use serde_json::{Value, json};

use crate::payouts::onboarded;

const ISSUES: &str = "/v1/admin/payment-issues";

/// Makes somebody an administrator.
pub(crate) async fn appoint(product: &Product) {
    product.somebody("ada").await;
    let grant = json!({"email": "ada@example.com", "roles": ["admin"]});
    assert!(product.anybody().post("/_local/roles", &grant).await.status < 300);
}

/// The administrator, with a token of now.
pub(crate) async fn admin(product: &Product) -> Caller {
    let login = json!({"email": "ada@example.com", "password": "correct horse battery"});
    let signed_in = product.anybody().post("/v1/auth/login", &login).await.expect(200);
    product.holder(signed_in["accessToken"].as_str().unwrap())
}

pub(crate) async fn issues(product: &Product) -> Vec<Value> {
    admin(product).await.get(ISSUES).await.expect(200)["items"].as_array().unwrap().clone()
}

/// A paid booking that its guest calls off while the provider fails so.
async fn cancelled_in_vain(
    product: &Product,
    guest: &Caller,
    listing: &str,
    first: i64,
    fault: &Value,
) -> String {
    let key = first.to_string();
    let made = guest.book(listing, product.day(first), product.day(first + 2), VISA, &key).await.expect(201);
    let booking = made["id"].as_str().unwrap().to_owned();
    product.anybody().post("/_local/payments/faults", fault).await.expect(200);
    let cancelled = guest.post(&format!("/v1/bookings/{booking}/cancel"), &json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled", "its nights are free at once: {cancelled}");
    booking
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_again_and_again_is_told_with_its_history_and_crossed_off_when_it_is_done() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    let guest = product.somebody("guest").await;
    assert_eq!(guest.get(ISSUES).await.problem(403), "forbidden");
    // A webhook of the charge would have the refund tried once more, at a moment of its own.
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    let fault = json!({"operation": "refund", "fault": "timeout_before", "times": 1000});
    let booking = cancelled_in_vain(&product, &guest, &listing, 20, &fault).await;
    // Until it is surely nobody else's who is at it.
    product.advance(121).await;
    let mut told = Vec::new();
    for minute in 0..10 {
        product.run("recover-payments").await;
        told.push(issues(&product).await.len());
        assert_eq!(told[minute], usize::from(minute >= 3), "{told:?}");
        product.advance(60).await;
    }
    let issue = issues(&product).await.remove(0);
    assert_eq!(
        (&issue["id"], &issue["step"], &issue["status"]),
        (&json!(booking), &json!("refund"), &json!("open"))
    );
    // By the call itself and the first three runs; then after one minute, two and four.
    assert_eq!((&issue["tries"], issue["history"].as_array().unwrap().len()), (&json!(7), 7), "{issue}");
    assert!(issue["history"][0]["detail"].as_str().unwrap().starts_with("refund: "), "{issue}");
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    product.run("recover-payments").await;
    assert_eq!(product.ledger("refund", "succeeded").await.len(), 0, "it rests");
    product.advance(8 * 60).await;
    product.run("recover-payments").await;
    assert_eq!(product.ledger("refund", "succeeded").await.len(), 1);
    assert_eq!(issues(&product).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_retry_mends_waits_for_an_operator_and_goes_on_when_he_says_so() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    let guest = product.somebody("guest").await;
    // The guest's bank has taken the money back, and nobody has told us yet: the provider will not refund it.
    product.anybody().post("/_local/payments/webhooks", &json!({"copies": 0})).await.expect(200);
    let made = guest.book(&listing, product.day(20), product.day(22), VISA, "k").await.expect(201);
    let booking = made["id"].as_str().unwrap().to_owned();
    let dispute = |outcome: &str| json!({"bookingId": booking, "outcome": outcome});
    product.anybody().post("/_local/payments/disputes", &dispute("open")).await.expect(200);
    guest.post(&format!("/v1/bookings/{booking}/cancel"), &json!({})).await.expect(200);
    let issue = issues(&product).await.remove(0);
    let (step, tries) = (&issue["step"], &issue["tries"]);
    assert_eq!((step, tries, issue.get("nextTryAt")), (&json!("refund"), &json!(1), None), "{issue}");
    product.advance(86_400).await;
    for _ in 0..2 {
        product.run("recover-payments").await;
    }
    assert_eq!(issues(&product).await[0]["tries"], 1, "nobody tries again");

    let path = format!("{ISSUES}/{booking}/resolve");
    assert_eq!(product.again(&guest).post(&path, &json!({"note": "mine"})).await.problem(403), "forbidden");
    let operator = admin(&product).await;
    let absent = format!("{ISSUES}/bkg_0000000000000000000001/resolve");
    assert_eq!(operator.post(&absent, &json!({"note": "?"})).await.problem(404), "not_found");
    assert_eq!(operator.post(&path, &json!({"note": " "})).await.status, 422);
    for _ in 0..2 {
        let resolved = operator.post(&path, &json!({"note": "The bank has given in."})).await.expect(200);
        assert_eq!(resolved["status"], "resolved");
        let last = resolved["history"].as_array().unwrap().last().unwrap()["detail"].as_str().unwrap();
        assert!(last.starts_with("resolved by usr_") && last.ends_with(": The bank has given in."), "{last}");
    }
    assert_eq!(issues(&product).await.len(), 0);
    product.anybody().post("/_local/payments/disputes", &dispute("won")).await.expect(200);
    product.run("recover-payments").await;
    assert_eq!(product.ledger("refund", "succeeded").await.len(), 1);
    assert_eq!(product.moneys().await.len(), 0);
}

/// What the hourly schedule tries rests as well, and is not tried by every run of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_fails_again_and_again_rests() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    appoint(&product).await;
    onboarded(&product, &host).await;
    let guest = product.one_of_a_crowd(1);
    guest.book(&listing, product.day(6), product.day(8), VISA, "k").await.expect(201);
    product.advance(10 * 86_400).await;
    let order = json!({"operation": "transfer", "fault": "timeout_before", "times": 1000});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    for _ in 0..7 {
        product.run("advance-stays").await;
    }
    assert_eq!(issues(&product).await.len(), 0, "the fifth try in vain would be told");
    product.advance(61).await;
    for _ in 0..2 {
        product.run("advance-stays").await;
    }
    let issue = issues(&product).await.remove(0);
    assert_eq!((&issue["step"], &issue["tries"]), (&json!("payout"), &json!(5)), "{issue}");
}

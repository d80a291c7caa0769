//! Where the host decides: asking takes no night and no money; saying yes takes both, once.

use roost_tests::{Product, VISA};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_requests_accepted_at_once_one_is_confirmed_and_the_other_declined() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let guests = [product.one_of_a_crowd(1), product.one_of_a_crowd(2)];
    let (check_in, check_out) = (product.day(5), product.day(9));
    let no_card = guests[0].book(&listing, check_in, check_out, None, "no card").await;
    assert_eq!(no_card.json["errors"][0]["pointer"], "/paymentMethodId");
    assert_eq!(no_card.problem(422), "invalid");
    let mut ids = Vec::new();
    for guest in &guests {
        let asked = guest.book(&listing, check_in, check_out, VISA, "ask").await.expect(201);
        assert_eq!((&asked["status"], &asked["payment"]["status"]), (&json!("requested"), &json!("none")));
        assert!(asked["respondBy"].is_string());
        ids.push(asked["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 0, "asking holds no money");
    let accept = async |id: &str| host.post(&format!("/v1/bookings/{id}/accept"), &json!({})).await;
    let (first, second) = futures::join!(accept(&ids[0]), accept(&ids[1]));
    let statuses = [first.status, second.status];
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{first:?} {second:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1);
    product.drain().await;
    let (winner, loser) = if first.status == 200 { (0, 1) } else { (1, 0) };
    let read = async |at: usize| guests[at].get(&format!("/v1/bookings/{}", ids[at])).await.expect(200);
    assert_eq!(read(winner).await["status"], "confirmed");
    let declined = read(loser).await;
    assert_eq!((&declined["status"], &declined["reason"]), (&json!("declined"), &json!("dates_taken")));
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);
    assert_eq!(accept(&ids[winner]).await.expect(200)["status"], "confirmed", "repeating is harmless");
    assert_eq!(accept(&ids[loser]).await.problem(409), "invalid_transition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_lapses_after_a_day_and_is_its_hosts_alone_to_answer() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let (guest, stranger) = (product.somebody("guest").await, product.somebody("stranger").await);
    let asked = guest.book(&listing, product.day(5), product.day(6), VISA, "ask").await.expect(201);
    let path = format!("/v1/bookings/{}", asked["id"].as_str().unwrap());
    assert_eq!(guest.post(&format!("{path}/accept"), &json!({})).await.problem(403), "forbidden");
    assert_eq!(stranger.post(&format!("{path}/accept"), &json!({})).await.problem(404), "not_found");
    let other = stranger.book(&listing, product.day(5), product.day(6), VISA, "ask").await.expect(201);
    let decline = format!("/v1/bookings/{}/decline", other["id"].as_str().unwrap());
    for reason in ["Family", "Friends"] {
        let declined = host.post(&decline, &json!({"reason": reason})).await.expect(200);
        assert_eq!((&declined["status"], &declined["reason"]), (&json!("declined"), &json!("Family")));
    }
    product.advance(24 * 3600).await;
    let (host, guest) = (product.again(&host), product.again(&guest));
    assert_eq!(host.post(&format!("{path}/accept"), &json!({})).await.problem(409), "invalid_transition");
    assert_eq!(guest.get(&path).await.expect(200)["status"], "expired");
    product.run("expire-bookings").await;
    assert_eq!(guest.get(&path).await.expect(200)["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_card_fails_on_acceptance_frees_its_nights() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let guest = product.somebody("guest").await;
    let asked = guest
        .book(&listing, product.day(5), product.day(6), Some("pm_card_chargeDeclined"), "ask")
        .await
        .expect(201);
    let path = format!("/v1/bookings/{}", asked["id"].as_str().unwrap());
    assert_eq!(host.post(&format!("{path}/accept"), &json!({})).await.problem(402), "payment_declined");
    assert_eq!(guest.get(&path).await.expect(200)["status"], "payment_failed");
    guest.quote(&listing, product.day(5), product.day(6)).await.expect(201);
}

/// Once it is accepted, its nights are kept as long as any payment's, not as long as the host had to answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_request_whose_payment_nobody_answers_for_frees_its_nights_within_minutes() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let (guest, other) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let asked = guest.book(&listing, product.day(5), product.day(6), VISA, "ask").await.expect(201);
    let order = json!({"fault": "timeout_before", "times": 100_000});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    let path = format!("/v1/bookings/{}", asked["id"].as_str().unwrap());
    assert_eq!(host.post(&format!("{path}/accept"), &json!({})).await.status, 503);
    product.advance(16 * 60).await;
    let seen = product.again(&guest).get(&path).await.expect(200);
    assert_eq!(seen["status"], "payment_failed");
    product.again(&other).quote(&listing, product.day(5), product.day(6)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_that_were_sold_since_the_quote_cannot_be_asked_for() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let (first, late) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let quote = late.quote(&listing, product.day(6), product.day(8)).await.expect(201);
    let asked = first.book(&listing, product.day(5), product.day(7), VISA, "ask").await.expect(201);
    let path = format!("/v1/bookings/{}/accept", asked["id"].as_str().unwrap());
    host.post(&path, &json!({})).await.expect(200);
    let refused = late.book_quote(&quote["quoteId"], VISA, "late").await;
    assert_eq!(refused.json["reasons"], json!([{"date": product.day(6), "reason": "booked"}]));
    assert_eq!(refused.problem(409), "unavailable");
    let none = late.get("/v1/bookings?role=guest").await.expect(200);
    assert_eq!(none["items"], json!([]), "nothing was made");
}

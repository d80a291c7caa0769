//! Where the host decides: asking takes no night and no money; saying yes takes both, once.

use std::sync::{Arc, Mutex};

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
    product.advance(14 * 60).await;
    let early = product.again(&other).quote(&listing, product.day(5), product.day(6)).await;
    assert_eq!(early.problem(409), "unavailable");
    product.advance(2 * 60).await;
    let seen = product.again(&guest).get(&path).await.expect(200);
    assert_eq!(seen["status"], "payment_failed");
    product.again(&other).quote(&listing, product.day(5), product.day(6)).await.expect(201);
}

/// What was asked for today for tonight can be accepted today, and not tomorrow morning, though its day is not over.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_tonight_is_accepted_today_or_never() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    for (number, hours) in [(1, 0), (2, 22)] {
        let guest = product.one_of_a_crowd(number);
        let tonight = product.day(0);
        let home = if hours == 0 {
            listing.clone()
        } else {
            product.home_of(&host, json!({"instantBook": false})).await
        };
        let asked = guest.book(&home, tonight, product.day(2), VISA, "ask").await.expect(201);
        product.advance(hours * 3600).await;
        let path = format!("/v1/bookings/{}/accept", asked["id"].as_str().unwrap());
        let accepted = product.again(&host).post(&path, &json!({})).await;
        if hours == 0 {
            assert_eq!(accepted.expect(200)["status"], "confirmed");
        } else {
            assert_eq!(accepted.json["reasons"], json!([{"date": tonight, "reason": "in_the_past"}]));
            assert_eq!(accepted.problem(409), "unavailable");
        }
    }
}

/// Another request for the nights is accepted, and all is told of that, just before this one is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_overtaken_while_it_is_made_is_declined() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let (first, late) = (product.one_of_a_crowd(1), product.one_of_a_crowd(2));
    let asked = first.book(&listing, product.day(5), product.day(7), VISA, "ask").await.expect(201);
    let (accept, events) =
        (format!("/v1/bookings/{}/accept", asked["id"].as_str().unwrap()), product.anybody());
    product.before_write("create-booking", 0, async move {
        host.post(&accept, &json!({})).await.expect(200);
        events.post("/_local/drain", &json!({})).await.expect(200);
    });
    let made = late.book(&listing, product.day(6), product.day(8), VISA, "late").await.expect(201);
    assert_eq!(made["status"], "requested");
    product.drain().await;
    let seen = late.get(&format!("/v1/bookings/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("declined"), &json!("dates_taken")));
}

/// A long stay takes its nights in several writes: meanwhile its request's key has the answer that it had.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_again_while_its_nights_are_being_taken() {
    let product = Product::start().await;
    let edits = json!({"instantBook": false, "maxNights": 365});
    let (host, listing) = product.host_with_home("host", edits).await;
    let guest = product.one_of_a_crowd(1);
    let quote = guest.quote(&listing, product.day(5), product.day(155)).await.expect(201);
    let asked = guest.book_quote(&quote["quoteId"], VISA, "ask").await.expect(201);
    let (again, answer) = (guest.clone(), Arc::new(Mutex::new(None)));
    let (id, seen) = (quote["quoteId"].clone(), answer.clone());
    product.before_write("accept-booking", 1, async move {
        *seen.lock().unwrap() = Some(again.book_quote(&id, VISA, "ask").await);
    });
    let path = format!("/v1/bookings/{}/accept", asked["id"].as_str().unwrap());
    assert_eq!(host.post(&path, &json!({})).await.expect(200)["status"], "confirmed");
    let answer = answer.lock().unwrap().take().unwrap();
    assert_eq!(answer.expect(201), asked);
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

//! Many want the same nights: none is sold twice, none is left behind, and what is free still sells.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use roost::ids::ListingId;
use roost::stay::Nights;
use roost_local::faults::StoreFault;
use roost_tests::{Product, VISA};
use serde_json::json;

use crate::reconciliation::store;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_guests_at_once_one_gets_the_night_and_one_is_charged() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let (check_in, check_out) = (product.day(3), product.day(4));
    let quote = product.anybody().quote(&listing, check_in, check_out).await.expect(201);
    let crowd = (1..=200).map(|number| product.one_of_a_crowd(number)).collect::<Vec<_>>();
    let answers = join_all(crowd.iter().map(|guest| guest.book_quote(&quote["quoteId"], VISA, "k"))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(won.len(), 1);
    assert_eq!(won[0].json["status"], "confirmed");
    for answer in lost {
        assert_eq!(
            answer.json["reasons"],
            json!([{"date": check_in, "reason": "booked"}]),
            "{}",
            answer.json
        );
        assert_eq!(answer.problem(409), "unavailable");
    }
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_ranges_never_share_a_night_and_every_gap_still_sells() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"maxNights": 365})).await;
    let mut random = fastrand::Rng::with_seed(7);
    let crowd = (1..=200).map(|number| product.one_of_a_crowd(number)).collect::<Vec<_>>();
    let firsts: Vec<i64> = crowd.iter().map(|_| random.i64(10..60)).collect();
    let answers =
        join_all(crowd.iter().zip(&firsts).map(|(guest, first)| {
            guest.book(&listing, product.day(*first), product.day(first + 3), VISA, "k")
        }))
        .await;
    let mut nights: HashMap<i64, String> = HashMap::new();
    for (answer, first) in answers.iter().zip(&firsts) {
        if answer.status == 201 {
            for night in *first..first + 3 {
                let id = answer.json["id"].as_str().unwrap().to_owned();
                assert_eq!(nights.insert(night, id), None, "night {night} was sold twice");
            }
        } else {
            assert_eq!(answer.clone().problem(409), "unavailable");
        }
    }
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), nights.len() / 3);
    let calendar =
        format!("/v1/listings/{listing}/calendar?startDate={}&endDate={}", product.day(10), product.day(63));
    for night in host.get(&calendar).await.expect(200)["nights"].as_array().unwrap() {
        let day = (night["date"].as_str().unwrap().parse::<jiff::civil::Date>().unwrap() - product.day(0))
            .get_days();
        assert_eq!(night["bookingId"].as_str(), nights.get(&i64::from(day)).map(String::as_str), "{night}");
    }
    // What nobody has, somebody can still have, night by night.
    let last = product.one_of_a_crowd(1_000);
    for night in (10..63).filter(|night| !nights.contains_key(night)) {
        let key = format!("gap {night}");
        last.book(&listing, product.day(night), product.day(night + 1), VISA, &key).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stay_may_begin_on_the_day_that_another_ends() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    guest.book(&listing, product.day(5), product.day(8), VISA, "second").await.expect(201);
    guest.book(&listing, product.day(1), product.day(5), VISA, "first").await.expect(201);
    assert_eq!(guest.quote(&listing, product.day(4), product.day(6)).await.problem(409), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stay_is_taken_whole_or_not_at_all() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guests = (1..=6).map(|number| product.one_of_a_crowd(number)).collect::<Vec<_>>();
    let race = join_all(guests.iter().zip(0i64..).map(|(guest, shift)| {
        guest.book(&listing, product.day(10 + shift * 7), product.day(310 + shift * 7), VISA, "long")
    }))
    .await;
    let won: Vec<_> = race.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(won.len(), 1, "{:?}", race.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in race.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.clone().problem(409), "unavailable");
    }
    let winner = won[0].json["id"].as_str().unwrap();
    let mut booked = Vec::new();
    for (from, to) in [(0, 300), (300, 400)] {
        let path = format!(
            "/v1/listings/{listing}/calendar?startDate={}&endDate={}",
            product.day(from),
            product.day(to)
        );
        let nights = host.get(&path).await.expect(200);
        let taken =
            nights["nights"].as_array().unwrap().iter().filter(|night| night["status"] != "open").cloned();
        booked.extend(taken);
    }
    assert_eq!(booked.len(), 300, "the losers have left no night behind");
    assert!(booked.iter().all(|night| night["bookingId"] == winner));
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 1);

    // 92 nights fit in one transaction; a booked night in their middle refuses them all.
    let guest = &guests[0];
    guest.book(&listing, product.day(450), product.day(542), VISA, "quarter").await.expect(201);
    let refused = guest.book(&listing, product.day(541), product.day(640), VISA, "next").await;
    assert_eq!(refused.problem(409), "unavailable");
    guest.book(&listing, product.day(542), product.day(641), VISA, "after").await.expect(201);

    // Called off, a long stay gives every night back.
    let winner_guest = &guests[race.iter().position(|answer| answer.status == 201).unwrap()];
    winner_guest.post(&format!("/v1/bookings/{winner}/cancel"), &json!({})).await.expect(200);
    guests[1].book(&listing, product.day(12), product.day(312), VISA, "again").await.expect(201);
}

/// A long stay that could not be made, or was called off, and whose call is gone before it has given back what it had:
/// whoever reads the stream of bookings does.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_end_of_a_long_stay_leaves_behind_is_given_back_by_the_stream() {
    for (function, state) in [("create-booking", "abandoned"), ("cancel-booking", "cancelled")] {
        let product = Product::start().await;
        let (_, listing) = product.host_with_home("host", json!({"maxNights": 365})).await;
        let guest = product.one_of_a_crowd(1);
        let (chunks, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        product.stack.faults().inject(move |call| {
            let writes = ["TransactWriteItems", "PutItem", "UpdateItem"].contains(&call.operation);
            if call.function != Some(function) || !writes {
                return None;
            }
            // The second chunk of nights comes to nothing, and so does all that comes after the booking's end.
            let is_late = call.operation == "TransactWriteItems" && chunks.fetch_add(1, Ordering::SeqCst) > 0;
            let fails = is_over.load(Ordering::SeqCst) || is_late;
            if String::from_utf8_lossy(call.body).contains(&format!("\"{state}\"")) {
                is_over.store(true, Ordering::SeqCst);
            }
            fails.then_some(StoreFault::Broken)
        });
        let made = guest.book(&listing, product.day(5), product.day(305), VISA, "long").await;
        let over = if state == "abandoned" {
            made
        } else {
            let path = format!("/v1/bookings/{}/cancel", made.expect(201)["id"].as_str().unwrap());
            guest.post(&path, &json!({})).await
        };
        assert_eq!(over.status, 503, "{state}: {over:?}");
        product.drain().await;
        let unit = listing.parse::<ListingId>().unwrap().into();
        let range = Nights::between(product.day(0), product.day(400)).unwrap();
        let nights = product.stack.app().store.nights(unit, range, true).await.unwrap();
        assert!(nights.iter().all(|night| night.claims.is_empty()), "{state}: {nights:?}");
        let left = store(&product, "Scan", json!({"TableName": "roost-bookings"})).await;
        let is_left = left.to_string().contains("\"abandoned\"");
        assert!(!is_left, "what nobody has seen is forgotten: {left}");
    }
}

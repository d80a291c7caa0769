//! Nights that a host keeps, and listings that go: neither is sold, whoever was on his way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use roost::booking::answer::Details;
use roost::booking::{Booking, State};
use roost::error::Error;
use roost::function::Record;
use roost::ids::{BookingId, ListingId, UnitId};
use roost::stay::Nights;
use roost::store::bookings::Made;
use roost_local::faults::{StoreFault, StreamFault};
use roost_tests::{Caller, Product, VISA};
use serde_json::{Value, json};

/// How often the SDK tries a call.
const SDK_TRIES: usize = 4;

fn unit_of(listing: &str) -> UnitId {
    listing.parse::<ListingId>().unwrap().into()
}

async fn nights(product: &Product, host: &Caller, listing: &str, from: i64, to: i64) -> Vec<Value> {
    let path = format!(
        "/v1/listings/{listing}/calendar?startDate={}&endDate={}",
        product.day(from),
        product.day(to)
    );
    host.get(&path).await.expect(200)["nights"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_listing_that_is_deleted_is_not_accepted_and_nobody_is_charged() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"instantBook": false})).await;
    let guest = product.somebody("guest").await;
    let asked = guest.book(&listing, product.day(5), product.day(8), VISA, "ask").await.expect(201);
    let deleted = host.send("DELETE", &format!("/v1/listings/{listing}"), None, &[]).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let accept = format!("/v1/bookings/{}/accept", asked["id"].as_str().unwrap());
    let refused = host.post(&accept, &json!({})).await;
    assert_eq!(refused.json["reasons"], json!([{"reason": "not_active"}]), "{refused:?}");
    assert_eq!(refused.problem(409), "unavailable");
    assert_eq!(product.ledger("authorize", "succeeded").await.len(), 0);
}

/// Whoever has read the listing and its nights before it is deleted, and writes after, meets the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_was_under_way_while_its_listing_was_deleted_is_not_made() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let made = guest.book(&listing, product.day(5), product.day(8), None, "hold").await.expect(201);
    let path = format!("/v1/listings/{listing}");
    let refused = host.send("DELETE", &path, None, &[]).await;
    assert_eq!(refused.problem(409), "has_bookings");
    assert!(nights(&product, &host, &listing, 0, 5).await.iter().all(|night| night["status"] == "open"));
    guest
        .post(&format!("/v1/bookings/{}/cancel", made["id"].as_str().unwrap()), &json!({}))
        .await
        .expect(200);

    let app = product.stack.app();
    let first = app.store.booking(made["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    let wanted = Booking {
        id: BookingId::from_bits(1),
        state: State::Held,
        claim_until: Some(first.lapses_at),
        version: 1,
        ..first
    };
    let seen = app.store.ledger(wanted.unit, wanted.stay, true).await.unwrap();
    assert_eq!(host.send("DELETE", &path, None, &[]).await.status, 204);
    let made = app.store.make(wanted, &Details::default(), 1, seen).await.unwrap();
    assert!(matches!(made, Made::Refused(_)), "{made:?}");
}

/// Of two deletions at once the second has seen nights open that the first has blocked since; and one of a listing
/// that has changed meanwhile is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_comes_too_late_puts_back_what_it_found_unless_the_listing_is_gone() {
    let product = Product::start().await;
    let (host, id) = product.host_with_home("host", json!({})).await;
    let block = json!({
        "startDate": product.day(3), "endDate": product.day(4), "reason": "mine", "notes": "paint",
    });
    host.post(&format!("/v1/listings/{id}/calendar/block"), &block).await.expect(200);
    let app = product.stack.app();
    let (listing, terms) = app.store.listing(id.parse().unwrap(), true).await.unwrap().unwrap();
    let mut other = listing.clone();
    other.version -= 1;
    assert!(matches!(app.store.delete_listing(&other, &terms).await, Err(Error::Stale)));
    for (day, night) in (2..).zip(nights(&product, &host, &id, 2, 5).await) {
        let expected = if day == 3 { (json!("mine"), json!("paint")) } else { (Value::Null, Value::Null) };
        assert_eq!((night["reason"].clone(), night["notes"].clone()), expected, "{night}");
    }

    let is_second = AtomicBool::new(false);
    let (first, of_first) = (app.clone(), (listing.clone(), terms.clone()));
    product.stack.faults().inject(move |call| {
        if call.operation == "TransactWriteItems" && !is_second.swap(true, Ordering::SeqCst) {
            let deleted = first.store.delete_listing(&of_first.0, &of_first.1);
            let deleted = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(deleted));
            assert!(deleted.is_ok(), "{deleted:?}");
        }
        None
    });
    assert!(matches!(app.store.delete_listing(&listing, &terms).await, Err(Error::Stale)));
    product.stack.faults().clear();
    let window = Nights::between(product.day(1), product.day(700)).unwrap();
    let kept = app.store.nights(terms.unit, window, true).await.unwrap();
    assert_eq!(kept.iter().filter(|night| night.blocked.is_some()).count(), 699);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_cannot_be_finished_puts_back_what_stood_there_but_for_a_later_word() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let block = format!("/v1/listings/{listing}/calendar/block");
    let range = |from, to, more: Value| {
        roost_tests::with(json!({"startDate": product.day(from), "endDate": product.day(to)}), more)
    };
    host.post(&block, &range(3, 4, json!({"reason": "mine", "notes": "paint"}))).await.expect(200);
    let calls = AtomicUsize::new(0);
    let (engine, unit) = (product.stack.engine().clone(), unit_of(&listing));
    let later = product.day(7);
    product.stack.faults().inject(move |call| {
        let is_second = call.function == Some("block-nights")
            && call.operation == "TransactWriteItems"
            && (1..1 + SDK_TRIES).contains(&calls.fetch_add(1, Ordering::SeqCst));
        if is_second {
            // Another call of the host's blocks a night meanwhile.
            let write = json!({
                "TableName": "roost-nights", "Key": {"unit": {"S": unit}, "date": {"S": later}},
                "UpdateExpression": "SET blocked = :reason, block_id = :id",
                "ExpressionAttributeValues": {":reason": {"S": "blocked"}, ":id": {"S": "another"}},
            });
            let write = write.to_string();
            let answer = engine.answer("DynamoDB_20120810.UpdateItem", write.as_bytes());
            let written = tokio::task::block_in_place(|| futures::executor::block_on(answer));
            assert_eq!(written.status, 200, "{}", written.body);
        }
        is_second.then_some(StoreFault::Broken)
    });
    assert_eq!(host.post(&block, &range(0, 150, json!({}))).await.status, 503);
    product.stack.faults().clear();
    for (day, night) in (0..).zip(nights(&product, &host, &listing, 0, 150).await) {
        let expected = match day {
            3 => (json!("blocked"), json!("mine"), json!("paint")),
            7 => (json!("blocked"), json!("blocked"), Value::Null),
            _ => (json!("open"), Value::Null, Value::Null),
        };
        assert_eq!(
            (night["status"].clone(), night["reason"].clone(), night["notes"].clone()),
            expected,
            "{night}"
        );
    }
    // Without a note the old one stays; an empty one takes it away.
    for (more, notes) in [(json!({}), json!("paint")), (json!({"notes": ""}), Value::Null)] {
        host.post(&block, &range(2, 5, more)).await.expect(200);
        assert_eq!(nights(&product, &host, &listing, 3, 4).await[0]["notes"], notes);
    }
}

/// The store answers with a megabyte at a time: of a large hotel that is less than its calendar.
#[tokio::test(flavor = "multi_thread")]
async fn nights_are_read_to_the_last_however_much_is_written_in_them() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    for day in 0..70 {
        let item = json!({
            "unit": {"S": unit_of(&listing)}, "date": {"S": product.day(day)}, "blocked": {"S": "maintenance"},
            "padding": {"S": "x".repeat(20_000)},
        });
        let write = json!({"TableName": "roost-nights", "Item": item}).to_string();
        let written = product.stack.engine().answer("DynamoDB_20120810.PutItem", write.as_bytes()).await;
        assert_eq!(written.status, 200, "{}", written.body);
    }
    let window = Nights::between(product.day(0), product.day(100)).unwrap();
    let taken = product.stack.app().store.taken(unit_of(&listing), 1, window, false).await.unwrap();
    assert_eq!(taken.len(), 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_that_were_closed_after_the_quote_are_not_booked_with_it() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let quote = guest.quote(&listing, product.day(5), product.day(8)).await.expect(201);
    let path = format!("/v1/listings/{listing}");
    host.patch(&path, &json!({"openUntil": product.day(7)})).await.expect(200);
    let refused = guest.book_quote(&quote["quoteId"], VISA, "k").await;
    assert_eq!(
        refused.json["reasons"],
        json!([{"date": product.day(7), "reason": "blocked"}]),
        "{refused:?}"
    );
    assert_eq!(refused.problem(409), "unavailable");
}

/// Terms of another version than the listing's are read again, not written back.
#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_halves_are_of_two_versions_is_not_edited() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let unit = unit_of(&listing);
    let set = |version: u64| {
        json!({
            "TableName": "roost-listings",
            "Key": {"listing": {"S": listing}, "item": {"S": format!("unit#{unit}")}},
            "UpdateExpression": "SET version = :version", "ConditionExpression": "attribute_exists(version)",
            "ExpressionAttributeValues": {":version": {"N": version.to_string()}},
        })
    };
    let write = async |version| {
        let body = set(version).to_string();
        let written = product.stack.engine().answer("DynamoDB_20120810.UpdateItem", body.as_bytes()).await;
        assert_eq!(written.status, 200, "{}", written.body);
    };
    let path = format!("/v1/listings/{listing}");
    write(1).await;
    assert_eq!(host.patch(&path, &json!({"title": "Another title"})).await.status, 503);
    write(2).await;
    assert_eq!(
        host.patch(&path, &json!({"title": "Another title"})).await.expect(200)["title"],
        "Another title"
    );
}

/// Its id is made of its key, and its version begins anew: an old record of the first must not end the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_stay_that_was_given_up_and_made_anew_under_its_key_is_not_forgotten() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    let (first, end) = (product.day(5), product.day(155));
    let calls = AtomicUsize::new(0);
    product.stack.faults().inject(move |call| {
        let ours = call.function == Some("create-booking") && call.operation == "TransactWriteItems";
        // Its second chunk, as often as the SDK tries.
        (ours && (1..1 + SDK_TRIES).contains(&calls.fetch_add(1, Ordering::SeqCst)))
            .then_some(StoreFault::Broken)
    });
    let stream = product.stack.app();
    assert_eq!(guest.book(&listing, first, end, None, "long").await.status, 503);
    product.stack.faults().clear();
    let held = guest.book(&listing, first, end, None, "long").await.expect(201);
    assert_eq!(held["status"], "held");
    let id: BookingId = held["id"].as_str().unwrap().parse().unwrap();
    let standing = stream.store.booking(id).await.unwrap().unwrap();
    assert_eq!(standing.version, 2);
    // It is held, whatever its claim.
    let old = Booking { state: State::Abandoned, ..standing.clone() };
    stream.store.abandon(&old).await.unwrap();
    assert_eq!(stream.store.booking(id).await.unwrap(), Some(standing.clone()));
    // It is given up too by now, by another claim, and nobody has been told.
    let untold = |consumer: &str, _: &Record| (consumer == "settle-bookings").then_some(StreamFault::Lost);
    product.stack.stream_faults().inject(untold);
    let given_up = json!({
        "TableName": "roost-bookings", "Key": {"booking": {"S": id}, "item": {"S": "booking"}},
        "UpdateExpression": "SET #state = :state", "ConditionExpression": "attribute_exists(#state)",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":state": {"S": "abandoned"}},
    });
    let given_up = given_up.to_string();
    let written = product.stack.engine().answer("DynamoDB_20120810.UpdateItem", given_up.as_bytes()).await;
    assert_eq!(written.status, 200, "{}", written.body);
    let earlier = standing.claim_until.map(|until| until - roost::clock::Duration::from_millis(1));
    stream.store.abandon(&Booking { claim_until: earlier, ..old }).await.unwrap();
    assert!(stream.store.booking(id).await.unwrap().is_some());
}

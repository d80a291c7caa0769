//! The main job, from a host's first listing to a paid stay and its end.

use roost_tests::{Product, VISA};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_home_is_listed_found_quoted_booked_slept_in_and_left() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("guest").await;
    product.drain().await;
    let (check_in, check_out) = (product.day(10), product.day(14));

    let found = guest
        .get(&format!("/v1/search?bbox=4.3,51.1,4.5,51.3&checkIn={check_in}&checkOut={check_out}&guests=2"))
        .await
        .expect(200);
    assert_eq!(found["total"], 1, "{found}");
    assert_eq!(found["items"][0]["listingId"], listing);
    assert_eq!(found["items"][0]["pricePerNight"], json!({"amount": 10_000, "currency": "EUR"}));

    // 4 nights at 100, cleaning 25, and 14 % of both: 59.50.
    let quote = guest.quote(&listing, check_in, check_out).await.expect(201);
    let amounts: Vec<_> = quote["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["kind"], &line["amount"]["amount"]))
        .collect();
    let expected = json!([["nights", 40_000], ["cleaning_fee", 2_500], ["service_fee", 5_950]]);
    assert_eq!(json!(amounts), expected);
    assert_eq!(quote["total"], json!({"amount": 48_450, "currency": "EUR"}));
    assert_eq!(found["items"][0]["totalPrice"], quote["total"], "search and quote agree");

    let booking = guest.book_quote(&quote["quoteId"], VISA, "k1").await.expect(201);
    assert_eq!(booking["status"], "confirmed");
    assert_eq!(
        booking["payment"],
        json!({"status": "captured", "amount": {"amount": 48_450, "currency": "EUR"}})
    );
    let path = format!("/v1/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!(
        host.get(&path).await.expect(200)["guest"],
        json!({"firstName": "guest", "lastName": "Tester"})
    );
    assert_eq!(host.get("/v1/bookings?role=host").await.expect(200)["items"][0]["id"], booking["id"]);
    assert_eq!(guest.get("/v1/bookings").await.expect(200)["items"][0]["id"], booking["id"]);

    // Nobody else can have those nights, and search knows it.
    let other = product.somebody("other").await;
    assert_eq!(other.quote(&listing, product.day(13), product.day(15)).await.problem(409), "unavailable");
    product.drain().await;
    let found = guest
        .get(&format!("/v1/search?bbox=4.3,51.1,4.5,51.3&checkIn={check_in}&checkOut={check_out}"))
        .await
        .expect(200);
    assert_eq!(found["total"], 0, "{found}");

    // The stay goes by.
    assert_eq!(host.post(&format!("{path}/check-in"), &json!({})).await.problem(409), "invalid_transition");
    product.advance(11 * 86_400).await;
    product.run("advance-stays").await;
    let guest = product.again(&guest);
    assert_eq!(guest.get(&path).await.expect(200)["status"], "checked_in");
    product.advance(4 * 86_400).await;
    product.run("advance-stays").await;
    let guest = product.again(&guest);
    assert_eq!(guest.get(&path).await.expect(200)["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_are_listed_by_side_status_and_first_night() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let mut ids = Vec::new();
    for (first, card) in [(5, VISA), (8, None)] {
        let key = first.to_string();
        let made = guest.book(&listing, product.day(first), product.day(first + 3), card, &key).await;
        ids.push(made.expect(201)["id"].clone());
    }
    let day = |days: i64| product.day(days);
    let cases = [
        (String::new(), vec![1, 0]),
        ("status=held".into(), vec![1]),
        ("status=completed".into(), vec![]),
        (format!("from={}", day(5)), vec![1, 0]),
        (format!("from={}", day(6)), vec![1]),
        (format!("from={}", day(9)), vec![]),
        (format!("to={}", day(5)), vec![]),
        (format!("to={}", day(6)), vec![0]),
        (format!("to={}", day(8)), vec![0]),
        (format!("to={}", day(9)), vec![1, 0]),
        (format!("from={}&to={}&status=confirmed", day(5), day(9)), vec![0]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|index: usize| ids[index].clone()).collect();
        for (caller, role) in [(&guest, "guest"), (&host, "host")] {
            let listed = caller.get(&format!("/v1/bookings?role={role}&{filter}")).await.expect(200);
            let listed: Vec<_> =
                listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
            assert_eq!(listed, expected, "{role} {filter}");
        }
        let none = guest.get(&format!("/v1/bookings?role=host&{filter}")).await.expect(200);
        assert_eq!(none["items"], json!([]), "he is nobody's host");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exact_place_is_for_the_host_and_for_guests_with_a_confirmed_booking() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let (guest, stranger) = (product.somebody("guest").await, product.somebody("stranger").await);
    let path = format!("/v1/listings/{listing}");
    let is_exact = async |caller: &roost_tests::Caller| {
        let seen = caller.get(&path).await.expect(200);
        let exact = seen["location"]["lat"] == json!(51.212_345);
        assert_eq!(exact, seen["address"]["line1"] == "Lange Leemstraat 1", "{seen}");
        assert_eq!(exact, seen["address"]["postalCode"] == "2018", "{seen}");
        assert!(exact || seen["location"] == json!({"lat": 51.212, "lng": 4.412}), "{seen}");
        exact
    };
    assert!(is_exact(&host).await);
    assert!(!is_exact(&product.anybody()).await);
    let held = guest.book(&listing, product.day(5), product.day(7), None, "hold").await.expect(201);
    assert!(!is_exact(&guest).await, "a hold shows nothing");
    let id = held["id"].as_str().unwrap();
    assert_eq!(guest.pay(id, "pm_card_visa", "pay").await.expect(200)["status"], "confirmed");
    assert!(is_exact(&guest).await);
    assert!(!is_exact(&stranger).await);
    guest.post(&format!("/v1/bookings/{id}/cancel"), &json!({})).await.expect(200);
    assert!(!is_exact(&guest).await, "a cancelled booking shows nothing");
    assert_eq!(product.ledger("refund", "succeeded").await.len(), 1);
    product.drain().await;
    let found = stranger.get("/v1/search?lat=51.2&lng=4.4&radiusKm=5").await.expect(200);
    assert_eq!(found["items"][0]["location"], json!({"lat": 51.212, "lng": 4.412}));
}

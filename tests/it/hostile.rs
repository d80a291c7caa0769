//! Bad input, and other people's things: refused with the field named, nothing changed, nothing
//! internal shown.

use roost_tests::{Answer, Product, VISA, home, with};
use serde_json::{Value, json};

/// Asserts a 422 that names `pointer`.
fn names(answer: Answer, pointer: &str) {
    let pointers: Vec<_> = answer.json["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| error["pointer"].clone())
        .collect();
    assert!(pointers.contains(&json!(pointer)), "{pointer}: {}", String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.problem(422), "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_is_wrong_is_refused_by_field_and_nothing_is_made() {
    let product = Product::start().await;
    let host = product.somebody("host").await;
    let long = "x".repeat(5_000);
    for (edits, pointer) in [
        (json!({"hostId": "usr_0000000000000000000000"}), "/hostId"),
        (json!({"status": "active"}), "/status"),
        (json!({"surprise": 1}), "/surprise"),
        (json!({"title": ""}), "/title"),
        (json!({"title": long}), "/title"),
        (json!({"title": 7}), "/title"),
        (json!({"location": {"lat": 91, "lng": 0}}), "/location/lat"),
        (json!({"location": {"lat": 0, "lng": -181}}), "/location/lng"),
        (json!({"location": [4.4, 51.2]}), "/location"),
        (json!({"basePrice": {"amount": -1, "currency": "EUR"}}), "/basePrice/amount"),
        (json!({"basePrice": {"amount": 1.5, "currency": "EUR"}}), "/basePrice/amount"),
        (json!({"basePrice": {"amount": 100, "currency": "XYZ"}}), "/basePrice/currency"),
        (json!({"cleaningFee": {"amount": 100, "currency": "USD"}}), "/cleaningFee/currency"),
        (json!({"timeZone": "Mars/Olympus"}), "/timeZone"),
        (json!({"address": {"line1": "a", "city": "b", "country": "ZZ"}}), "/address/country"),
        (json!({"maxGuests": 0}), "/maxGuests"),
        (json!({"maxGuests": 1_000_000_000_000i64}), "/maxGuests"),
        (json!({"propertyType": "castle"}), "/propertyType"),
        (json!({"minNights": 9, "maxNights": 3}), "/maxNights"),
        (json!({"checkInTime": "25:00"}), "/checkInTime"),
        (json!({"openUntil": "2027-02-30"}), "/openUntil"),
    ] {
        names(host.post("/v1/listings", &with(home(), edits)).await, pointer);
    }
    let mut incomplete = home();
    incomplete.as_object_mut().unwrap().remove("title");
    names(host.post("/v1/listings", &incomplete).await, "/title");
    assert_eq!(host.get("/v1/hosts/me/listings").await.expect(200)["items"], json!([]));
    // A number that JSON can write and the store cannot keep.
    let near_zero = with(home(), json!({"location": {"lat": 1e-200, "lng": -1e-200}}));
    assert_eq!(
        host.post("/v1/listings", &near_zero).await.expect(201)["location"],
        json!({"lat": 0.0, "lng": 0.0})
    );
    let on_sale = format!("/v1/listings/{}", product.home_of(&host, json!({})).await);
    names(host.patch(&on_sale, &json!({"description": ""})).await, "/description");
}

/// A letter that is written out as 33 bytes: a hundred of them are more than a key of the store has.
#[tokio::test(flavor = "multi_thread")]
async fn a_town_of_the_longest_name_is_sold_and_found() {
    let product = Product::start().await;
    let host = product.somebody("host").await;
    let town = "\u{fdfa}".repeat(100);
    let address = json!({"line1": "Street 1", "city": town, "country": "BE"});
    let listing = product.home_of(&host, json!({"address": address})).await;
    product.drain().await;
    let query = "%EF%B7%BA".repeat(100);
    let found = product.anybody().get(&format!("/v1/search?location={query}")).await.expect(200);
    assert_eq!((&found["total"], &found["items"][0]["listingId"]), (&json!(1), &json!(listing)), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_cannot_be_is_refused_by_field_or_by_reason() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({"minNights": 2, "maxNights": 20})).await;
    let (day, later) = (product.day(5), product.day(8));
    let body = json!({"listingId": listing, "checkIn": day, "checkOut": later, "guests": {"adults": 2}});
    let quote = async |edits: Value| product.anybody().post("/v1/quotes", &with(body.clone(), edits)).await;
    names(quote(json!({"checkOut": day})).await, "/checkOut");
    names(quote(json!({"checkOut": product.day(4)})).await, "/checkOut");
    names(quote(json!({"checkOut": product.day(5 + 366)})).await, "/checkOut");
    names(quote(json!({"checkIn": "2027-02-30"})).await, "/checkIn");
    names(quote(json!({"checkIn": "tomorrow"})).await, "/checkIn");
    names(quote(json!({"guests": {"adults": 0}})).await, "/guests/adults");
    names(quote(json!({"guests": {"adults": -1}})).await, "/guests/adults");
    names(quote(json!({"guests": {"adults": 1_000_000_000_000i64}})).await, "/guests/adults");
    names(quote(json!({"guests": {"adults": "two"}})).await, "/guests/adults");
    names(quote(json!({"currency": "USD"})).await, "/currency");
    names(quote(json!({"currency": "ZZZ"})).await, "/currency");
    names(quote(json!({"price": 1})).await, "/price");
    let reason = async |edits: Value| {
        let refused = quote(edits).await;
        let reason = refused.json["reasons"][0]["reason"].as_str().unwrap_or_default().to_owned();
        assert_eq!(refused.problem(409), "unavailable");
        reason
    };
    assert_eq!(reason(json!({"guests": {"adults": 3, "children": 2}})).await, "too_many_guests");
    assert_eq!(reason(json!({"checkIn": product.day(-1), "checkOut": product.day(2)})).await, "in_the_past");
    assert_eq!(
        reason(json!({"checkIn": product.day(728), "checkOut": product.day(732)})).await,
        "too_far_ahead"
    );
    assert_eq!(reason(json!({"checkOut": product.day(6)})).await, "min_nights");
    assert_eq!(reason(json!({"checkOut": product.day(35)})).await, "max_nights");
    let range = |edits: Value| with(json!({"startDate": day, "endDate": product.day(6)}), edits);
    let calendar = format!("/v1/listings/{listing}/calendar");
    host.post(&format!("{calendar}/set-rules"), &range(json!({"closedToArrival": true}))).await.expect(200);
    assert_eq!(reason(json!({})).await, "closed_to_arrival");
    quote(json!({"checkIn": product.day(3), "checkOut": product.day(6)})).await.expect(201);
    host.post(&format!("{calendar}/set-rules"), &range(json!({"closedToDeparture": true}))).await.expect(200);
    assert_eq!(reason(json!({"checkIn": product.day(3), "checkOut": day})).await, "closed_to_departure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_cannot_be_is_refused_by_field_and_the_longest_words_are_kept() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let quote = guest.quote(&listing, product.day(5), product.day(8)).await.expect(201);
    let good = json!({"quoteId": quote["quoteId"]});
    let somebody =
        |name: &str, age: i64| json!({"guestDetails": [{"name": "Ada"}, {"name": name, "age": age}]});
    let long = |count: usize| "x".repeat(count);
    let cases = [
        (json!({"quoteId": ""}), "/quoteId"),
        (json!({"quoteId": long(16_385)}), "/quoteId"),
        (json!({"paymentMethodId": "pm card"}), "/paymentMethodId"),
        (json!({"paymentMethodId": ""}), "/paymentMethodId"),
        (json!({"paymentMethodId": long(101)}), "/paymentMethodId"),
        (json!({"guestDetails": vec![json!({"name": "Ada"}); 51]}), "/guestDetails"),
        (somebody("", 40), "/guestDetails/1/name"),
        (somebody(&long(101), 40), "/guestDetails/1/name"),
        (somebody("Bea", -1), "/guestDetails/1/age"),
        (somebody("Bea", 131), "/guestDetails/1/age"),
        (json!({"message": ""}), "/message"),
        (json!({"message": long(2_001)}), "/message"),
    ];
    for (edits, pointer) in cases {
        names(guest.post_once("/v1/bookings", &with(good.clone(), edits), pointer).await, pointer);
    }
    let details: Vec<_> = (0..50).map(|age| json!({"name": long(100), "age": age + 81})).collect();
    let edits = json!({"paymentMethodId": "pm-card_1", "guestDetails": details, "message": long(2_000)});
    let refused = guest.post_once("/v1/bookings", &with(good.clone(), edits.clone()), "a card").await;
    assert_eq!(refused.problem(402), "payment_declined", "the provider does not know it");
    let mut edits = edits;
    edits["paymentMethodId"] = VISA.into();
    let made = guest.post_once("/v1/bookings", &with(good, edits), "k").await.expect(201);
    assert_eq!(made["guestDetails"], json!(details));
    let seen = host.get(&format!("/v1/bookings/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&seen["guestDetails"], &seen["message"]), (&json!(details), &json!(long(2_000))));
}

#[tokio::test(flavor = "multi_thread")]
async fn calendars_open_and_close_and_a_block_over_a_booking_changes_nothing() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    let calendar = format!("/v1/listings/{listing}/calendar");
    let range = |from: i64, to: i64| json!({"startDate": product.day(from), "endDate": product.day(to)});
    let price = with(range(10, 20), json!({"price": {"amount": 14_000, "currency": "EUR"}}));
    assert_eq!(host.post(&format!("{calendar}/set-price"), &price).await.expect(200), json!({"nights": 10}));
    let quote = guest.quote(&listing, product.day(18), product.day(22)).await.expect(201);
    assert_eq!(quote["lines"][0]["amount"]["amount"], 2 * 14_000 + 2 * 10_000);
    guest.book_quote(&quote["quoteId"], VISA, "k").await.expect(201);

    let block = format!("{calendar}/block");
    host.post(&block, &with(range(30, 32), json!({"reason": "painters", "notes": "Bring ladders."})))
        .await
        .expect(200);
    // 150 nights take two transactions; a booked one in the second undoes the first.
    guest.book(&listing, product.day(170), product.day(171), VISA, "late").await.expect(201);
    let refused = host.post(&block, &range(25, 175)).await;
    assert_eq!(refused.json["dates"], json!([product.day(170)]));
    assert_eq!(refused.problem(409), "nights_booked");
    let path = format!("{calendar}?startDate={}&endDate={}", product.day(17), product.day(40));
    let nights = host.get(&path).await.expect(200)["nights"].clone();
    let of = |day: i64| {
        nights
            .as_array()
            .unwrap()
            .iter()
            .find(|night| night["date"] == json!(product.day(day)))
            .unwrap()
            .clone()
    };
    assert_eq!((&of(17)["status"], &of(17)["price"]["amount"]), (&json!("open"), &json!(14_000)));
    assert_eq!(of(18)["status"], "booked");
    assert_eq!(of(26)["status"], "open", "what the refused call had blocked is as it was");
    assert_eq!((&of(30)["reason"], &of(30)["notes"]), (&json!("painters"), &json!("Bring ladders.")));
    assert_eq!(
        guest.quote(&listing, product.day(30), product.day(31)).await.json["reasons"][0]["reason"],
        "blocked"
    );
    host.post(&format!("{calendar}/unblock"), &range(25, 40)).await.expect(200);
    guest.quote(&listing, product.day(30), product.day(31)).await.expect(201);

    names(host.post(&block, &range(8, 8)).await, "/endDate");
    names(host.post(&block, &range(-2, 8)).await, "/startDate");
    names(host.post(&block, &range(1, 368)).await, "/endDate");
    assert_eq!(guest.get(&path).await.problem(404), "not_found");
    assert_eq!(
        guest.post(&block, &json!({"nonsense": 1})).await.problem(404),
        "not_found",
        "whose it is comes first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_not_there_and_what_is_forged_opens_nothing() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("host", json!({})).await;
    let (guest, other) = (product.somebody("guest").await, product.somebody("other").await);
    let quote = guest.quote(&listing, product.day(5), product.day(6)).await.expect(201);
    assert_eq!(other.book_quote(&quote["quoteId"], VISA, "k").await.problem(404), "not_found");
    let mut forged = quote["quoteId"].as_str().unwrap().to_owned();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    assert_eq!(guest.book_quote(&json!(forged), VISA, "k").await.problem(404), "not_found");
    let booking = guest.book_quote(&quote["quoteId"], VISA, "k").await.expect(201);
    let path = format!("/v1/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!(other.get(&path).await.problem(404), "not_found");
    assert_eq!(other.post(&format!("{path}/cancel"), &json!({"x": 1})).await.problem(404), "not_found");
    assert_eq!(guest.post(&format!("{path}/check-in"), &json!({})).await.problem(403), "forbidden");
    let listing_path = format!("/v1/listings/{listing}");
    let patch = json!({"title": "Mine now"});
    let patched = other.send("PATCH", &listing_path, Some(patch.to_string().as_bytes()), &[]).await;
    assert_eq!(patched.problem(404), "not_found");
    assert_eq!(other.send("DELETE", &listing_path, None, &[]).await.problem(404), "not_found");
    assert_eq!(host.send("DELETE", &listing_path, None, &[]).await.problem(409), "has_bookings");
    let stale =
        host.send("PATCH", &listing_path, Some(patch.to_string().as_bytes()), &[("if-match", "\"0\"")]).await;
    assert_eq!(stale.problem(412), "stale");

    let expired = guest.quote(&listing, product.day(8), product.day(9)).await.expect(201);
    product.advance(15 * 60).await;
    assert_eq!(guest.get("/v1/bookings").await.problem(401), "token_expired");
    let guest = product.again(&guest);
    assert_eq!(guest.book_quote(&expired["quoteId"], VISA, "late").await.problem(410), "quote_expired");
    let page = guest.get("/v1/bookings?limit=1").await.expect(200);
    let cursor = page["nextCursor"].as_str().unwrap_or("forged").to_owned();
    names(product.again(&other).get(&format!("/v1/bookings?limit=1&cursor={cursor}")).await, "/cursor");
    names(guest.get("/v1/bookings?cursor=AAAA").await, "/cursor");
    names(guest.get("/v1/bookings?limit=0").await, "/limit");
    names(guest.get("/v1/bookings?colour=red").await, "/colour");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_call_of_ours_is_answered_plainly() {
    let product = Product::start().await;
    let guest = product.somebody("guest").await;
    let raw = async |body: &[u8], headers: &[(&str, &str)]| {
        guest.send("POST", "/v1/quotes", Some(body), headers).await
    };
    assert_eq!(raw(b"{\"listingId\": ", &[]).await.problem(400), "malformed_json");
    assert_eq!(raw(b"{} trailing", &[]).await.problem(400), "malformed_json");
    assert_eq!(
        raw(b"listingId=1", &[("content-type", "text/plain")]).await.problem(415),
        "unsupported_media_type"
    );
    let large = json!({"listingId": "x".repeat(1_000_000)}).to_string();
    assert_eq!(raw(large.as_bytes(), &[]).await.problem(413), "too_large");
    assert_eq!(raw(b"[1]", &[]).await.problem(422), "invalid");
    assert_eq!(guest.get("/v1/nowhere").await.problem(404), "not_found");
    let wrong_method = guest.send("PUT", "/v1/quotes", None, &[]).await;
    assert_eq!(wrong_method.headers["allow"], "POST");
    assert_eq!(wrong_method.problem(405), "method_not_allowed");
    assert_eq!(guest.get("/v1/bookings/not-an-id").await.problem(404), "not_found");
    for token in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCJ9."] {
        assert_eq!(product.holder(token).get("/v1/users/me").await.problem(401), "token_invalid", "{token}");
    }
    assert_eq!(product.anybody().get("/v1/users/me").await.problem(401), "token_required");
    let unknown = json!({"email": "nobody@example.com", "password": "correct horse battery"});
    let wrong = json!({"email": "guest@example.com", "password": "wrong horse battery"});
    for body in [unknown, wrong] {
        assert_eq!(product.anybody().post("/v1/auth/login", &body).await.problem(401), "invalid_credentials");
    }
    let taken = json!({"email": "GUEST@example.com ", "password": "another password", "firstName": "a", "lastName": "b"});
    assert_eq!(product.anybody().post("/v1/auth/signup", &taken).await.problem(409), "email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_its_second_use_ends_the_session_but_for_the_first_moments() {
    let product = Product::start().await;
    let body = json!({"email": "a@example.com", "password": "correct horse battery", "firstName": "a", "lastName": "b"});
    let first = product.anybody().post("/v1/auth/signup", &body).await.expect(201)["refreshToken"].clone();
    let refresh = async |token: &Value| {
        product.anybody().post("/v1/auth/refresh", &json!({"refreshToken": token})).await
    };
    let next = async |token: &Value| refresh(token).await.expect(200)["refreshToken"].clone();
    let second = next(&first).await;
    assert_ne!(first, second);
    // The answer was lost, or another window was as quick.
    product.advance(25).await;
    let again = next(&first).await;
    let third = next(&again).await;
    for used in [&first, &third] {
        assert_eq!(
            refresh(used).await.problem(401),
            "token_invalid",
            "who used an older one has ended it for all"
        );
    }
    let fourth =
        product.anybody().post("/v1/auth/login", &body_of_login()).await.expect(200)["refreshToken"].clone();
    let fifth = next(&fourth).await;
    product.advance(31).await;
    for used in [&fourth, &fifth] {
        assert_eq!(
            refresh(used).await.problem(401),
            "token_invalid",
            "whoever stole the fourth has ended it for both"
        );
    }
    let third =
        product.anybody().post("/v1/auth/login", &body_of_login()).await.expect(200)["refreshToken"].clone();
    let logout = product.anybody().post("/v1/auth/logout", &json!({"refreshToken": third})).await;
    assert_eq!(logout.status, 204);
    assert_eq!(refresh(&third).await.problem(401), "token_invalid");
}

fn body_of_login() -> Value {
    json!({"email": "a@example.com", "password": "correct horse battery"})
}

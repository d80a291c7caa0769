//! Civil dates are the listing's, wherever the client is.

use roost_tests::{Product, VISA};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn today_is_the_listings_today() {
    let product = Product::start().await;
    // An hour of the day at which Kiritimati (UTC+14) and Pago Pago (UTC-11) are two dates apart.
    let noon = product.day(1).to_datetime(jiff::civil::time(10, 30, 0, 0)).to_zoned(jiff::tz::TimeZone::UTC);
    let now = noon.expect("a time").timestamp();
    product.anybody().post("/_local/clock", &json!({ "now": now })).await.expect(200);
    let host = product.somebody("host").await;
    let today = product.day(0);
    for (zone, location, days) in [
        ("Pacific/Kiritimati", json!({"lat": 1.87, "lng": -157.43}), 1),
        ("Pacific/Pago_Pago", json!({"lat": -14.3, "lng": -170.7}), -1),
        ("UTC", json!({"lat": 51.2, "lng": 4.4}), 0),
    ] {
        let home = product.home_of(&host, json!({"timeZone": zone, "location": location})).await;
        let local = roost::stay::add_days(today, days);
        let yesterday = roost::stay::add_days(local, -1);
        let past = host.quote(&home, yesterday, local).await;
        assert_eq!(past.json["reasons"][0]["reason"], "in_the_past", "{zone} {}", past.json);
        host.quote(&home, local, roost::stay::add_days(local, 1)).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_night_of_a_clock_change_is_one_night_at_one_price_and_clients_read_the_same_dates() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({"timeZone": "Europe/Brussels"})).await;
    let guest = product.one_of_a_crowd(1);
    // The last Sunday of the next March and October: the nights before them have 23 and 25 hours.
    for month in [3, 10] {
        let year = product.day(0).year() + 1;
        let last = jiff::civil::date(year, month, 31);
        let sunday = (0..7)
            .map(|back| roost::stay::add_days(last, -back))
            .find(|date| date.weekday() == jiff::civil::Weekday::Sunday);
        let sunday = sunday.expect("a week has a Sunday");
        let (saturday, monday) = (roost::stay::add_days(sunday, -1), roost::stay::add_days(sunday, 1));
        let quote = guest.quote(&listing, saturday, monday).await.expect(201);
        assert_eq!(quote["lines"][0]["amount"]["amount"], 20_000, "{quote}");
        let booked = guest.book(&listing, saturday, monday, VISA, &format!("{month}")).await.expect(201);
        // Clients far apart send what their platforms send; the dates are the same text for both.
        let path = format!("/v1/listings/{listing}/availability?month={}", saturday.strftime("%Y-%m"));
        let west =
            guest.send("GET", &path, None, &[("date", "Sat, 01 Jan 2028 00:00:00 -0800")]).await.expect(200);
        let east =
            guest.send("GET", &path, None, &[("date", "Sun, 02 Jan 2028 00:00:00 +1300")]).await.expect(200);
        assert_eq!(west, east);
        let taken: Vec<_> =
            west["nights"].as_array().unwrap().iter().filter(|night| night["available"] == false).collect();
        assert_eq!(
            taken.iter().map(|night| &night["date"]).collect::<Vec<_>>(),
            [&booked["checkIn"], &json!(sunday)]
        );
    }
}

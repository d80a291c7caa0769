//! `cargo dev events`: a fresh event for every function, with live tokens, quotes and bookings in the
//! right states, for `cargo lambda invoke` against the running stack. Everything is made over HTTP,
//! as a client would.

mod people;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use roost::geo::cells::Cell;
use roost::ids::{BookingId, ListingId};
use roost::listing::Location;
use roost::store::keys;
use serde_json::{Value, json};

use people::Person;

/// The card that works.
const VISA: &str = "pm_card_visa";

/// Writes the events for the stack at `url` into a folder, one file per function; how many.
///
/// # Errors
/// A sentence for the developer.
pub async fn write(url: &str, folder: &Path) -> Result<usize, String> {
    let events = live(url).await?;
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (name, event) in &events {
        let text = format!("{event:#}\n");
        std::fs::write(folder.join(format!("{name}.json")), text).map_err(failed)?;
    }
    Ok(events.len())
}

/// The events for the stack at `url`, by function. Each can be handled once with success.
///
/// # Errors
/// A sentence when the stack does not answer as it should.
pub async fn live(url: &str) -> Result<BTreeMap<String, Value>, String> {
    let host = Person::new(url, "Hanna").await?;
    let guest = Person::new(url, "Gil").await?;
    let mut events = Events { days: Days(host.today().await?), host, guest, made: BTreeMap::new() };
    events.of_identity().await?;
    events.of_listings().await?;
    events.of_photos().await?;
    events.of_nights().await?;
    events.of_search().await?;
    events.of_bookings().await?;
    events.of_stays().await?;
    events.of_operations().await?;
    events.of_schedules();
    Ok(events.made)
}

struct Events {
    host: Person,
    guest: Person,
    days: Days,
    made: BTreeMap<String, Value>,
}

/// Days from today on.
struct Days(Date);

impl Days {
    fn after(&self, days: i64) -> Date {
        roost::stay::add_days(self.0, days)
    }
}

impl Events {
    fn add(&mut self, name: &str, event: Value) {
        self.made.insert(name.to_owned(), event);
    }

    async fn of_identity(&mut self) -> Result<(), String> {
        let anybody = self.host.without_a_token();
        self.add("signup", anybody.event("signup", "", Some(&people::account("Newcomer"))));
        let login = json!({"email": self.guest.email, "password": people::PASSWORD});
        self.add("login", anybody.event("login", "", Some(&login)));
        for name in ["refresh", "logout"] {
            let session = anybody.post("/v1/auth/login", &login).await?;
            self.add(name, anybody.event(name, "", Some(&json!({"refreshToken": session["refreshToken"]}))));
        }
        self.add("get-me", self.guest.event("get-me", "", None));
        self.add("get-jwks", anybody.event("get-jwks", "", None));
        self.add("get-openapi", anybody.event("get-openapi", "", None));
        self.add("not-found", anybody.event("not-found", "", None));
        Ok(())
    }

    async fn of_listings(&mut self) -> Result<(), String> {
        let host = self.host.clone();
        self.add("create-listing", host.event("create-listing", "", Some(&home(true))));
        self.add("list-my-listings", host.event("list-my-listings", "?limit=20", None));
        let draft = text(&host.post("/v1/listings", &home(true)).await?, "id")?;
        self.add("publish-listing", host.event_of("publish-listing", &draft, "", None));
        let draft = text(&host.post("/v1/listings", &home(true)).await?, "id")?;
        let edit = json!({"title": "A brighter flat by the park", "basePrice": {"amount": 11_000, "currency": "EUR"}});
        self.add("update-listing", host.event_of("update-listing", &draft, "", Some(&edit)));
        let draft = text(&host.post("/v1/listings", &home(true)).await?, "id")?;
        self.add("delete-listing", host.event_of("delete-listing", &draft, "", None));
        let active = self.place(true).await?;
        self.add("unpublish-listing", host.event_of("unpublish-listing", &active, "", None));
        self.add("get-listing", self.guest.event_of("get-listing", &self.place(true).await?, "", None));
        Ok(())
    }

    async fn of_photos(&mut self) -> Result<(), String> {
        let (host, place) = (self.host.clone(), self.place(true).await?);
        let announced = json!({"contentType": "image/jpeg", "sizeBytes": 3_481_204,
            "checksumSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="});
        self.add("create-photo", host.event_of("create-photo", &place, "", Some(&announced)));
        let place = self.place(true).await?;
        let photo = text(&host.post(&format!("/v1/listings/{place}/photos"), &announced).await?, "photoId")?;
        self.add("list-photos", host.event_of("list-photos", &place, "", None));
        let order = json!({"photoIds": [photo]});
        self.add("order-photos", host.event_of("order-photos", &place, "", Some(&order)));
        let caption = json!({"caption": "The balcony in the morning."});
        for (name, body) in [("update-photo", Some(&caption)), ("delete-photo", None)] {
            self.add(name, people::about(host.event_of(name, &place, "", body), "photoId", &photo));
        }
        let (place, photo) = (parsed(&place)?, parsed(&photo)?);
        self.add("process-photo", people::upload_event(&keys::upload(place, photo)));
        let gone = json!({"eventId": "evt_0000000000000000000001", "hostId": "usr_0000000000000000000001",
            "listingId": "lst_0000000000000000000001"});
        self.add("clear-photos", people::bus_event("listing.deleted", &gone));
        Ok(())
    }

    async fn of_nights(&mut self) -> Result<(), String> {
        let place = self.place(true).await?;
        let (from, to) = (self.days.after(20), self.days.after(25));
        let range = |more: Value| {
            let mut body = json!({"startDate": from, "endDate": to});
            people::extend(&mut body, more);
            body
        };
        let host = self.host.clone();
        let blocked = host.post(&format!("/v1/listings/{place}/calendar/block"), &range(json!({}))).await?;
        if blocked["nights"] != 5 {
            return Err(format!("five nights were to be blocked: {blocked}"));
        }
        self.add("unblock-nights", host.event_of("unblock-nights", &place, "", Some(&range(json!({})))));
        let reason = json!({"reason": "renovation", "notes": "The bathroom, at last."});
        self.add("block-nights", host.event_of("block-nights", &place, "", Some(&range(reason))));
        let price = json!({"price": {"amount": 14_000, "currency": "EUR"}});
        self.add("set-price", host.event_of("set-price", &place, "", Some(&range(price))));
        let rules = json!({"minNights": 3, "closedToDeparture": true});
        self.add("set-rules", host.event_of("set-rules", &place, "", Some(&range(rules))));
        let query = format!("?startDate={from}&endDate={to}");
        self.add("get-calendar", host.event_of("get-calendar", &place, &query, None));
        let query = format!("?month={}", from.strftime("%Y-%m"));
        self.add("get-availability", self.guest.event_of("get-availability", &place, &query, None));
        let body = json!({"listingIds": [place], "checkIn": from, "checkOut": to, "guests": 2});
        self.add("check-availability", self.guest.event("check-availability", "", Some(&body)));
        Ok(())
    }

    async fn of_search(&mut self) -> Result<(), String> {
        let (from, to) = (self.days.after(30), self.days.after(33));
        let query = format!(
            "?lat=51.21&lng=4.41&radiusKm=5&checkIn={from}&checkOut={to}&guests=2&sort=price&limit=10"
        );
        self.add("search", self.guest.event("search", &query, None));
        let query = format!("?bbox=4.3,51.1,4.5,51.3&zoom=12&checkIn={from}&checkOut={to}&guests=2");
        self.add("search-map", self.guest.event("search-map", &query, None));
        let place: ListingId = parsed(&self.place(true).await?)?;
        let image = self.host.item("listings", keys::LISTINGS, &keys::listing(place)).await?;
        self.add("project", stream_event("listings", keys::LISTINGS, &image));
        let filed = keys::projection(Cell::of(Location { lat: 51.21, lng: 4.41 }), place.into());
        let image =
            json!({keys::PROJECTIONS.0: {"S": filed.partition}, keys::PROJECTIONS.1: {"S": filed.sort}});
        self.add("index", stream_event("projections", keys::PROJECTIONS, &image));
        self.add("apply-search", json!({"anew": true}));
        Ok(())
    }

    /// An event of the provider about a booking, signed now.
    async fn webhook_of(&self, booking: &str) -> Result<Value, String> {
        let body = json!({
            "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "type": "payment_intent.succeeded",
            "data": {"object": {"object": "payment_intent", "metadata": {"booking": booking}}},
        });
        let anybody = self.host.without_a_token();
        let now = anybody.now().await?;
        let mut event = anybody.event("stripe-webhook", "", Some(&body));
        let sent = event["body"].as_str().unwrap_or_default().as_bytes();
        event["headers"]["stripe-signature"] =
            crate::provider::sign(crate::provider::WEBHOOK_SECRET, now.as_second(), sent).into();
        Ok(event)
    }

    /// A notification of the second provider about a booking, signed.
    fn notification_of(&self, booking: &str) -> Value {
        let mut item = json!({
            "additionalData": {"metadata.booking": booking}, "amount": {"currency": "EUR", "value": 32_500},
            "eventCode": "AUTHORISATION", "eventDate": "2027-01-01T00:00:00+01:00",
            "merchantAccountCode": "RoostLocal", "merchantReference": "pyt_1bUaEm5ZkK2yXq9vRsWt7H",
            "pspReference": "NC6HT9CRT65ZGN82", "success": "true",
        });
        item["additionalData"]["hmacSignature"] = crate::provider::sign_item(&item).into();
        let body = json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]});
        self.host.without_a_token().event("adyen-webhook", "", Some(&body))
    }

    async fn of_bookings(&mut self) -> Result<(), String> {
        let quote = self.quote_of(&self.place(true).await?, 10);
        self.add("create-quote", self.guest.event("create-quote", "", Some(&quote)));
        let place = self.place(true).await?;
        let quote = self.guest.post("/v1/quotes", &self.quote_of(&place, 10)).await?;
        let details = json!([{"name": "Gil Tester", "age": 41}, {"name": "Nour Tester"}]);
        let order = json!({"quoteId": quote["quoteId"], "paymentMethodId": VISA, "guestDetails": details,
            "message": "We arrive by the late train."});
        self.add("create-booking", self.guest.event("create-booking", "", Some(&order)));
        let held = self.booking(&place, 20, None).await?;
        let card = json!({"paymentMethodId": VISA});
        self.add("pay-booking", self.guest.event_of("pay-booking", &held, "", Some(&card)));
        let confirmed = self.booking(&place, 30, Some(VISA)).await?;
        self.add("get-booking", self.guest.event_of("get-booking", &confirmed, "", None));
        self.add("open-payout-account", self.host.event("open-payout-account", "", None));
        self.add("list-payouts", self.host.event("list-payouts", "?limit=20", None));
        self.add("stripe-webhook", self.webhook_of(&confirmed).await?);
        self.add("adyen-webhook", self.notification_of(&confirmed));
        self.add("list-payments", self.guest.event_of("list-payments", &confirmed, "", None));
        self.add("preview-cancellation", self.guest.event_of("preview-cancellation", &confirmed, "", None));
        self.add(
            "list-bookings",
            self.guest.event("list-bookings", "?role=guest&status=confirmed&limit=20", None),
        );
        let cancelled = self.booking(&place, 40, Some(VISA)).await?;
        let reason = json!({"reason": "A change of plans."});
        self.add("cancel-booking", self.guest.event_of("cancel-booking", &cancelled, "", Some(&reason)));

        let asked = self.place(false).await?;
        let request = self.booking(&asked, 50, Some(VISA)).await?;
        self.add("accept-booking", self.host.event_of("accept-booking", &request, "", Some(&json!({}))));
        let request = self.booking(&asked, 60, Some(VISA)).await?;
        let reason = json!({"reason": "Family is visiting."});
        self.add("decline-booking", self.host.event_of("decline-booking", &request, "", Some(&reason)));

        let image: BookingId = parsed(&confirmed)?;
        let image = self.host.item("bookings", keys::BOOKINGS, &keys::booking(image)).await?;
        self.add("settle-bookings", stream_event("bookings", keys::BOOKINGS, &image));
        self.add("publish", stream_event("bookings", keys::BOOKINGS, &image));
        let event = people::bus_event(
            "booking.confirmed",
            &json!({
                "eventId": "evt_0000000000000000000001", "bookingId": confirmed, "listingId": place,
                "hostId": image["host"]["S"], "guestId": image["guest"]["S"], "version": 2,
            }),
        );
        self.add("send-mail", event);
        Ok(())
    }

    /// Stays that begin today.
    async fn of_stays(&mut self) -> Result<(), String> {
        let arriving = self.booking(&self.place(true).await?, 0, Some(VISA)).await?;
        self.add("check-in-booking", self.host.event_of("check-in-booking", &arriving, "", None));
        let leaving = self.booking(&self.place(true).await?, 0, Some(VISA)).await?;
        self.host.post(&format!("/v1/bookings/{leaving}/check-in"), &json!({})).await?;
        self.add("check-out-booking", self.host.event_of("check-out-booking", &leaving, "", None));
        Ok(())
    }

    /// What an administrator looks at, and what a deployment asks for.
    async fn of_operations(&mut self) -> Result<(), String> {
        self.host.post("/_local/schedules/reconcile/run", &json!({})).await?;
        let admin = self.host.promoted().await?;
        self.add("get-latest-reconciliation", admin.event("get-latest-reconciliation", "", None));
        self.add("list-payment-issues", admin.event("list-payment-issues", "?limit=20", None));
        // Money that the provider does not refund, since the guest's bank has it, of which nobody is told.
        let stuck = self.booking(&self.place(true).await?, 30, Some(VISA)).await?;
        let anybody = self.host.without_a_token();
        anybody.post("/_local/payments/webhooks", &json!({"copies": 0})).await?;
        anybody.post("/_local/payments/disputes", &json!({"bookingId": stuck, "outcome": "open"})).await?;
        anybody.post("/_local/payments/webhooks", &json!({"copies": 1})).await?;
        self.guest.post(&format!("/v1/bookings/{stuck}/cancel"), &json!({})).await?;
        let note = json!({"note": "Given back by hand at the provider."});
        self.add("resolve-payment-issue", admin.event_of("resolve-payment-issue", &stuck, "", Some(&note)));
        self.add(
            "read-secrets",
            json!({
                "RequestType": "Create", "RequestId": "1", "StackId": "roost", "LogicalResourceId": "Secrets",
                "ResponseURL": "http://127.0.0.1:9/nobody-waits-for-an-answer-here",
                "ResourceProperties": {"StripeKey": {"Secret": "roost/stripe-key", "Version": ""}},
            }),
        );
        Ok(())
    }

    fn of_schedules(&mut self) {
        for schedule in crate::all_functions().schedules {
            self.add(schedule.name, people::scheduler_event(schedule.name));
        }
    }

    /// A place on sale.
    async fn place(&self, instant_book: bool) -> Result<String, String> {
        let id = text(&self.host.post("/v1/listings", &home(instant_book)).await?, "id")?;
        self.host.post(&format!("/v1/listings/{id}/publish"), &json!({})).await?;
        Ok(id)
    }

    /// What the guest asks a price for: three nights, so many days ahead.
    fn quote_of(&self, place: &str, days: i64) -> Value {
        let (check_in, check_out) = (self.days.after(days), self.days.after(days + 3));
        json!({"listingId": place, "checkIn": check_in, "checkOut": check_out, "guests": {"adults": 2}})
    }

    /// The guest's booking of three nights, so many days ahead.
    async fn booking(&self, place: &str, days: i64, card: Option<&str>) -> Result<String, String> {
        let quote = self.guest.post("/v1/quotes", &self.quote_of(place, days)).await?;
        let mut order = json!({"quoteId": quote["quoteId"]});
        if let Some(card) = card {
            order["paymentMethodId"] = card.into();
        }
        text(&self.guest.post("/v1/bookings", &order).await?, "id")
    }
}

/// A home of the host's.
fn home(instant_book: bool) -> Value {
    json!({
        "title": "A bright flat by the park",
        "description": "Two rooms and a balcony, ten minutes from the station.",
        "propertyType": "apartment",
        "placeType": "entire_place",
        "address": {"line1": "Lange Leemstraat 1", "city": "Antwerp", "postalCode": "2018", "country": "BE"},
        "location": {"lat": 51.212_345, "lng": 4.412_345},
        "maxGuests": 4,
        "bedrooms": 1,
        "beds": 2,
        "bathrooms": 1.5,
        "amenities": ["Wifi", "Kitchen"],
        "basePrice": {"amount": 10_000, "currency": "EUR"},
        "cleaningFee": {"amount": 2_500, "currency": "EUR"},
        "minNights": 1,
        "maxNights": 365,
        "instantBook": instant_book,
        "cancellationPolicy": "moderate",
        "checkInTime": "15:00",
        "checkOutTime": "11:00",
    })
}

/// The event of a stream that tells of one new item.
fn stream_event(table: &str, key: (&str, &str), image: &Value) -> Value {
    json!({"Records": [{
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_798_761_600,
            "Keys": {key.0: image[key.0], key.1: image[key.1]},
            "NewImage": image,
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": image.to_string().len(),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": format!("arn:aws:dynamodb:eu-central-1:000000000000:table/roost-{table}/stream/2027-01-01T00:00:00.000"),
    }]})
}

/// A member of an answer that is a text.
fn text(answer: &Value, name: &str) -> Result<String, String> {
    answer[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("the stack answered without {name}: {answer}"))
}

/// An id that the stack has answered.
fn parsed<I: std::str::FromStr>(id: &str) -> Result<I, String> {
    id.parse().map_err(|_| format!("{id} is no id"))
}

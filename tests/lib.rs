//! What the end-to-end tests share: a stack of their own, and callers that speak plain HTTP to it.

mod caller;
pub mod command;
pub mod python;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::civil::Date;
use roost::app::App;
use roost::function::records;
use roost_local::faults::StreamFault;
use roost_local::opensearch::OpenSearch;
use roost_local::search::{Choice, State};
use roost_local::stack::{Options, Stack};
use serde_json::{Value, json};

pub use caller::{Answer, Caller, VISA};

/// A stack of a test's own, on a free port, in memory; gone when the test ends.
pub struct Product {
    /// The stack.
    pub stack: Stack,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl std::fmt::Debug for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Product")
    }
}

/// The search server that the tests of one process share, each with an index of its own. It ends
/// with the process.
fn search_server() -> Result<OpenSearch, String> {
    static SERVER: OnceLock<Result<OpenSearch, String>> = OnceLock::new();
    let tell = |line: &str| {
        let _ = writeln!(std::io::stderr(), "{line}");
    };
    SERVER.get_or_init(|| OpenSearch::start(tell)).clone()
}

impl Product {
    /// Starts the whole product for one test.
    pub async fn start() -> Self {
        Self::start_with(Choice::Off).await
    }

    /// The same with a search index. `None` on a machine that cannot run OpenSearch, which is said on
    /// the error output even where a test's own output is not shown.
    pub async fn start_with_index(name: &str) -> Option<Self> {
        let server = tokio::task::spawn_blocking(search_server).await.expect("the server's thread ends well");
        match server {
            Ok(server) => {
                let product = Self::start_with(Choice::At {
                    url: server.url().to_owned(),
                    index: name.to_owned(),
                    // What it answers is tested, not how fast on a machine that does ten things at once.
                    budget: Some(20_000),
                });
                let product = product.await;
                assert_eq!(product.stack.search().settled().await, State::Ready);
                Some(product)
            }
            Err(why) => {
                let mut out = std::io::stderr();
                let _ = writeln!(out, "\nNOT TESTED: {name}, which needs the search server: {why}");
                None
            }
        }
    }

    /// The same with a server of its own, for a test that does to it what the others would not like.
    pub async fn start_with_own_index() -> Option<Self> {
        // Says so where there can be none, and has the jars fetched once.
        tokio::task::spawn_blocking(search_server).await.expect("the server's thread ends well").ok()?;
        let product = Self::start_with(Choice::Own).await;
        assert_eq!(product.stack.search().settled().await, State::Ready);
        Some(product)
    }

    async fn start_with(search: Choice) -> Self {
        let options = Options { port: 0, memory: true, impatient: true, search, ..Options::default() };
        let stack = Stack::start(options).await.expect("the stack starts");
        let product = Self { stack, http: Client::builder(TokioExecutor::new()).build_http() };
        // Tomorrow at nine: no test that moves the clock by hours runs into another day.
        let morning =
            product.day(1).to_datetime(jiff::civil::time(9, 0, 0, 0)).to_zoned(jiff::tz::TimeZone::UTC);
        let morning = morning.expect("UTC has every time of day").timestamp();
        product.anybody().post("/_local/clock", &json!({ "now": morning })).await.expect(200);
        product
    }

    /// Somebody without an account.
    #[must_use]
    pub fn anybody(&self) -> Caller {
        Caller { base: self.stack.url(), token: None, http: self.http.clone(), id: String::new() }
    }

    /// Somebody with this token.
    #[must_use]
    pub fn holder(&self, token: &str) -> Caller {
        Caller { token: Some(token.to_owned()), ..self.anybody() }
    }

    /// Somebody who has just signed up.
    pub async fn somebody(&self, name: &str) -> Caller {
        let body = json!({
            "email": format!("{name}@example.com"), "password": "correct horse battery",
            "firstName": name, "lastName": "Tester",
        });
        let signed_up = self.anybody().post("/v1/auth/signup", &body).await.expect(201);
        let mut caller = self.holder(signed_up["accessToken"].as_str().expect("a token"));
        signed_up["user"]["id"].as_str().expect("an id").clone_into(&mut caller.id);
        caller
    }

    /// Somebody who has a token without the cost of a password: for crowds.
    #[must_use]
    pub fn one_of_a_crowd(&self, number: u128) -> Caller {
        let id = roost::ids::UserId::from_bits(number).to_string();
        self.again(&Caller { id, ..self.anybody() })
    }

    /// The same caller with a fresh token, after the clock has outrun the old one.
    #[must_use]
    pub fn again(&self, caller: &Caller) -> Caller {
        let app = self.stack.app();
        let id = caller.id.parse().expect("an account's id");
        let token = roost::account::token::issue(&app.secrets, app.clock.now(), id, &[], &app.entropy);
        Caller { id: caller.id.clone(), ..self.holder(&token.expect("a token")) }
    }

    /// A host with a published home like [`home`], changed by `edits`.
    pub async fn host_with_home(&self, name: &str, edits: Value) -> (Caller, String) {
        let host = self.somebody(name).await;
        let id = self.home_of(&host, edits).await;
        (host, id)
    }

    /// Another published home of a host.
    pub async fn home_of(&self, host: &Caller, edits: Value) -> String {
        let listing = host.post("/v1/listings", &with(home(), edits)).await.expect(201);
        let id = listing["id"].as_str().expect("an id").to_owned();
        host.post(&format!("/v1/listings/{id}/publish"), &json!({})).await.expect(200);
        id
    }

    /// A host with so many published homes.
    pub async fn host_with_homes(&self, name: &str, count: usize) -> (Caller, Vec<String>) {
        let host = self.somebody(name).await;
        let mut homes = Vec::with_capacity(count);
        for _ in 0..count {
            homes.push(self.home_of(&host, json!({})).await);
        }
        (host, homes)
    }

    /// From now on a quarter of all stream records comes twice, a quarter out of order, and a quarter of
    /// those for `loser` never.
    pub fn disturb_streams(&self, loser: &'static str) {
        self.stack.stream_faults().inject(move |consumer, record| {
            match record.sequence.bytes().last().unwrap_or_default() % 4 {
                0 if consumer == loser => Some(StreamFault::Lost),
                1 => Some(StreamFault::Doubled),
                2 => Some(StreamFault::Displaced),
                _ => None,
            }
        });
    }

    /// Has `work` done once: just before the write of `function` that `earlier` others come before.
    pub fn before_write(
        &self,
        function: &'static str,
        earlier: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (writes, work) = (AtomicUsize::new(0), Mutex::new(Some(Box::pin(work))));
        self.stack.faults().inject(move |call| {
            let is_write = ["PutItem", "TransactWriteItems"].contains(&call.operation);
            if call.function == Some(function)
                && is_write
                && writes.fetch_add(1, Ordering::SeqCst) == earlier
                && let Some(work) = work.lock().expect("nobody panics with it").take()
            {
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work));
            }
            None
        });
    }

    /// Sends an upload as its announcement says, with other headers in place of its own.
    pub async fn upload(&self, upload: &Value, bytes: &[u8], others: &[(&str, &str)]) -> Answer {
        let url = upload["url"].as_str().expect("an address");
        let path = url.strip_prefix(&self.stack.url()).expect("an address of the stack");
        let own = upload["headers"].as_object().expect("headers").iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str().expect("a header")));
        let mut headers: Vec<(&str, &str)> =
            own.filter(|(name, _)| !others.iter().any(|(other, _)| other == name)).collect();
        headers.extend(others);
        self.anybody().send("PUT", path, Some(bytes), &headers).await
    }

    /// Moves the product's clock.
    pub async fn advance(&self, seconds: i64) {
        self.anybody().post("/_local/clock", &json!({ "advanceSeconds": seconds })).await.expect(200);
    }

    /// Waits until every stream record so far is handled.
    pub async fn drain(&self) {
        self.anybody().post("/_local/drain", &json!({})).await.expect(200);
    }

    /// Runs a scheduled function once.
    pub async fn run(&self, schedule: &str) {
        self.anybody().post(&format!("/_local/schedules/{schedule}/run"), &json!({})).await.expect(200);
    }

    /// Today in UTC by the product's clock, and `days` later.
    #[must_use]
    pub fn day(&self, days: i64) -> Date {
        let today = self.stack.app().clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        roost::stay::add_days(today, days)
    }

    /// The provider's entries for which `field` is `value`.
    pub async fn ledger(&self, operation: &str, status: &str) -> Vec<Value> {
        let ledger = self.anybody().get("/_local/payments/ledger").await.expect(200);
        let entries = ledger["entries"].as_array().cloned().unwrap_or_default();
        entries
            .into_iter()
            .filter(|entry| entry["operation"] == operation && entry["status"] == status)
            .collect()
    }

    /// Where the provider's book has the money of each booking; nothing of those it has none of.
    pub async fn moneys(&self) -> BTreeMap<String, Money> {
        let ledger = self.anybody().get("/_local/payments/ledger").await.expect(200);
        let mut moneys: BTreeMap<String, Money> = BTreeMap::new();
        for entry in ledger["entries"].as_array().into_iter().flatten() {
            let booking = entry["bookingId"].as_str().expect("a booking").to_owned();
            let amount = entry["amount"]["amount"].as_i64().expect("an amount");
            let money = moneys.entry(booking).or_default();
            match (entry["operation"].as_str(), entry["status"] == "succeeded") {
                (Some("authorize"), true) => money.held += amount,
                // A capture lets go of what it does not take, and one that fails finds the hold lapsed.
                (Some("void"), true) | (Some("capture"), false) => money.held = 0,
                (Some("capture"), true) => *money = Money { held: 0, taken: money.taken + amount },
                (Some("refund"), true) => money.taken -= amount,
                _ => {}
            }
        }
        moneys.retain(|_, money| *money != Money::default());
        moneys
    }

    /// The request units metered since the last reset.
    pub async fn meter(&self) -> Value {
        self.anybody().get("/_local/meter").await.expect(200)
    }

    /// Opens a host's payout account, unless he has one, and closes it, as its holder may at the provider.
    pub async fn close_payout_account(&self, host: &Caller) {
        let page = host.post("/v1/hosts/me/payout-account", &json!({})).await.expect(200);
        let url = page["onboardingUrl"].as_str().expect("a page");
        let account = url.split('?').next().and_then(|path| path.rsplit('/').next()).expect("an account");
        let path = format!("/_local/stripe/v1/accounts/{account}");
        self.holder("sk_test").send("DELETE", &path, None, &[]).await.expect(200);
    }

    /// Forgets the request units metered so far.
    pub async fn reset_meter(&self) {
        let reset = self.anybody().send("DELETE", "/_local/meter", None, &[]).await;
        assert!(reset.status < 300, "{reset:?}");
    }
}

/// What the provider's book has of a booking's money, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// Held on a card.
    pub held: i64,
    /// Taken and not returned.
    pub taken: i64,
}

/// The body of a home that everybody can book at once.
#[must_use]
pub fn home() -> Value {
    json!({
        "title": "A bright flat by the park", "description": "Two rooms and a balcony.",
        "propertyType": "apartment", "placeType": "entire_place",
        "address": {"line1": "Lange Leemstraat 1", "city": "Antwerp", "postalCode": "2018", "country": "BE"},
        "location": {"lat": 51.212_345, "lng": 4.412_345},
        "maxGuests": 4, "bedrooms": 1, "beds": 2, "bathrooms": 1.5, "amenities": ["Wifi", "Kitchen"],
        "basePrice": {"amount": 10_000, "currency": "EUR"}, "cleaningFee": {"amount": 2_500, "currency": "EUR"},
        "minNights": 1, "maxNights": 365, "instantBook": true, "cancellationPolicy": "moderate",
        "checkInTime": "15:00", "checkOutTime": "11:00",
    })
}

/// `body` with the members of `edits` in place of its own.
#[must_use]
pub fn with(mut body: Value, edits: Value) -> Value {
    if let (Value::Object(body), Value::Object(edits)) = (&mut body, edits) {
        body.extend(edits);
    }
    body
}

/// Has a function handle an event. What a deployment invokes is left alone.
///
/// # Errors
/// A sentence when it does not succeed; the function of no route does when it answers 404.
pub async fn handle(app: &App, name: &str, event: &Value) -> Result<(), String> {
    let functions = roost_local::all_functions();
    let failed = |why: &dyn std::fmt::Display| format!("{name}: {why}");
    if let Some(endpoint) = functions.endpoints().find(|endpoint| endpoint.name == name) {
        let request = lambda_http::request::from_str(&event.to_string()).map_err(|why| failed(&why))?;
        let answer = (endpoint.handle)(app.clone(), request).await;
        let expected = if endpoint.path == "$default" { 404 } else { 200 };
        if !(expected..expected + 100).contains(&answer.status().as_u16()) {
            return Err(failed(&format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()))));
        }
    } else if let Some(schedule) = functions.schedules.iter().find(|schedule| schedule.name == name) {
        (schedule.run)(app.clone()).await.map_err(|why| failed(&why))?;
    } else if let Some(consumer) = functions.consumers.iter().find(|consumer| consumer.name == name) {
        let event = serde_json::from_value(event.clone()).map_err(|why| failed(&why))?;
        let not_handled = (consumer.handle)(app.clone(), records(event)).await;
        if !not_handled.is_empty() {
            return Err(failed(&format!("{not_handled:?}")));
        }
    } else if let Some(listener) = functions.listeners.iter().find(|listener| listener.name == name) {
        let event = serde_json::from_value(event.clone()).map_err(|why| failed(&why))?;
        (listener.handle)(app.clone(), event).await.map_err(|why| failed(&why))?;
    } else if !functions.tasks.iter().any(|task| task.name == name) {
        return Err(failed(&"there is no such function"));
    }
    Ok(())
}

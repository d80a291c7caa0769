//! The local payment provider: it answers as Stripe and Adyen do, keeps a book of its own, tells of what has
//! changed in it, and fails when it is told to. The product talks to it over HTTP and knows no difference.

mod accounts;
mod adyen;
mod authentication;
mod balance;
mod book;
mod customers;
mod disputes;
mod faults;
mod intents;
mod parameters;
mod refunds;
mod sender;
mod stripe;
mod transfers;
mod webhooks;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use roost::clock::Clock;
use roost::payment::ProviderName;

pub use adyen::sign_item;
pub use authentication::AuthenticationOrder;
use book::Book;
pub use disputes::DisputeOrder;
use faults::Faults;
pub use faults::{Fault, FaultOrder};
pub(crate) use sender::Sender;
use stripe::Call;
use webhooks::Webhooks;
pub use webhooks::{Webhook, WebhookOrder, sign};

/// What webhooks are signed with: as little of a secret as the key of a local stack.
pub const WEBHOOK_SECRET: &str = "whsec_local";

/// What Adyen's webhooks are signed with, in hexadecimal digits: no more of a secret.
pub const ADYEN_WEBHOOK_KEY: &str = "10ca110ca110ca110ca110ca110ca110ca110ca110ca110ca110ca110ca110ca";

/// What stands before Stripe's paths for whoever reaches the provider through a local stack.
const FRONT: &str = "/_local/stripe";

/// Where the hosted page is on which a card's holder confirms a payment; its client secret follows.
const AUTHENTICATION_PAGE: &str = "/authenticate/";

/// Where the hosted page is on which an account's owner says who he is; the account's id follows.
const HOSTED_PAGE: &str = "/onboarding/";

/// The local payment provider. Cheap to clone; clones share the book.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<State>>);

struct State {
    clock: Clock,
    book: Book,
    faults: Faults,
    webhooks: Webhooks,
}

impl Provider {
    /// A provider that forgets its book at the end.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with(clock, Book::default())
    }

    /// A provider that keeps its book in `file`, where one is given, and knows what is in there.
    ///
    /// # Errors
    /// When the file can be neither read nor written, or holds something else.
    pub fn open(clock: Clock, file: Option<PathBuf>) -> std::io::Result<Self> {
        match file {
            Some(file) => Ok(Self::with(clock, Book::open(&file)?)),
            None => Ok(Self::new(clock)),
        }
    }

    fn with(clock: Clock, book: Book) -> Self {
        let (faults, webhooks) = (Faults::default(), Webhooks::default());
        Self(Arc::new(Mutex::new(State { clock, book, faults, webhooks })))
    }

    /// Answers a request whose path begins with `/v1/` as Stripe, one with `/adyen/v71/` as Adyen, and those
    /// for the hosted pages `/onboarding/{id}` and `/authenticate/{client_secret}`; `None` when the
    /// connection is to be dropped without an answer. Each request is handled whole before the next, so one
    /// never finds its key in use by another.
    #[expect(clippy::unused_async, reason = "a provider may take its time; callers must await it")]
    pub async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        self.locked(|state| {
            let (method, path) = (request.method(), request.uri().path());
            if path.starts_with(adyen::PATH) {
                return state.answer_as_adyen(&request);
            }
            if let Some(account) = path.strip_prefix(HOSTED_PAGE).filter(|_| method == Method::GET) {
                return Some(state.hosted_page(account, &request));
            }
            if let Some(secret) = path.strip_prefix(AUTHENTICATION_PAGE) {
                return Some(state.authentication_page(secret, &request));
            }
            state.answer(&Call::of(&request))
        })
    }

    /// Makes the next calls fail so, from now on; the call's words as they came.
    ///
    /// # Errors
    /// `Invalid` with every wrong field.
    pub fn inject(&self, order: FaultOrder) -> roost::error::Result<()> {
        let fault = order.checked()?;
        self.locked(|state| state.faults.add(fault));
        Ok(())
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.locked(|state| state.faults = Faults::default());
    }

    /// Sends webhooks so from now on; the order's words as they came. Until the first order, each is sent
    /// once, a second after its event, and those that are due at a time in the order of their events.
    ///
    /// # Errors
    /// `Invalid` with every wrong field.
    pub fn order_webhooks(&self, order: WebhookOrder) -> roost::error::Result<()> {
        let manner = order.checked()?;
        self.locked(|state| state.webhooks.order(manner));
        Ok(())
    }

    /// Takes out the webhooks whose time has come, signed now, in the order that they are to be sent in.
    #[must_use]
    pub fn due_webhooks(&self) -> Vec<Webhook> {
        self.locked(|state| state.webhooks.due(state.clock.now()))
    }

    /// Puts a webhook back that was sent and not answered with 2xx: it is due again in a minute, and given
    /// up after twenty more times.
    pub fn again(&self, webhook: Webhook) {
        self.locked(|state| state.webhooks.again(webhook, state.clock.now()));
    }

    /// How many webhooks wait to be sent, due or not.
    #[must_use]
    pub fn webhooks_waiting(&self) -> usize {
        self.locked(|state| state.webhooks.waiting())
    }

    /// The book as the developer's interface shows it, oldest first: `{entries: [{provider,
    /// operation, status, bookingId, amount, id, at}]}`, where `id` is the payment's
    /// or the payout's.
    #[must_use]
    pub fn ledger(&self) -> serde_json::Value {
        self.locked(|state| serde_json::json!({ "entries": state.book.entries() }))
    }

    /// A panic in one request leaves the book as its last whole change did.
    fn locked<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Stripe's answer to a call, with the faults that were ordered for it; `None` is silence.
    fn answer(&mut self, call: &Call) -> Option<Response<Bytes>> {
        let earlier = match stripe::admitted(call).and_then(|()| stripe::replayed(call, &self.book)) {
            Ok(earlier) => earlier,
            Err(refusal) => return Some(refusal.response()),
        };
        // An answer that is stored already is only sent again: what fails is the way, not the work.
        let fault = self.faults.next(ProviderName::Stripe, call.operation(), earlier.is_some());
        match fault {
            Some(Fault::TimeoutBefore) => return None,
            Some(Fault::RateLimited) => return Some(Answer::rate_limited().response()),
            Some(Fault::Down) => return Some(down(&Answer::failed("Service unavailable.").body)),
            _ => {}
        }
        let answer = earlier.unwrap_or_else(|| {
            let answer = match fault {
                Some(Fault::Error500) => Answer::broken(),
                _ => stripe::handled(call, &mut self.book, self.clock.now(), fault == Some(Fault::Decline)),
            };
            stripe::remembered(call, &answer, &mut self.book);
            self.tell();
            answer
        });
        (fault != Some(Fault::TimeoutAfter)).then(|| answer.response())
    }

    /// The hosted page of an account: its owner, who has no key, says who he is and is sent back.
    fn hosted_page(&mut self, account: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let parameters: parameters::Parameters = form_urlencoded::parse(query).into_owned().collect();
        let back = match accounts::onboard(account, &parameters, &mut self.book) {
            Ok(back) => back,
            Err(refusal) => return refusal.response(),
        };
        self.tell();
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, back);
        response
    }

    /// Has webhooks tell of what has changed.
    fn tell(&mut self) {
        let now = self.clock.now();
        for told in self.book.told() {
            self.webhooks.add(told, now);
        }
    }
}

/// What a call is answered, in Stripe's words.
struct Answer {
    status: u16,
    body: serde_json::Value,
    replayed: bool,
    /// Whether the work was begun, so that the answer is kept under the request's key.
    begun: bool,
}

impl Answer {
    /// What was asked for.
    fn shows(body: serde_json::Value) -> Self {
        Self { status: 200, body, replayed: false, begun: true }
    }

    /// A request that was refused before any work.
    fn invalid(code: &str, param: Option<&str>, message: &str) -> Self {
        let mut error =
            serde_json::json!({ "type": "invalid_request_error", "code": code, "message": message });
        if let Some(param) = param {
            error["param"] = param.into();
        }
        Self { status: 400, body: serde_json::json!({ "error": error }), replayed: false, begun: false }
    }

    /// A request that was refused for what the book says.
    fn refused(code: &str, param: Option<&str>, message: &str) -> Self {
        Self { begun: true, ..Self::invalid(code, param, message) }
    }

    /// A parameter that names what is not there.
    fn missing(param: &str, message: &str) -> Self {
        Self::invalid("resource_missing", Some(param), message)
    }

    /// A request for what is not there.
    fn not_found(param: Option<&str>, message: &str) -> Self {
        Self { status: 404, ..Self::invalid("resource_missing", param, message) }
    }

    fn rate_limited() -> Self {
        Self { status: 429, ..Self::invalid("rate_limit", None, "Too many requests.") }
    }

    /// Stripe's own failure, which it stores under the key like any answer.
    fn broken() -> Self {
        Self::failed("An unexpected error occurred.")
    }

    fn failed(message: &str) -> Self {
        let body = serde_json::json!({ "error": { "type": "api_error", "message": message } });
        Self { status: 500, body, replayed: false, begun: true }
    }

    /// With the id of the request, which says that it was read.
    fn response(self) -> Response<Bytes> {
        let mut response = bare(self.status, &self.body);
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::try_from(stripe::fresh("req")) {
            headers.insert("request-id", id);
        }
        if self.replayed {
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// The answer of a provider's front that has read nothing: no header says that anybody has.
fn down(body: &serde_json::Value) -> Response<Bytes> {
    bare(503, body)
}

/// JSON, without the headers that are a provider's own.
fn bare(status: u16, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider")
    }
}

#[cfg(test)]
mod tests;

//! Calls to Stripe: one request is repeated under its key until it is answered or time is up.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use serde::de::DeserializeOwned;

use super::wire::{Envelope, Refusal};
use crate::clock::Clock;
use crate::config::StripeAccount;
use crate::entropy::Entropy;
use crate::planted::{self, Bug};

/// The interface's version that the wire types were written for.
const VERSION: &str = "2024-06-20";

/// How long one call may take. Stripe answers a confirmation in one to three seconds; two calls
/// that hang still fit into the time that a question has.
const CALL: Duration = Duration::from_secs(10);

/// The longest pause before each try of a call, drawn anew below it.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(400), Duration::from_millis(1200)];

/// Stripe, seen from one account.
pub(super) struct Client {
    url: String,
    authorization: String,
    connector: SharedHttpConnector,
    clock: Clock,
    entropy: Entropy,
}

/// What came of a call, all its tries together.
pub(super) enum Reply<T> {
    /// Done. `replayed`: the answer is the one first given under the key, which may be long past.
    Done {
        /// The object, as it was when the answer was first given.
        object: T,
        /// Whether this is not the first time.
        replayed: bool,
    },
    /// Not done, and not under this key ever.
    Refused(Refusal),
    /// Stripe failed under this key and stored the failure: only another key can get an answer.
    Spent,
    /// No answer, or none that says what was done.
    Silent(String),
}

/// One call, as often as it is sent.
struct Call<'a> {
    method: &'static str,
    path: &'a str,
    form: Option<&'a str>,
    key: Option<&'a str>,
}

/// What came of one try.
enum Try<T> {
    Answered(Reply<T>),
    Again(String),
}

impl Client {
    pub(super) fn new(
        account: &StripeAccount,
        connector: SharedHttpConnector,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Self {
        Self {
            url: account.url.clone(),
            authorization: format!("Bearer {}", account.key),
            connector,
            clock: clock.clone(),
            entropy: entropy.clone(),
        }
    }

    /// Reads `path`, until so much has passed on the clock.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, until: Duration) -> Reply<T> {
        self.send(&Call { method: "GET", path, form: None, key: None }, until).await
    }

    /// Posts `form` to `path` under an idempotency key, until so much has passed on the clock.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &str,
        key: &str,
        until: Duration,
    ) -> Reply<T> {
        if planted::is(Bug::AuthorizeWithoutKey) {
            let key = format!("{key}:{}", self.entropy.below(u64::MAX));
            return self.send(&Call { method: "POST", path, form: Some(form), key: Some(&key) }, until).await;
        }
        self.send(&Call { method: "POST", path, form: Some(form), key: Some(key) }, until).await
    }

    async fn send<T: DeserializeOwned>(&self, call: &Call<'_>, until: Duration) -> Reply<T> {
        let mut trouble = String::from("no time left");
        for pause in PAUSES {
            let pause = self.entropy.below(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            if pause > 0 {
                self.clock.sleep(Duration::from_millis(pause)).await;
            }
            let left = until.saturating_sub(self.clock.passed());
            if left.is_zero() {
                break;
            }
            match self.clock.within(CALL.min(left), self.attempt(call)).await {
                Some(Try::Answered(reply)) => return reply,
                Some(Try::Again(why)) => trouble = why,
                None => trouble = String::from("no answer in time"),
            }
        }
        Reply::Silent(format!("{} {}: {trouble}", call.method, call.path))
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call<'_>) -> Try<T> {
        let request = match self.request(call) {
            Ok(request) => request,
            Err(why) => return Try::Answered(Reply::Silent(why.to_string())),
        };
        let response = match self.connector.call(request).await {
            Ok(response) => response,
            Err(why) => return Try::Again(why.to_string()),
        };
        let status = response.status().as_u16();
        let replayed = response.headers().get("idempotent-replayed") == Some("true");
        match ByteStream::new(response.into_body()).collect().await {
            Ok(body) => read(status, replayed, &body.into_bytes()),
            Err(why) => Try::Again(why.to_string()),
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = http::Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.url, call.path))
            .header("Authorization", &self.authorization)
            .header("Stripe-Version", VERSION);
        if let Some(key) = call.key {
            request = request.header("Idempotency-Key", key);
        }
        let body = match call.form {
            Some(form) => {
                request = request
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .header("Content-Length", form.len());
                SdkBody::from(form)
            }
            None => SdkBody::empty(),
        };
        Ok(request.body(body)?.try_into()?)
    }
}

impl<T: fmt::Debug> Reply<T> {
    /// For the log: why what came is of no use.
    pub(super) fn trouble(self) -> String {
        match self {
            Self::Done { object, .. } => format!("{object:?}"),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Spent => String::from("the key is spent"),
            Self::Silent(context) => context,
        }
    }
}

/// What an answer means.
fn read<T: DeserializeOwned>(status: u16, replayed: bool, body: &[u8]) -> Try<T> {
    match status {
        200..300 => match serde_json::from_slice(body) {
            Ok(object) => Try::Answered(Reply::Done { object, replayed }),
            Err(why) => Try::Answered(Reply::Silent(format!("{status}, unreadable: {why}"))),
        },
        // Busy, too many, or broken: the same may work in a moment. A broken answer that was stored
        // under the key comes back replayed, and then the key is of no more use.
        409 | 429 | 500.. if replayed => Try::Answered(Reply::Spent),
        409 | 429 | 500.. => Try::Again(status.to_string()),
        _ => {
            let error = serde_json::from_slice(body).map(|envelope: Envelope| envelope.error);
            Try::Answered(Reply::Refused(Refusal { status, replayed, error: error.unwrap_or_default() }))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

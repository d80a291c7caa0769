//! Calls to Stripe: one request is repeated under its key until it is answered or time is up.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::http::Headers;
use serde::de::DeserializeOwned;

use super::wire::{Envelope, Refusal};
use crate::clock::Clock;
use crate::config::StripeAccount;
use crate::entropy::Entropy;
use crate::planted::{self, Bug};
use crate::psp::http::{Request, Sender, Sent, Verdict};
use crate::psp::setback::Setback;

/// The interface's version that the wire types were written for.
const VERSION: &str = "2024-06-20";

/// Stripe, seen from one account.
pub(super) struct Client {
    url: String,
    authorization: String,
    sender: Sender,
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
    /// Stripe never read the call: nothing was done.
    Unreached(String),
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
            sender: Sender::new(connector, clock, entropy),
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
        let mut headers = vec![("Authorization", self.authorization.as_str()), ("Stripe-Version", VERSION)];
        if let Some(key) = call.key {
            headers.push(("Idempotency-Key", key));
        }
        if call.form.is_some() {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let url = format!("{}{}", self.url, call.path);
        let request = Request { method: call.method, url, headers: &headers, body: call.form };
        match self.sender.send(&request, until, read::<T>).await {
            Sent::Answered(reply) => reply,
            Sent::Unreached(context) => Reply::Unreached(context),
            Sent::Silent(context) => Reply::Silent(context),
        }
    }
}

impl<T: fmt::Debug> Reply<T> {
    /// For the log: why what came is of no use.
    pub(super) fn trouble(self) -> String {
        match self {
            Self::Done { object, .. } => format!("{object:?}"),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Spent => String::from("the key is spent"),
            Self::Unreached(context) | Self::Silent(context) => context,
        }
    }

    /// Why what was asked for is not done.
    pub(super) fn setback(self) -> Setback {
        match self {
            Self::Refused(refusal) => refusal.setback(),
            other => Setback::Passing(other.trouble()),
        }
    }
}

/// What an answer means. Stripe names every request that it has read in `request-id`: a 503 without that
/// came from what stands before it, and nothing was done.
fn read<T: DeserializeOwned>(status: u16, headers: &Headers, body: &[u8]) -> Verdict<Reply<T>> {
    let replayed = headers.get("idempotent-replayed") == Some("true");
    match status {
        200..300 => match serde_json::from_slice(body) {
            Ok(object) => Verdict::Answered(Reply::Done { object, replayed }),
            Err(why) => Verdict::Answered(Reply::Silent(format!("{status}, unreadable: {why}"))),
        },
        // Busy, too many, or broken: the same may work in a moment. A broken answer that was stored
        // under the key comes back replayed, and then the key is of no more use.
        409 | 429 | 500.. if replayed => Verdict::Answered(Reply::Spent),
        409 | 429 | 500.. => {
            let unread = status == 503 && headers.get("request-id").is_none();
            Verdict::Again { why: status.to_string(), unread }
        }
        _ => {
            let error = serde_json::from_slice(body).map(|envelope: Envelope| envelope.error);
            Verdict::Answered(Reply::Refused(Refusal { status, replayed, error: error.unwrap_or_default() }))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

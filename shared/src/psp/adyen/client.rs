//! Calls to Adyen: one request is repeated under its key until it is answered or time is up.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::http::Headers;
use serde::de::DeserializeOwned;

use super::errors::Class;
use super::wire::Refusal;
use crate::clock::Clock;
use crate::config::AdyenAccount;
use crate::entropy::Entropy;
use crate::psp::http::{Request, Sender, Sent, Verdict};
use crate::psp::setback::Setback;

/// The interface's version that the wire types were written for.
const VERSION: &str = "v71";

/// Adyen, seen from one merchant account.
pub(super) struct Client {
    url: String,
    key: String,
    sender: Sender,
}

/// What came of a call, all its tries together.
pub(super) enum Reply<T> {
    /// Done: now, or when the key was first used.
    Done(T),
    /// Not done, and not under this key ever.
    Refused(Refusal),
    /// Adyen never read the call: nothing was done.
    Unreached(String),
    /// No answer, or none that says what was done.
    Silent(String),
}

impl Client {
    pub(super) fn new(
        account: &AdyenAccount,
        connector: SharedHttpConnector,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Self {
        Self {
            url: account.url.clone(),
            key: account.key.clone(),
            sender: Sender::new(connector, clock, entropy),
        }
    }

    /// Posts `body` to `path` under an idempotency key, until so much has passed on the clock.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &str,
        key: &str,
        until: Duration,
    ) -> Reply<T> {
        let headers = [
            ("X-API-Key", self.key.as_str()),
            ("Idempotency-Key", key),
            ("Content-Type", "application/json"),
        ];
        let url = format!("{}/{VERSION}{path}", self.url);
        let request = Request { method: "POST", url, headers: &headers, body: Some(body) };
        match self.sender.send(&request, until, read::<T>).await {
            Sent::Answered(reply) => reply,
            Sent::Unreached(context) => Reply::Unreached(context),
            Sent::Silent(context) => Reply::Silent(context),
        }
    }
}

impl<T: fmt::Debug> Reply<T> {
    /// Why what was asked for is not done.
    pub(super) fn setback(self) -> Setback {
        match self {
            Self::Done(object) => Setback::Passing(format!("{object:?}")),
            Self::Refused(refusal) => refusal.setback(),
            Self::Unreached(context) | Self::Silent(context) => Setback::Passing(context),
        }
    }
}

/// What an answer means. Adyen names every request that it has read in `pspreference`: a 503 without that
/// came from what stands before it, and nothing was done. Whether the same key may get another answer
/// stands in `transient-error`.
fn read<T: DeserializeOwned>(status: u16, headers: &Headers, body: &[u8]) -> Verdict<Reply<T>> {
    if (200..300).contains(&status) {
        return Verdict::Answered(match serde_json::from_slice(body) {
            Ok(object) => Reply::Done(object),
            Err(why) => Reply::Silent(format!("{status}, unreadable: {why}")),
        });
    }
    let refusal = Refusal { status, error: serde_json::from_slice(body).unwrap_or_default() };
    let may_pass = match headers.get("transient-error") {
        Some("true") => true,
        Some("false") => refusal.class() == Class::Retry,
        _ => status == 429 || status >= 500 || refusal.class() == Class::Retry,
    };
    if may_pass {
        let unread = status == 503 && headers.get("pspreference").is_none();
        return Verdict::Again { why: refusal.to_string(), unread };
    }
    Verdict::Answered(Reply::Refused(refusal))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psp::adyen::wire::Payment;

    #[test]
    fn what_may_pass_is_asked_again_and_what_may_not_is_an_answer() {
        let read = |status: u16, names: &[(&'static str, &'static str)], body: &str| {
            let mut headers = Headers::new();
            for &(name, value) in names {
                headers.insert(name, value);
            }
            read::<Payment>(status, &headers, body.as_bytes())
        };
        let busy = r#"{"status":422,"errorCode":"704","errorType":"validation"}"#;
        let wrong = r#"{"status":422,"errorCode":"138","errorType":"validation"}"#;
        let named = [("pspreference", "993617895204576J")];
        assert!(matches!(read(503, &[], ""), Verdict::Again { unread: true, .. }));
        assert!(matches!(read(503, &named, ""), Verdict::Again { unread: false, .. }));
        assert!(matches!(read(500, &[], ""), Verdict::Again { unread: false, .. }));
        assert!(matches!(read(429, &[], ""), Verdict::Again { unread: false, .. }));
        assert!(matches!(read(422, &named, busy), Verdict::Again { unread: false, .. }));
        assert!(matches!(read(422, &[("transient-error", "true")], wrong), Verdict::Again { .. }));
        assert!(matches!(read(422, &named, wrong), Verdict::Answered(Reply::Refused(_))));
        assert!(matches!(
            read(500, &[("transient-error", "false")], ""),
            Verdict::Answered(Reply::Refused(_))
        ));
        assert!(matches!(read(401, &[], ""), Verdict::Answered(Reply::Refused(_))));
        assert!(matches!(read(200, &[], r#"{"resultCode":"Refused"}"#), Verdict::Answered(Reply::Done(_))));
        assert!(matches!(read(200, &[], "<html>"), Verdict::Answered(Reply::Silent(_))));
    }
}

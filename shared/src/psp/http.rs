//! Sending to a provider: one request is repeated until it is answered or time is up, and what never was
//! answered is told apart from what never arrived.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::clock::Clock;
use crate::entropy::Entropy;

/// How long one call may take. Stripe answers a confirmation in one to three seconds; two calls
/// that hang still fit into the time that a question has.
const CALL: Duration = Duration::from_secs(7);

/// The longest pause before each try of a call, drawn anew below it.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(400), Duration::from_millis(1200)];

/// Sends requests, waits between tries by the one clock and draws the pauses from the one source.
pub(super) struct Sender {
    connector: SharedHttpConnector,
    clock: Clock,
    entropy: Entropy,
}

/// One request, as often as it is sent: always under the same key, where it changes something.
pub(super) struct Request<'a> {
    /// `GET` or `POST`.
    pub(super) method: &'static str,
    /// The whole address.
    pub(super) url: String,
    /// All headers but the length.
    pub(super) headers: &'a [(&'static str, &'a str)],
    /// What is sent.
    pub(super) body: Option<&'a str>,
}

/// What an answer is to the provider's reader.
pub(super) enum Verdict<T> {
    /// This is the answer.
    Answered(T),
    /// None yet; the same may be answered in a moment.
    Again {
        /// For the log.
        why: String,
        /// Definitely nothing was done: the request was turned away before the provider read it.
        unread: bool,
    },
}

/// What a provider makes of a status, headers and a body.
pub(super) type Reader<T> = fn(u16, &Headers, &[u8]) -> Verdict<T>;

/// What came of a request, all its tries together.
pub(super) enum Sent<T> {
    /// The answer.
    Answered(T),
    /// Every try ended before the provider had read anything: nothing has happened there.
    Unreached(String),
    /// No answer, and at least one try may have been read. Anything may have happened.
    Silent(String),
}

impl Sender {
    pub(super) fn new(connector: SharedHttpConnector, clock: &Clock, entropy: &Entropy) -> Self {
        Self { connector, clock: clock.clone(), entropy: entropy.clone() }
    }

    /// Sends `request` until `read` finds an answer, or so much has passed on the clock.
    pub(super) async fn send<T>(&self, request: &Request<'_>, until: Duration, read: Reader<T>) -> Sent<T> {
        let mut trouble = None;
        let mut never_read = true;
        for pause in PAUSES {
            let pause = self.entropy.below(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            if pause > 0 {
                self.clock.sleep(Duration::from_millis(pause)).await;
            }
            let left = until.saturating_sub(self.clock.passed());
            if left.is_zero() {
                break;
            }
            let built = match request.built() {
                Ok(built) => built,
                Err(why) => return Sent::Silent(request.told(&why.to_string())),
            };
            match self.clock.within(CALL.min(left), self.attempt(built, read)).await {
                Some(Verdict::Answered(answer)) => return Sent::Answered(answer),
                Some(Verdict::Again { why, unread }) => {
                    trouble = Some(why);
                    never_read &= unread;
                }
                None => {
                    trouble = Some(String::from("no answer in time"));
                    never_read = false;
                }
            }
        }
        match trouble {
            Some(why) if never_read => Sent::Unreached(request.told(&why)),
            Some(why) => Sent::Silent(request.told(&why)),
            // Without a single try nothing is known of how the provider is.
            None => Sent::Silent(request.told("no time left")),
        }
    }

    async fn attempt<T>(&self, request: HttpRequest, read: Reader<T>) -> Verdict<T> {
        let mut response = match self.connector.call(request).await {
            Ok(response) => response,
            Err(why) => {
                return Verdict::Again { why: why.to_string(), unread: was_never_connected(&why) };
            }
        };
        match ByteStream::new(response.take_body()).collect().await {
            Ok(body) => read(response.status().as_u16(), response.headers(), &body.into_bytes()),
            Err(why) => Verdict::Again { why: why.to_string(), unread: false },
        }
    }
}

impl Request<'_> {
    fn built(&self) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let mut request = ::http::Request::builder().method(self.method).uri(&self.url);
        for &(name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = match self.body {
            Some(body) => {
                request = request.header("Content-Length", body.len());
                SdkBody::from(body)
            }
            None => SdkBody::empty(),
        };
        Ok(request.body(body)?.try_into()?)
    }

    fn told(&self, trouble: &str) -> String {
        format!("{} {}: {trouble}", self.method, self.url)
    }
}

/// Whether not even a connection came about. Only what surely says so counts: a refused connection, a
/// socket that never had a peer (`recv` of Linux says `ENOTCONN` to no other), and hyper's own word for a
/// request that no connection was found for, of which a provider's name that does not resolve is one.
fn was_never_connected(error: &ConnectorError) -> bool {
    successors(error.source(), |cause: &&(dyn Error + 'static)| (**cause).source()).any(|cause| {
        match cause.downcast_ref::<io::Error>() {
            Some(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected)
            }
            None => cause.to_string() == "client error (Connect)",
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_connected_was_surely_not_read() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, true),
            (io::ErrorKind::NotConnected, true),
            (io::ErrorKind::ConnectionReset, false),
            (io::ErrorKind::BrokenPipe, false),
            (io::ErrorKind::TimedOut, false),
        ] {
            let error = ConnectorError::io(io::Error::from(kind).into());
            assert_eq!(was_never_connected(&error), expected, "{kind}");
        }
        assert!(was_never_connected(&ConnectorError::io("client error (Connect)".into())));
        assert!(!was_never_connected(&ConnectorError::io("client error (SendRequest)".into())));
        assert!(!was_never_connected(&ConnectorError::timeout("no answer".into())));
    }
}

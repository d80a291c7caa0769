//! The one way out of the process, and how every client of AWS behaves. All adapters send through it,
//! so faults injected there meet the code that ships.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::clock::Clock;

/// HTTPS with pooled connections.
#[must_use]
pub fn https() -> SharedHttpConnector {
    let connector = aws_smithy_http_client::Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    SharedHttpConnector::new(connector)
}

/// The connector as the SDK wants it.
pub(crate) fn client(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_, _| connector.clone())
}

/// Whom AWS sees: Lambda hands the role's credentials over in the environment and renews them with
/// the sandbox; a chain of providers would only add to the cold start.
pub(crate) fn credentials() -> Credentials {
    let variable = |name: &str| std::env::var(name).ok();
    Credentials::new(
        variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "local".into()),
        variable("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "local".into()),
        variable("AWS_SESSION_TOKEN"),
        None,
        "environment",
    )
}

/// Four tries with the SDK's jitter, then an honest 503. Each client counts its retries by itself, in
/// a partition of its own: none runs out of them through another's trouble.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50))
}

/// How long a try may take, and how long all of them.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}

/// What the clients of AWS wait by between tries: the one clock.
pub(crate) fn sleep(clock: &Clock) -> SharedAsyncSleep {
    SharedAsyncSleep::new(ByClock(clock.clone()))
}

#[derive(Debug)]
struct ByClock(Clock);

impl AsyncSleep for ByClock {
    fn sleep(&self, time: Duration) -> Sleep {
        Sleep::new(self.0.sleep(time))
    }
}

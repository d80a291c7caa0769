//! The one way out of the process. The store's client and the payment adapters send through it, so
//! faults injected there meet the code that ships.

use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};

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

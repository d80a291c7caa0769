//! The one way out of the process, and how every client of AWS behaves. All adapters send through it,
//! so faults injected there meet the code that ships.

mod signed;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::clock::Clock;

pub(crate) use signed::Signer;

/// HTTPS with pooled connections. Amazon's names are vouched for by Amazon's own authorities alone, everybody
/// else's by those that the system trusts, which are read once somebody else is called: a hundred and fifty
/// files or so, and half of what a function's start would take.
#[must_use]
pub fn https() -> SharedHttpConnector {
    let amazons = TrustStore::empty().with_pem_certificate(AMAZONS);
    SharedHttpConnector::new(Https { amazon: trusting(amazons), others: Arc::default() })
}

/// The five roots of Amazon Trust Services, which asks of a trust store that it has all of them. One that Amazon
/// adds has to be added here before it is used.
/// <https://www.amazontrust.com/repository/>
const AMAZONS: &str = include_str!("connector/amazon.pem");

#[derive(Clone, Debug)]
struct Https {
    amazon: SharedHttpConnector,
    others: Arc<OnceLock<SharedHttpConnector>>,
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_amazons(request.uri()) {
            return self.amazon.call(request);
        }
        self.others.get_or_init(|| trusting(TrustStore::default())).call(request)
    }
}

/// Whether an address is Amazon's, or needs nobody to vouch for it. China and the European Sovereign Cloud have
/// names of their own, and are left to the system.
fn is_amazons(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<http::Uri>() else { return false };
    let is_plain = uri.scheme() == Some(&http::uri::Scheme::HTTP);
    is_plain || uri.host().is_some_and(|host| host.ends_with(".amazonaws.com"))
}

fn trusting(authorities: TrustStore) -> SharedHttpConnector {
    let context = TlsContext::builder().with_trust_store(authorities).build();
    let connector = aws_smithy_http_client::Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context.expect("a trust store is all that is set"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::fingerprint;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn amazons_names_and_no_others_are_left_to_amazons_authorities() {
        for uri in [
            "https://dynamodb.eu-west-1.amazonaws.com/",
            "https://search-roost-1.eu-west-1.es.amazonaws.com/roost/_search",
            "http://127.0.0.1:8000/_local/stripe",
        ] {
            assert!(is_amazons(uri), "{uri}");
        }
        for uri in [
            "https://api.stripe.com/v1/payment_intents",
            "https://amazonaws.com.adyen.test/",
            "https://evilamazonaws.com/",
            "https://dynamodb.cn-north-1.amazonaws.com.cn/",
            "https://api.stripe.com/dynamodb.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com@api.stripe.com/",
        ] {
            assert!(!is_amazons(uri), "{uri}");
        }
    }

    /// By the beginnings of their SHA-256 fingerprints.
    #[test]
    fn the_authorities_are_those_that_amazon_names() {
        let body = |pem: &str| pem.split("-----").nth(2).unwrap().split_whitespace().collect::<String>();
        let hashes = AMAZONS.split_inclusive("-----END CERTIFICATE-----").filter(|pem| pem.contains("BEGIN"));
        let hashes: Vec<u64> = hashes
            .map(|pem| fingerprint(&STANDARD.decode(body(pem)).unwrap()))
            .map(|hash| u64::from_be_bytes(*hash.first_chunk().unwrap()))
            .collect();
        let named = [
            0x8ecd_e688_4f3d_87b1,
            0x1ba5_b2aa_8c65_401a,
            0x18ce_6cfe_7bf1_4e60,
            0xe35d_2841_9ed0_2025,
            0x568d_6905_a2c8_8708,
        ];
        assert_eq!(hashes, named);
        let _ = https();
    }
}

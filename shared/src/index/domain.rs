//! The search domain, while CloudFormation makes or changes it.

use std::time::Duration;

use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::config::retry::RetryConfig;
use aws_sdk_opensearch::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use tokio::time::{Instant, sleep};

use crate::connector;
use crate::error::{Error, Result};

/// How often the domain is asked whether it is ready.
const EACH: Duration = Duration::from_secs(10);
/// How long it may take to become ready: what is left of Lambda's 15 minutes serves to fill the index.
const AT_MOST: Duration = Duration::from_mins(4);

/// Returns when the domain of this name has an endpoint and is not being changed.
///
/// # Errors
/// `Unavailable` when it is not ready in time.
pub(crate) async fn ready(name: &str, region: &str, connector: SharedHttpConnector) -> Result<()> {
    let config = aws_sdk_opensearch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(connector::credentials())
        .retry_config(RetryConfig::standard())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .http_client(connector::client(connector))
        .build();
    let client = Client::from_conf(config);
    let until = Instant::now() + AT_MOST;
    loop {
        let described = client.describe_domain().domain_name(name).send().await;
        let described = described.map_err(|error| Error::unavailable(format!("search domain: {error:?}")))?;
        let status = described.domain_status;
        let has_endpoint = |status: &aws_sdk_opensearch::types::DomainStatus| {
            status.endpoint().is_some() || status.endpoints().is_some_and(|all| !all.is_empty())
        };
        if status.is_some_and(|status| has_endpoint(&status) && status.processing() != Some(true)) {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Error::unavailable(format!("the search domain {name} is not ready yet")));
        }
        sleep(EACH).await;
    }
}

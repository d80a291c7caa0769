//! EventBridge: where domain events are published.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryPartition;
use aws_sdk_eventbridge::config::{BehaviorVersion, Region};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use crate::clock::Clock;
use crate::config::Config;
use crate::connector;
use crate::error::{Error, Result};
use crate::event::{DomainEvent, SOURCE};

/// The most events that one call takes. An event of ours has less than 500 bytes, a call room for
/// 256 KB: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
const AT_ONCE: usize = 10;

/// The deployment's event bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus that the deployment named.
    ///
    /// # Errors
    /// When it named none.
    pub fn new(config: &Config, http: SharedHttpConnector, clock: &Clock) -> Result<Self> {
        let name = config.event_bus.clone().ok_or_else(|| Error::internal("ROOST_EVENT_BUS is not set"))?;
        let mut builder = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .http_client(connector::client(http))
            .sleep_impl(connector::sleep(clock))
            .retry_config(connector::retries())
            .retry_partition(RetryPartition::custom("roost").build())
            .timeout_config(connector::timeouts());
        builder.set_endpoint_url(config.events_url.clone());
        builder = if config.signs {
            builder.credentials_provider(connector::credentials())
        } else {
            builder.allow_no_auth()
        };
        Ok(Self { client: Client::from_conf(builder.build()), name })
    }

    /// Publishes events, and returns for each what became of it: one call may take some entries and
    /// refuse others, which then have to be published again.
    pub async fn publish(&self, events: &[DomainEvent]) -> Vec<Result<()>> {
        let mut outcomes = Vec::with_capacity(events.len());
        for batch in events.chunks(AT_ONCE) {
            match self.put(batch).await {
                Ok(each) => outcomes.extend(each),
                Err(error) => {
                    let refused = |_| Err(Error::unavailable(format!("the event bus: {error}")));
                    outcomes.extend(batch.iter().map(refused));
                }
            }
        }
        outcomes
    }

    async fn put(&self, events: &[DomainEvent]) -> Result<Vec<Result<()>>> {
        let entry = |event: &DomainEvent| {
            let detail = serde_json::to_string(&event.detail).map_err(Error::internal)?;
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE);
            Ok(entry.detail_type(event.kind.name()).detail(detail).build())
        };
        let entries: Vec<PutEventsRequestEntry> = events.iter().map(entry).collect::<Result<_>>()?;
        let put = self.client.put_events().set_entries(Some(entries)).send().await;
        let put = put.map_err(|error| Error::unavailable(format!("{error:?}")))?;
        if put.entries().len() != events.len() {
            return Err(Error::unavailable("an answer with another number of entries"));
        }
        let outcome = |entry: &aws_sdk_eventbridge::types::PutEventsResultEntry| match entry.error_code() {
            None => Ok(()),
            Some(code) => {
                let message = entry.error_message().unwrap_or_default();
                Err(Error::unavailable(format!("the event bus: {code} {message}")))
            }
        };
        Ok(put.entries().iter().map(outcome).collect())
    }
}

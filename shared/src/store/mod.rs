//! The store: the DynamoDB client and, one file per aggregate, what is asked of it. There is no
//! storage trait and no fake of our own; tests point the same client at an embedded engine.

mod batch;
pub mod blocks;
mod booking_reads;
mod booking_record;
pub mod bookings;
mod calendars;
pub mod cells;
pub mod changes;
mod circuits;
pub mod debts;
mod due;
pub mod filed;
mod imports;
pub mod keys;
pub mod ledger;
mod listing_record;
pub mod listings;
pub mod nights;
pub mod once;
pub mod payment_issues;
pub mod payout_accounts;
pub mod photos;
pub mod projections;
mod reconciliations;
mod take;
pub mod users;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::config::{Config, Tables};
use crate::connector;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use keys::Key;

/// An item as the store keeps it.
pub type Item = HashMap<String, AttributeValue>;

/// The tables.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) tables: Tables,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) confirmed: nights::Confirmed,
    pub(crate) cells: cells::Cells,
    pub(crate) circuits: circuits::Seen,
}

impl Store {
    /// The tables of a deployment.
    #[must_use]
    pub fn new(config: &Config, clock: &Clock, entropy: &Entropy, http: SharedHttpConnector) -> Self {
        let mut builder = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .http_client(connector::client(http))
            .sleep_impl(connector::sleep(clock))
            .retry_config(connector::retries())
            .retry_partition(RetryPartition::custom("roost").build())
            .timeout_config(connector::timeouts())
            // Every call ends after seconds, however slowly its bytes come.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        builder.set_endpoint_url(config.store_url.clone());
        builder = if config.signs {
            builder.credentials_provider(connector::credentials())
        } else {
            builder.allow_no_auth()
        };
        Self {
            client: Client::from_conf(builder.build()),
            tables: config.tables.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            confirmed: nights::Confirmed::default(),
            cells: cells::Cells::default(),
            circuits: circuits::Seen::default(),
        }
    }
}

/// An item's key, as the store wants it.
pub(crate) fn key_of(attributes: (&str, &str), key: &Key) -> Item {
    HashMap::from([
        (attributes.0.to_owned(), AttributeValue::S(key.partition.clone())),
        (attributes.1.to_owned(), AttributeValue::S(key.sort.clone())),
    ])
}

/// A record and its key as an item.
pub(crate) fn item<R: Serialize>(attributes: (&str, &str), key: &Key, record: &R) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(record).map_err(Error::internal)?;
    item.extend(key_of(attributes, key));
    Ok(item)
}

/// The record of an item.
pub(crate) fn record<R: DeserializeOwned>(item: Item) -> Result<R> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::internal(format!("an item of another shape: {error}")))
}

/// Text as an attribute.
pub(crate) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number as an attribute.
pub(crate) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// What a failed call of the store means to the caller: after the SDK's own retries, a 503.
pub(crate) fn fault<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default();
    if code == "ValidationException" {
        return Error::internal(format!("the store refused a call as malformed: {message}"));
    }
    Error::unavailable(format!("store: {code} {message} {error:?}"))
}

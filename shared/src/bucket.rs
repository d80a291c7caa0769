//! A bucket in S3: objects by key, and permission to put one, for somebody else to use.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use crate::clock::{Clock, Instant};
use crate::config::Config;
use crate::connector;
use crate::error::{Error, Result};

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// What an object is besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its media type.
    pub content_type: &'static str,
    /// How long whoever reads it may keep it, as the header `Cache-Control` says it.
    pub cache_control: Option<&'static str>,
}

/// An object that somebody else is allowed to put: exactly these bytes.
#[derive(Clone, Debug)]
pub struct Upload<'a> {
    /// Under which key.
    pub key: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in base 64.
    pub sha256: &'a str,
    /// From when on, to the second.
    pub from: Instant,
    /// For how long.
    pub valid: Duration,
}

/// The request that puts an [`Upload`]. The store refuses another length, type or content.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where to.
    pub url: String,
    /// The headers that have to be sent; a client sets the length by itself.
    pub headers: Vec<(String, String)>,
}

impl Bucket {
    /// The bucket of this name.
    #[must_use]
    pub fn new(config: &Config, name: &str, http: SharedHttpConnector, clock: &Clock) -> Self {
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(connector::credentials())
            .http_client(connector::client(http))
            .sleep_impl(connector::sleep(clock))
            // TLS guards what we send; a second checksum of every body would only cost time.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(connector::retries())
            // An object of 20 MB takes a second or two.
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(1))
                    .operation_attempt_timeout(Duration::from_secs(10))
                    .operation_timeout(Duration::from_secs(25))
                    .build(),
            );
        if let Some(url) = &config.buckets_url {
            builder = builder.endpoint_url(url).force_path_style(true);
        }
        Self { client: Client::from_conf(builder.build()), name: name.to_owned() }
    }

    /// Puts an object, in the place of what was there.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, kind: Kind) -> Result<()> {
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(kind.content_type)
            .set_cache_control(kind.cache_control.map(str::to_owned))
            .body(ByteStream::from(bytes));
        put.send().await.map(|_| ()).map_err(fault)
    }

    /// An object's bytes; `None` when there is none.
    ///
    /// # Errors
    /// `Internal` when it has more than `most` bytes, of which none is kept.
    pub async fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let got = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(got) => got,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(fault(error)),
        };
        if got.content_length().is_none_or(|length| u64::try_from(length).is_ok_and(|length| length > most)) {
            return Err(Error::internal(format!("the object {key} is larger than {most} bytes")));
        }
        let bytes = got.body.collect().await.map_err(Error::unavailable)?;
        Ok(Some(bytes.to_vec()))
    }

    /// Up to 1,000 keys that begin with `prefix` and come after `after`, in ascending order.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>> {
        let page = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(fault)?;
        Ok(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }

    /// Deletes an object; one that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let deleted = self.client.delete_object().bucket(&self.name).key(key).send().await;
        deleted.map(|_| ()).map_err(fault)
    }

    /// The request by which somebody else puts an object. Nothing is sent: it is signed here, and
    /// holds for as long as it says and the credentials that sign it live. The same upload signed by the
    /// same credentials is the same request to the byte.
    pub async fn sign(&self, upload: Upload<'_>) -> Result<Signed> {
        let length = i64::try_from(upload.bytes).map_err(Error::internal)?;
        let valid = PresigningConfig::builder()
            .start_time(SystemTime::from(upload.from))
            .expires_in(upload.valid)
            .build()
            .map_err(Error::internal)?;
        let signed = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(upload.key)
            .content_type(upload.content_type)
            .content_length(length)
            .checksum_sha256(upload.sha256)
            .presigned(valid)
            .await
            .map_err(fault)?;
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let headers = signed.headers().map(own).filter(|(name, _)| name != "content-length").collect();
        Ok(Signed { url: signed.uri().to_owned(), headers })
    }
}

/// What a failed call means to the caller: after the SDK's own retries, a 503.
fn fault<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let code = error.code().unwrap_or_default().to_owned();
    Error::unavailable(format!("bucket: {code} {error:?}"))
}

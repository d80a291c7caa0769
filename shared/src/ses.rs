//! SES: who carries mail.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryPartition;
use aws_sdk_sesv2::config::{BehaviorVersion, Region};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as Simple};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::clock::Clock;
use crate::config::Config;
use crate::connector;
use crate::error::{Error, Result};
use crate::mail::{Message, one_line};

/// The deployment's way to send mail.
#[derive(Clone, Debug)]
pub struct Post {
    client: Client,
    /// `"Roost" <stay@example.com>`.
    from: String,
}

impl Post {
    /// The way that the deployment's settings name.
    ///
    /// # Errors
    /// When they name no sender.
    pub fn new(config: &Config, http: SharedHttpConnector, clock: &Clock) -> Result<Self> {
        let (sender, site) = config.mail_sender.as_ref().zip(config.site.as_ref()).ok_or_else(|| {
            Error::internal("ROOST_MAIL_SENDER, ROOST_SITE_NAME or ROOST_WEB_URL is not set")
        })?;
        let mut builder = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(connector::credentials())
            .http_client(connector::client(http))
            .sleep_impl(connector::sleep(clock))
            .retry_config(connector::retries())
            .retry_partition(RetryPartition::custom("roost").build())
            .timeout_config(connector::timeouts());
        builder.set_endpoint_url(config.mail_url.clone());
        Ok(Self { client: Client::from_conf(builder.build()), from: from(&site.name, sender) })
    }

    /// Hands a mail to SES, which has taken it when this returns. The SDK's own retries may make it
    /// two when an answer is lost: SES has no idempotency token.
    ///
    /// # Errors
    /// `Unavailable` when it was not taken.
    pub async fn send(&self, message: &Message) -> Result<()> {
        let part =
            |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(Error::internal);
        let body = Body::builder().text(part(&message.text)?).html(part(&message.html)?).build();
        let simple = Simple::builder().subject(part(&message.subject)?).body(body).build();
        self.client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(message.to.as_str()).build())
            .content(EmailContent::builder().simple(simple).build())
            .send()
            .await
            .map_err(|error| Error::unavailable(format!("mail was not taken: {error:?}")))?;
        Ok(())
    }
}

/// A sender as the header `From` takes it: a name of other letters than ASCII's as an encoded word
/// (RFC 2047).
fn from(name: &str, sender: &str) -> String {
    let name = one_line(name).replace(['"', '\\'], "");
    if name.is_ascii() {
        format!("\"{name}\" <{sender}>")
    } else {
        format!("=?UTF-8?B?{}?= <{sender}>", BASE64_STANDARD.encode(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_one_ascii_header() {
        assert_eq!(from("Roost", "stay@example.com"), "\"Roost\" <stay@example.com>");
        assert_eq!(from("A\"\r\nBcc: b", "stay@example.com"), "\"A Bcc: b\" <stay@example.com>");
        assert_eq!(from("Zuhause ü", "stay@example.com"), "=?UTF-8?B?WnVoYXVzZSDDvA==?= <stay@example.com>");
    }
}

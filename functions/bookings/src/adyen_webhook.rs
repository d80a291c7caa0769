//! `POST /v1/webhooks/adyen`: Adyen says that something has happened, or several things.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::payment::ProviderName;
use roost::psp::adyen::webhook;
use serde::Deserialize;

use crate::hinted::{self, Received};

/// The operation.
#[derive(Debug)]
pub struct AdyenWebhook;

impl Operation for AdyenWebhook {
    const NAME: &'static str = "adyen-webhook";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/webhooks/adyen";
    const SUMMARY: &'static str = "Called by Adyen, with a signature in each of its notifications.";
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Notifications;
    type Reply = Received;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Received>> {
        for hint in webhook::read(&app.config.adyen_webhook_keys, call.bytes()?)? {
            Box::pin(hinted::act(&app, ProviderName::Adyen, &hint)).await?;
        }
        Ok(Answer::ok(Received { received: true }))
    }
}

/// Notifications, as Adyen sends them; what else they have is not read.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct Notifications {
    /// Whether it is of real money; not read.
    #[serde(rename = "live", default)]
    _live: Option<serde_json::Value>,
    /// What has happened.
    #[serde(rename = "notificationItems")]
    _notification_items: Vec<Wrapped>,
}

/// A notification in its wrapping.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct Wrapped {
    /// The notification.
    #[serde(rename = "NotificationRequestItem")]
    _item: serde_json::Map<String, serde_json::Value>,
}

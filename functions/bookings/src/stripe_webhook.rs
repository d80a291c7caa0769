//! `POST /v1/webhooks/stripe`: Stripe says that something has happened.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::payment::ProviderName;
use roost::psp::stripe::webhook;
use serde::Deserialize;

use crate::hinted::{self, Received};

/// The operation.
#[derive(Debug)]
pub struct StripeWebhook;

impl Operation for StripeWebhook {
    const NAME: &'static str = "stripe-webhook";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/webhooks/stripe";
    const SUMMARY: &'static str = "Called by Stripe, with a signature over the body.";
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Event;
    type Reply = Received;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Received>> {
        let signature = call.header("stripe-signature").unwrap_or_default();
        let now = app.clock.now();
        let hint = webhook::read(&app.config.stripe_webhook_secrets, signature, call.bytes()?, now)?;
        Box::pin(hinted::act(&app, ProviderName::Stripe, &hint)).await?;
        Ok(Answer::ok(Received { received: true }))
    }
}

/// An event, as Stripe sends it; what else it has is not read.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// The event's id.
    #[serde(rename = "id")]
    _id: String,
    /// What has happened.
    #[serde(rename = "type")]
    _type: String,
    /// To what.
    #[serde(rename = "data")]
    _data: EventData,
}

/// What an event is about.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct EventData {
    /// A payment, or something else of the provider's, as it was.
    #[serde(rename = "object")]
    _object: serde_json::Map<String, serde_json::Value>,
}

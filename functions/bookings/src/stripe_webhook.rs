//! `POST /v1/webhooks/stripe`: Stripe says that something has happened. The money of the booking that it
//! is about is asked for and settled, as the answer of a call would have; what has been settled since, or
//! is nothing to us, is acknowledged.

use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::{Error, Result};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::ids::EventId;
use roost::psp::stripe::webhook::{self, Hint};
use roost::secrets::Purpose;
use roost::store::once::Once;
use serde::{Deserialize, Serialize};

use crate::paying;
use crate::settling::settle_up;

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
        let received = Ok(Answer::ok(Received { received: true }));
        let Some(booking) = unsettled(&app, &hint).await? else { return received };
        let parts: [&[u8]; 2] = [b"stripe event", hint.event.as_bytes()];
        let event = EventId::from_bits(app.secrets.keyed_hash(Purpose::Idempotency, &parts));
        match app.store.claim_once(event, "settled").await? {
            Once::Done => received,
            Once::Busy => Err(Error::unavailable("another call of this event is at work")),
            Once::Do(claimed) => match Box::pin(settle(&app, booking)).await {
                Ok(()) => app.store.mark_done(&claimed).await.and(received),
                Err(error) => app.store.give_claim_up(&claimed).await.and(Err(error)),
            },
        }
    }
}

/// The booking that an event is about, if its money may be elsewhere than it should. Nearly always the
/// answer of the call that moved it has come first, and then there is nothing to write.
async fn unsettled(app: &App, hint: &Hint) -> Result<Option<Booking>> {
    let Some(id) = hint.booking else { return Ok(None) };
    let Some(booking) = app.store.booking(id).await? else { return Ok(None) };
    let last = booking.attempts.len().checked_sub(1);
    let latest = last.map(|index| booking.payment_id(&app.secrets, index));
    // What tells of less than an end must not end an attempt that is under way.
    let paying = booking.state == State::PaymentStarted && hint.may_end_payment && hint.payment == latest;
    Ok(Some(booking).filter(|booking| paying || booking.unsettled && booking.state != State::PaymentStarted))
}

async fn settle(app: &App, booking: Booking) -> Result<()> {
    if booking.state != State::PaymentStarted {
        return settle_up(app, booking).await.map(|_| ());
    }
    match paying::settle(app, booking).await {
        Ok(_) | Err(Error::PaymentRefused(_)) => Ok(()),
        Err(error) => Err(error),
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

/// That it is received.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Received {
    /// Always.
    received: bool,
}

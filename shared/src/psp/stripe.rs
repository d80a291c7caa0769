//! Stripe: one `PaymentIntent` per attempt to pay, created unconfirmed, then confirmed by its id.
//!
//! Three rules keep an attempt from charging twice, whatever the network does:
//! - A call is repeated under its idempotency key until Stripe answers. Another key is used only
//!   once Stripe has shown, by replaying it, that the first key's stored answer is a failure of its
//!   own: so all calls of an attempt agree on the one intent that was ever confirmed.
//! - An answer that Stripe replays tells the id, never the status: that is asked for.
//! - An attempt that is not held in the end is cancelled, and a confirmation that is still on its
//!   way then finds a cancelled intent.

mod amount;
mod client;
mod wire;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use std::time::Duration;

pub use amount::{from_stripe, to_stripe};

use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::payment::{Authorization, PaymentOrder, PaymentProvider};
use client::{Client, Reply};
use wire::{Intent, Refusal, Status};

/// How long one question of the domain may take, all its calls together: a function has 29 seconds
/// behind API Gateway and has to write the outcome down afterwards.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many keys a create may use up. Each stored failure of Stripe's takes one.
const MOST_CREATE_KEYS: u32 = 8;

/// How many keys a confirmation or a cancellation may use up. An attempt whose confirmation has no
/// key left is cancelled.
const MOST_KEYS: u32 = 2;

/// Payments through Stripe.
#[derive(Debug)]
pub struct Stripe {
    client: Client,
    clock: Clock,
    entropy: Entropy,
}

impl Stripe {
    /// The adapter for the account in `config`; every byte leaves through `connector`.
    ///
    /// # Errors
    /// When the deployment set no account.
    pub fn new(
        config: &Config,
        connector: SharedHttpConnector,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self> {
        let account = config
            .stripe
            .as_ref()
            .ok_or_else(|| Error::internal("ROOST_STRIPE_URL and ROOST_STRIPE_KEY are not set"))?;
        let client = Client::new(account, connector, clock, entropy);
        Ok(Self { client, clock: clock.clone(), entropy: entropy.clone() })
    }

    async fn authorized(&self, order: &PaymentOrder) -> Authorization {
        let until = self.clock.passed() + PATIENCE;
        let id = match self.intent_of(order, until).await {
            Ok(id) => id,
            Err(end) => return end,
        };
        for turn in 1..=MOST_KEYS {
            let reply =
                self.client.post(&path(&id, "/confirm"), "", &key(order, "confirm", turn), until).await;
            match reply {
                Reply::Intent { intent, replayed: false } if intent.status == Status::RequiresCapture => {
                    return Authorization::Held { reference: id };
                }
                Reply::Refused(refusal) if refusal.is_of_the_card() => {
                    return Authorization::Declined {
                        reference: Some(id),
                        authentication_required: refusal.error.wants_authentication(),
                    };
                }
                Reply::Spent => {}
                _ => break,
            }
        }
        self.concluded(id, until).await
    }

    async fn settled(&self, order: &PaymentOrder) -> Authorization {
        let until = self.clock.passed() + PATIENCE;
        match self.intent_of(order, until).await {
            Ok(id) => self.concluded(id, until).await,
            Err(end) => end,
        }
    }

    async fn voided(&self, order: &PaymentOrder) -> bool {
        let until = self.clock.passed() + PATIENCE;
        match self.intent_of(order, until).await {
            Ok(id) => self.cancelled(&id, until).await.is_some(),
            // Stripe refused to make the intent at all, so there is nothing to give back.
            Err(Authorization::Declined { .. } | Authorization::Nothing) => true,
            Err(_) => false,
        }
    }

    /// The id of the order's intent. Creating it again under its key gives the same; one that never
    /// was is made, and harmless until it is confirmed. The error is how the attempt ends instead.
    async fn intent_of(
        &self,
        order: &PaymentOrder,
        until: Duration,
    ) -> std::result::Result<String, Authorization> {
        if let Some(reference) = &order.reference {
            return Ok(reference.clone());
        }
        let form = wire::create_form(order);
        for turn in 1..=MOST_CREATE_KEYS {
            match self.client.post(wire::INTENTS, &form, &key(order, "create", turn), until).await {
                Reply::Intent { intent, .. } => return Ok(intent.id),
                Reply::Refused(refusal) => return Err(never_begun(order, &refusal)),
                Reply::Spent => {}
                Reply::Silent(context) => return Err(Authorization::Unknown { context }),
            }
        }
        Err(Authorization::Unknown { context: format!("every key of {} is spent", order.payment) })
    }

    /// What became of an intent; one that is not held is cancelled, so that it never will be.
    async fn concluded(&self, id: String, until: Duration) -> Authorization {
        let intent = match self.client.get(&path(&id, ""), until).await {
            Reply::Intent { intent, .. } => intent,
            other => return Authorization::Unknown { context: other.trouble() },
        };
        match intent.status {
            Status::RequiresCapture | Status::Succeeded => Authorization::Held { reference: id },
            Status::Canceled => why_not_held(&intent),
            Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {
                match self.cancelled(&id, until).await {
                    // Between the two calls a confirmation may have met a refusal; asked before,
                    // the intent knew whether the card wanted its holder.
                    Some(last) => match why_not_held(&intent) {
                        Authorization::Nothing => why_not_held(&last),
                        refused => refused,
                    },
                    None => Authorization::Unknown { context: format!("{id} could not be cancelled") },
                }
            }
            Status::Processing | Status::Other => {
                Authorization::Unknown { context: format!("{id} is still processed") }
            }
        }
    }

    /// Cancels an intent, which gives back what it held; the intent once Stripe says that it is
    /// cancelled. Cancelling is the same however often it is done, so its key only has to tell the
    /// tries of one call from the next: a stored failure does not stand in the way of a later call.
    async fn cancelled(&self, id: &str, until: Duration) -> Option<Intent> {
        let key = format!("{id}:cancel:{}", URL_SAFE_NO_PAD.encode(self.entropy.bytes::<12>()));
        for turn in 1..=MOST_KEYS {
            let key = format!("{key}:{turn}");
            match self.client.post(&path(id, "/cancel"), "", &key, until).await {
                Reply::Intent { intent, .. } if intent.status == Status::Canceled => return Some(intent),
                Reply::Spent => {}
                _ => break,
            }
        }
        match self.client.get(&path(id, ""), until).await {
            Reply::Intent { intent, .. } if intent.status == Status::Canceled => Some(intent),
            _ => None,
        }
    }
}

impl PaymentProvider for Stripe {
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.authorized(order))
    }

    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.settled(order))
    }

    fn void<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, bool> {
        Box::pin(self.voided(order))
    }
}

/// The idempotency key of one operation of an attempt; the first has no number.
fn key(order: &PaymentOrder, operation: &str, turn: u32) -> String {
    let suffix = if turn == 1 { String::new() } else { format!(":{turn}") };
    format!("{}:{}:{operation}{suffix}", order.booking, order.payment)
}

fn path(id: &str, action: &str) -> String {
    format!("{}/{id}{action}", wire::INTENTS)
}

/// How an attempt ends whose intent Stripe refused to make.
fn never_begun(order: &PaymentOrder, refusal: &Refusal) -> Authorization {
    if refusal.is_of_the_card() || refusal.is_of_an_unknown_card() {
        let authentication_required = refusal.error.wants_authentication();
        return Authorization::Declined { reference: None, authentication_required };
    }
    // Not the guest's doing: the account, the key or the request is wrong, and an operator has to know.
    tracing::error!(payment = %order.payment, %refusal, "Stripe refused to begin a payment");
    if refusal.status == 400 && !refusal.error.is_about_the_key() {
        return Authorization::Nothing;
    }
    Authorization::Unknown { context: refusal.to_string() }
}

/// Why an intent that rests without a hold has none.
fn why_not_held(intent: &Intent) -> Authorization {
    let reference = Some(intent.id.clone());
    match &intent.last_payment_error {
        _ if intent.status == Status::RequiresAction => {
            Authorization::Declined { reference, authentication_required: true }
        }
        Some(error) if error.is_of_the_card() => {
            Authorization::Declined { reference, authentication_required: error.wants_authentication() }
        }
        _ => Authorization::Nothing,
    }
}

#[cfg(test)]
mod tests;

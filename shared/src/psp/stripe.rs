//! Stripe: one `PaymentIntent` per attempt to pay, created unconfirmed, then confirmed by its id.
//!
//! Three rules keep an attempt from charging twice, whatever the network does:
//! - A call is repeated under its idempotency key until Stripe answers. Another key is used only
//!   once Stripe has shown, by replaying it, that the first key's stored answer is a failure of its
//!   own: so all calls of an attempt agree on the one intent that was ever confirmed.
//! - An answer that Stripe replays tells the id, never the status: that is asked for.
//! - An attempt that is not held in the end is cancelled, and a confirmation that is still on its
//!   way then finds a cancelled intent.
//!
//! A bank that wants the guest to confirm (3-D Secure) gets him if he is there: the intent waits, his
//! client confirms it at Stripe with its secret, and [`PaymentProvider::resume`] finds what came of it.

mod amount;
mod cards;
mod client;
mod connect;
mod disputes;
mod errors;
mod movements;
pub mod webhook;
mod wire;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

pub use amount::{from_stripe, to_stripe};

use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::payment::{Authorization, Capture, PaymentOrder, PaymentProvider, Refund, Void};
use crate::planted::{self, Bug};
use crate::psp::setback::Setback;
use client::{Client, Reply};
use errors::{Class, never_begun, why_not_held};
use wire::{Intent, Refusal, Status};

/// How long one question of the domain may take, all its calls together: a function has 29 seconds
/// behind API Gateway, asks up to three times where a card is given up, money held and then taken, and has to write the outcome down.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long Stripe surely remembers a key: it forgets after a day. A create that is repeated later would
/// make another intent and say nothing of the first.
const KEYS_LAST: crate::clock::Duration = crate::clock::Duration::from_hours(23);

/// How many keys a create may use up. Each stored failure of Stripe's takes one.
const MOST_CREATE_KEYS: u32 = 8;

/// How many keys a refund or a transfer may use up: it is owed until it is made, so it is tried for longer.
const MOST_KEYS_OF_A_DEBT: u32 = 100;

/// How many keys one call of a confirmation, a capture or a cancellation may use up. An attempt whose
/// confirmation has no key left is cancelled.
const MOST_KEYS: u32 = 2;

/// The id of an attempt's intent.
struct Named {
    id: String,
    /// Whether this call made it: then no other has asked to confirm it yet.
    is_new: bool,
}

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
        let Named { id, is_new } = match self.intent_of(order, until).await {
            Ok(named) => named,
            Err(end) => return end,
        };
        for turn in 1..=MOST_KEYS {
            let confirmation = key(order, "confirm", turn);
            match self
                .client
                .post(&path(&id, "/confirm"), &wire::confirm_form(order), &confirmation, until)
                .await
            {
                Reply::Done { object: intent, replayed: false } if is_held(&intent) => {
                    return Authorization::Held { reference: id, capture_before: intent.capture_before() };
                }
                Reply::Refused(refusal) if refusal.is_of_the_card() => {
                    return Authorization::Declined {
                        reference: Some(id),
                        authentication_required: refusal.error.wants_authentication(),
                    };
                }
                Reply::Spent => {}
                // Nobody has confirmed it and nobody will: a new intent does no harm. One that was there
                // before may have been confirmed by another call, whose answer was lost.
                Reply::Unreached(context) if is_new && turn == 1 => {
                    return Authorization::Unreached { context };
                }
                Reply::Done { object: intent, replayed: false } if order.guest_is_there => {
                    if let Some(waits) = waits_for_the_guest(&intent) {
                        return waits;
                    }
                    break;
                }
                _ => break,
            }
        }
        match self.shown(&id, until).await {
            Reply::Done { object: intent, .. } => match waits_for_the_guest(&intent) {
                Some(waits) if order.guest_is_there => waits,
                _ => self.concluded(intent, order, until).await,
            },
            other => Authorization::Unknown { context: other.trouble() },
        }
    }

    async fn settled(&self, order: &PaymentOrder) -> Authorization {
        let until = self.clock.passed() + PATIENCE;
        match self.intent_of(order, until).await {
            Ok(Named { id, .. }) => match self.shown(&id, until).await {
                Reply::Done { object: intent, .. } => self.concluded(intent, order, until).await,
                other => Authorization::Unknown { context: other.trouble() },
            },
            // Not reached now; an earlier call may have been.
            Err(Authorization::Unreached { context }) => Authorization::Unknown { context },
            Err(end) => end,
        }
    }

    async fn resumed(&self, order: &PaymentOrder) -> Authorization {
        let until = self.clock.passed() + PATIENCE;
        let Some(id) = order.reference.as_deref() else {
            return Authorization::Unknown { context: format!("{} has no reference", order.payment) };
        };
        let intent = match self.shown(id, until).await {
            Reply::Done { object: intent, .. } => intent,
            other => return Authorization::Unknown { context: other.trouble() },
        };
        if let Some(waits) = waits_for_the_guest(&intent) {
            return waits;
        }
        let was_confirmed_in_vain = intent.status == Status::RequiresPaymentMethod;
        match self.concluded(intent, order, until).await {
            // Stripe says that the confirmation came to nothing, if not by whose doing.
            Authorization::Nothing if was_confirmed_in_vain => {
                Authorization::Declined { reference: Some(id.to_owned()), authentication_required: false }
            }
            end => end,
        }
    }

    async fn voided(&self, order: &PaymentOrder) -> Void {
        let until = self.clock.passed() + PATIENCE;
        match self.intent_of(order, until).await {
            Ok(Named { id, .. }) => match self.cancelled(&id, until).await {
                Ok(intent) if intent.status == Status::Succeeded => Void::Taken(intent.taken(order.amount)),
                Ok(_) => Void::Done,
                Err(setback) => setback.into(),
            },
            Err(Authorization::Unknown { context } | Authorization::Unreached { context }) => {
                Void::Unknown { context }
            }
            // Stripe refused to make the intent at all, so there is nothing to give back.
            Err(_) => Void::Done,
        }
    }

    /// Captures once, whatever the keys: an intent can be captured no second time.
    async fn captured(&self, order: &PaymentOrder, amount: Money) -> Capture {
        let until = self.clock.passed() + PATIENCE;
        let id = match self.intent_of(order, until).await {
            Ok(named) => named.id,
            Err(Authorization::Unknown { context } | Authorization::Unreached { context }) => {
                return Capture::Unknown { context };
            }
            Err(_) => return Capture::Gone,
        };
        let form = wire::capture_form(amount);
        let key = self.key_of_one_call(&id, "capture");
        let mut refused = None;
        for turn in 1..=MOST_KEYS {
            match self.client.post(&path(&id, "/capture"), &form, &format!("{key}:{turn}"), until).await {
                Reply::Done { object: intent, replayed: false } if is_taken(&intent) => {
                    return Capture::Taken(intent.taken(amount));
                }
                Reply::Spent => {}
                Reply::Refused(refusal) => {
                    refused = Some(refusal.setback());
                    break;
                }
                // Answered before, or not answered: only the intent itself tells.
                _ => break,
            }
        }
        match self.shown(&id, until).await {
            Reply::Done { object: intent, .. } => match intent.status {
                Status::Succeeded => Capture::Taken(intent.taken(amount)),
                Status::Canceled | Status::RequiresPaymentMethod => Capture::Gone,
                status => refused.unwrap_or_else(|| Setback::Passing(format!("{id} is {status:?}"))).into(),
            },
            other => other.setback().into(),
        }
    }

    /// Refunds once under each number: what Stripe has of it is asked for first, since it forgets keys
    /// after a day. Two who ask at once find nothing, and then use the same key.
    async fn refunded(&self, order: &PaymentOrder, amount: Money, number: u32) -> Refund {
        if amount::is_nothing(amount) {
            return Refund::Done;
        }
        let until = self.clock.passed() + PATIENCE;
        let id = match self.intent_of(order, until).await {
            Ok(named) => named.id,
            Err(end) => return Refund::Unknown { context: format!("{end:?}") },
        };
        let form = wire::refund_form(order, &id, amount, number);
        for turn in 1..=MOST_KEYS_OF_A_DEBT {
            let made = match self.refunds_of_number(&id, number, until).await {
                Ok(made) if made.iter().any(wire::Refund::stands) && !planted::is(Bug::RefundWithoutKey) => {
                    return Refund::Done;
                }
                Ok(made) => made,
                Err(setback) => return setback.into(),
            };
            let mut key = key(order, &format!("refund:{number}"), turn);
            if planted::is(Bug::RefundWithoutKey) {
                key = self.key_of_one_call(&id, "refund");
            }
            match self.client.post::<wire::Refund>(wire::REFUNDS, &form, &key, until).await {
                // Told again of one that has come back since: the card is closed, or somebody has stopped it.
                Reply::Done { object: refund, .. } if made.iter().any(|made| made.id == refund.id) => {}
                Reply::Done { object: refund, .. } if refund.stands() => return Refund::Done,
                Reply::Done { object: refund, .. } => {
                    return Refund::Refused { context: format!("{refund:?}") };
                }
                // A refusal that Stripe has stored is an earlier one: what it was for may be mended since.
                Reply::Spent | Reply::Refused(Refusal { replayed: true, .. }) => {}
                Reply::Refused(refusal) if refusal.class() == Class::Done => return Refund::Done,
                other => return other.setback().into(),
            }
        }
        Refund::Unknown { context: String::from("every key is spent") }
    }

    /// What Stripe has of a refund: one that stands, and those of that number that failed.
    async fn refunds_of_number(
        &self,
        id: &str,
        number: u32,
        until: Duration,
    ) -> std::result::Result<Vec<wire::Refund>, Setback> {
        let refunds = self.refunds_of(id, until).await?;
        Ok(refunds.into_iter().filter(|refund| refund.number() == Some(number)).collect())
    }

    /// What Stripe has of a payment's refunds.
    async fn refunds_of(&self, id: &str, until: Duration) -> std::result::Result<Vec<wire::Refund>, Setback> {
        let path = format!("{}?payment_intent={id}&limit=100", wire::REFUNDS);
        match self.client.get::<wire::Refunds>(&path, until).await {
            Reply::Done { object, .. } => Ok(object.data),
            other => Err(other.setback()),
        }
    }

    async fn shown(&self, id: &str, until: Duration) -> Reply<Intent> {
        self.client.get(&path(id, &format!("?{}", wire::shown_form())), until).await
    }

    /// The id of the order's intent. Creating it again under its key gives the same; one that never
    /// was is made, and harmless until it is confirmed. The error is how the attempt ends instead.
    async fn intent_of(
        &self,
        order: &PaymentOrder,
        until: Duration,
    ) -> std::result::Result<Named, Authorization> {
        if let Some(reference) = &order.reference {
            return Ok(Named { id: reference.clone(), is_new: false });
        }
        if self.clock.now() > order.began + KEYS_LAST {
            return self.found_intent_of(order, until).await;
        }
        let card = self.card_of(order, until).await?;
        let form = wire::create_form(order, &card);
        let (Intent { id, .. }, replayed) =
            self.created(order, "create", wire::INTENTS, &form, until).await?;
        Ok(Named { id, is_new: !replayed })
    }

    /// Something that is made for an order before its intent is confirmed, and whether Stripe has made it
    /// before; always the same under the same name. The error is how the attempt ends instead.
    async fn created<T: DeserializeOwned + fmt::Debug>(
        &self,
        order: &PaymentOrder,
        name: &str,
        path: &str,
        form: &str,
        until: Duration,
    ) -> std::result::Result<(T, bool), Authorization> {
        for turn in 1..=MOST_CREATE_KEYS {
            match self.client.post(path, form, &key(order, name, turn), until).await {
                Reply::Done { object, replayed } => return Ok((object, replayed)),
                Reply::Refused(refusal) => return Err(never_begun(order, &refusal)),
                Reply::Spent => {}
                Reply::Unreached(context) if turn == 1 => return Err(Authorization::Unreached { context }),
                Reply::Unreached(context) | Reply::Silent(context) => {
                    return Err(Authorization::Unknown { context });
                }
            }
        }
        Err(Authorization::Unknown { context: format!("every key of {} is spent", order.payment) })
    }

    /// The intent of an order whose keys are forgotten, if one was ever made.
    async fn found_intent_of(
        &self,
        order: &PaymentOrder,
        until: Duration,
    ) -> std::result::Result<Named, Authorization> {
        let path = path("search", &format!("?{}", wire::search_form(order)));
        match self.client.get::<wire::Intents>(&path, until).await {
            Reply::Done { object, .. } => {
                // A create that Stripe failed at may have left another, which was never confirmed.
                let paid = object.data.iter().position(|intent| is_held(intent) || is_taken(intent));
                let found = object.data.into_iter().nth(paid.unwrap_or_default());
                found.map(|intent| Named { id: intent.id, is_new: false }).ok_or(Authorization::Nothing)
            }
            other => Err(Authorization::Unknown { context: other.trouble() }),
        }
    }

    /// What became of an intent; one that is not held is cancelled, so that it never will be.
    async fn concluded(&self, intent: Intent, order: &PaymentOrder, until: Duration) -> Authorization {
        match intent.status {
            Status::RequiresCapture => {
                let capture_before = intent.capture_before();
                Authorization::Held { reference: intent.id, capture_before }
            }
            Status::Succeeded => Authorization::Taken(intent.taken(order.amount)),
            Status::Canceled => why_not_held(&intent),
            Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction => {
                match self.cancelled(&intent.id, until).await {
                    Ok(last) if is_taken(&last) => Authorization::Taken(last.taken(order.amount)),
                    // Between the two calls a confirmation may have met a refusal; asked before,
                    // the intent knew whether the card wanted its holder.
                    Ok(last) => match why_not_held(&intent) {
                        Authorization::Nothing => why_not_held(&last),
                        refused => refused,
                    },
                    Err(setback) => Authorization::Unknown { context: setback.context() },
                }
            }
            Status::Processing | Status::Other => {
                Authorization::Unknown { context: format!("{} is still processed", intent.id) }
            }
        }
    }

    /// Keys of what is the same however often it is done: they only have to tell the tries of one call
    /// from the next, so that a failure that Stripe has stored does not stand in the way of a later call.
    fn key_of_one_call(&self, id: &str, operation: &str) -> String {
        format!("{id}:{operation}:{}", URL_SAFE_NO_PAD.encode(self.entropy.bytes::<12>()))
    }

    /// Cancels an intent, which gives back what it held; the intent once Stripe says that it is
    /// cancelled, or that it was captured before.
    async fn cancelled(&self, id: &str, until: Duration) -> std::result::Result<Intent, Setback> {
        let key = self.key_of_one_call(id, "cancel");
        let mut refused = None;
        for turn in 1..=MOST_KEYS {
            let key = format!("{key}:{turn}");
            match self.client.post(&path(id, "/cancel"), "", &key, until).await {
                Reply::Done { object: intent, .. } if is_cancelled(&intent) => return Ok(intent),
                Reply::Spent => {}
                Reply::Refused(refusal) => {
                    refused = Some(refusal.setback());
                    break;
                }
                _ => break,
            }
        }
        match self.shown(id, until).await {
            Reply::Done { object: intent, .. } if is_cancelled(&intent) || is_taken(&intent) => Ok(intent),
            Reply::Done { object: intent, .. } => Err(refused.unwrap_or_else(|| {
                Setback::Passing(format!("{id} could not be cancelled and is {:?}", intent.status))
            })),
            other => Err(other.setback()),
        }
    }
}

/// An intent that its guest can confirm, as the domain sees it.
fn waits_for_the_guest(intent: &Intent) -> Option<Authorization> {
    let secret = intent.secret()?.to_owned();
    Some(Authorization::ActionRequired { reference: intent.id.clone(), secret })
}

fn is_held(intent: &Intent) -> bool {
    intent.status == Status::RequiresCapture
}

fn is_taken(intent: &Intent) -> bool {
    intent.status == Status::Succeeded
}

fn is_cancelled(intent: &Intent) -> bool {
    intent.status == Status::Canceled
}

impl PaymentProvider for Stripe {
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.authorized(order))
    }

    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.settled(order))
    }

    fn resume<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.resumed(order))
    }

    fn capture<'a>(&'a self, order: &'a PaymentOrder, amount: Money) -> BoxFuture<'a, Capture> {
        Box::pin(self.captured(order, amount))
    }

    fn void<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Void> {
        Box::pin(self.voided(order))
    }

    fn refund<'a>(&'a self, order: &'a PaymentOrder, amount: Money, number: u32) -> BoxFuture<'a, Refund> {
        Box::pin(self.refunded(order, amount, number))
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

#[cfg(test)]
mod tests;

//! Adyen, over Checkout API v71: the second provider, which takes the guests' money while the first cannot
//! be reached. It only stands in, so it offers less: a bank that wants the guest to confirm (3-D Secure)
//! has declined, and hosts are not paid from here.
//!
//! Adyen has no call that tells where a payment stands. So the rules are others than Stripe's:
//! - What became of an attempt is asked by beginning it again under its key: Adyen gives the first answer
//!   again. What had never been begun is begun then, and may be held; who asked gives it back if its time
//!   has run out. Where the keys are no longer sure, the attempt is cancelled by our name of it.
//! - A capture, a reversal or a refund is taken on and done later. That it was taken on counts as done; if
//!   it fails, a notification says so, and that is an operator's.
//! - What Adyen keeps of a payment is not said here: fees come with its settlement reports.

mod amount;
mod client;
mod errors;
pub mod webhook;
mod wire;

use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use futures::future::BoxFuture;

pub use amount::{from_adyen, to_adyen};

use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::payment::{Authorization, Capture, PaymentOrder, PaymentProvider, Refund, Taken, Void};
use crate::psp::setback::Setback;
use client::{Client, Reply};
use errors::never_begun;
use wire::{Changed, Payment};

/// How long one question of the domain may take, all its calls together: as at Stripe.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long Adyen surely remembers a key: seven days at least. A create that is repeated later might be
/// another payment. <https://docs.adyen.com/development-resources/api-idempotency>
const KEYS_LAST: crate::clock::Duration = crate::clock::Duration::from_hours(6 * 24);

/// Payments through Adyen.
#[derive(Debug)]
pub struct Adyen {
    client: Client,
    merchant: String,
    clock: Clock,
}

impl Adyen {
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
        let account = config.adyen.as_ref().ok_or_else(|| {
            Error::internal("ROOST_ADYEN_URL, ROOST_ADYEN_KEY and ROOST_ADYEN_MERCHANT are not set")
        })?;
        let client = Client::new(account, connector, clock, entropy);
        Ok(Self { client, merchant: account.merchant.clone(), clock: clock.clone() })
    }

    async fn authorized(&self, order: &PaymentOrder) -> Authorization {
        let until = self.clock.passed() + PATIENCE;
        if !self.knows_keys_of(order) {
            return self.forgotten(order, until).await;
        }
        let body = wire::create_body(&self.merchant, order);
        match self.client.post::<Payment>("/payments", &body, &key(order, "create"), until).await {
            Reply::Done(payment) => payment.outcome(),
            Reply::Refused(refusal) => never_begun(order, &refusal),
            Reply::Unreached(context) => Authorization::Unreached { context },
            Reply::Silent(context) => Authorization::Unknown { context },
        }
    }

    /// Whether Adyen surely remembers every key of an attempt.
    fn knows_keys_of(&self, order: &PaymentOrder) -> bool {
        self.clock.now() <= order.began + KEYS_LAST
    }

    async fn settled(&self, order: &PaymentOrder) -> Authorization {
        match self.authorized(order).await {
            // Not reached now; an earlier call may have been.
            Authorization::Unreached { context } => Authorization::Unknown { context },
            end => end,
        }
    }

    /// What became of an attempt whose key may be forgotten. One whose reference is known was held when
    /// it was answered, and that is the last word; any other is cancelled by our own name of it, the
    /// technical cancel: whatever there is of it then holds nothing.
    async fn forgotten(&self, order: &PaymentOrder, until: Duration) -> Authorization {
        if let Some(reference) = &order.reference {
            return Authorization::Held { reference: reference.clone(), capture_before: None };
        }
        let body = wire::cancel_body(&self.merchant, order);
        match self.client.post::<Changed>("/cancels", &body, &key(order, "cancel"), until).await {
            Reply::Done(change) if change.is_taken_on() => Authorization::Nothing,
            other => Authorization::Unknown { context: other.setback().context() },
        }
    }

    async fn captured(&self, order: &PaymentOrder, amount: Money) -> Capture {
        let Some(reference) = order.reference.as_deref() else {
            return Capture::Unknown { context: format!("{} has no reference", order.payment) };
        };
        let operation = format!("capture:{}", to_adyen(amount));
        let body = wire::change_body(&self.merchant, order, "capture", Some(amount));
        match self.change(order, reference, "captures", &body, &operation).await {
            Ok(()) => Capture::Taken(Taken { reference: reference.to_owned(), amount, fee: 0 }),
            Err(setback) => match setback.into() {
                // An earlier capture has failed, and its answer was lost: nothing is held any more. One that was
                // made would be answered under its key; once that is forgotten, an operator has to look.
                Capture::Refused { context }
                    if self.knows_keys_of(order) && context.contains(NOTHING_LEFT) =>
                {
                    Capture::Gone
                }
                other => other,
            },
        }
    }

    /// Reverses whatever stands there: a hold is given back, and what a capture has taken whose answer was
    /// lost is returned.
    async fn voided(&self, order: &PaymentOrder) -> Void {
        let reference = match &order.reference {
            Some(reference) => reference.clone(),
            None => match self.settled(order).await {
                Authorization::Held { reference, .. } => reference,
                Authorization::Unknown { context } => return Void::Unknown { context },
                _ => return Void::Done,
            },
        };
        let body = wire::change_body(&self.merchant, order, "void", None);
        match self.change(order, &reference, "reversals", &body, "void").await {
            Ok(()) => Void::Done,
            Err(setback) => setback.into(),
        }
    }

    /// Refunds once under each number while Adyen remembers its key; later Adyen itself returns no more
    /// than was captured.
    async fn refunded(&self, order: &PaymentOrder, amount: Money, number: u32) -> Refund {
        let Some(reference) = order.reference.as_deref() else {
            return Refund::Unknown { context: format!("{} has no reference", order.payment) };
        };
        let operation = format!("refund:{number}");
        let body = wire::change_body(&self.merchant, order, &operation, Some(amount));
        match self.change(order, reference, "refunds", &body, &operation).await {
            Ok(()) => Refund::Done,
            Err(setback) => setback.into(),
        }
    }

    /// Asks for a change of a payment, once for each operation.
    async fn change(
        &self,
        order: &PaymentOrder,
        reference: &str,
        changes: &str,
        body: &str,
        operation: &str,
    ) -> std::result::Result<(), Setback> {
        let until = self.clock.passed() + PATIENCE;
        let path = format!("/payments/{reference}/{changes}");
        match self.client.post::<Changed>(&path, body, &key(order, operation), until).await {
            Reply::Done(change) if change.is_taken_on() => Ok(()),
            other => Err(other.setback()),
        }
    }
}

impl PaymentProvider for Adyen {
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.authorized(order))
    }

    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(self.settled(order))
    }

    fn resume<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        // No attempt waits for a guest here: it has its answer already.
        Box::pin(self.settled(order))
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

/// What Adyen says of a capture for which nothing is held any more.
const NOTHING_LEFT: &str = "Insufficient balance on payment";

/// The idempotency key of one operation of an attempt. Adyen takes no more than 64 characters, so it goes
/// without the booking: a payment's id is one of a kind by itself.
fn key(order: &PaymentOrder, operation: &str) -> String {
    format!("{}:{operation}", order.payment)
}

#[cfg(test)]
mod tests;

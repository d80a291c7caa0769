//! Payments: the provider as the domain sees it. The provider is called between two writes, never
//! inside one: record the intent, call, record the outcome.

use futures::future::BoxFuture;

use crate::ids::{BookingId, PaymentId};
use crate::money::Money;

/// One attempt to pay a booking, as the provider is asked for it. Asking again with the same
/// payment id never charges twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The attempt: the seed of every key that the provider is called with.
    pub payment: PaymentId,
    /// What is paid.
    pub booking: BookingId,
    /// How much.
    pub amount: Money,
    /// The provider's token of the guest's card.
    pub method: String,
    /// The provider's name of this payment, once it is known: `settle` and `void` then ask for it
    /// directly. Without it they repeat the create, whose idempotency key the provider forgets
    /// after a day, so a hold that is kept longer must carry it.
    pub reference: Option<String>,
}

/// What became of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// The money is held; `reference` is the provider's name for it.
    Held {
        /// The provider's id of the payment.
        reference: String,
    },
    /// The card was refused. Nothing is held, and this attempt never will.
    Declined {
        /// The provider's id of the payment, where there is one.
        reference: Option<String>,
        /// The card wants its holder to confirm.
        authentication_required: bool,
    },
    /// Nothing is held, and this attempt never will: the payment was cancelled or never begun.
    Nothing,
    /// Not known: the provider did not answer, or not with an answer. Ask again later; try nothing
    /// else meanwhile.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// A payment provider. Calls never return an error: an outcome that is not known is `Unknown`.
pub trait PaymentProvider: Send + Sync {
    /// Holds the money of an order on the guest's card.
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Asks what became of an order, and makes sure that what was not held never will be: an
    /// attempt not yet finished is cancelled. `Held`, `Declined` and `Nothing` are final.
    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Gives back the hold of an order, whole. Doing it again is the same. `false` when the
    /// provider did not say that it is done.
    fn void<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, bool>;
}

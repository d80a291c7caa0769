//! Payments: the provider as the domain sees it. The provider is called between two writes, never
//! inside one: record the intent, call, record the outcome.

use futures::future::BoxFuture;

use crate::clock::Instant;
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
        /// Until when it can be taken, if the provider has said so.
        capture_before: Option<Instant>,
    },
    /// The money has been taken already.
    Taken(Taken),
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

/// Money that the provider has taken from the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The provider's id of the payment.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// What the provider keeps of it, in minor units; nothing where it has not said.
    pub fee: i64,
}

/// What became of taking held money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// It is taken: now, or by an earlier call.
    Taken(Taken),
    /// There is nothing held any more, and nothing taken: the hold has lapsed, or the bank wants it back.
    Gone,
    /// Not known; ask again later.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// What became of giving back a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Void {
    /// Nothing is held, and nothing was taken.
    Done,
    /// It had been taken before.
    Taken(Taken),
    /// Not known; ask again later.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// What became of returning taken money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refund {
    /// It is on its way to the guest.
    Done,
    /// Not known, or not possible now; ask again later.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// A payment provider. Calls never return an error: an outcome that is not known is `Unknown`. Every
/// call can be made again, after any time and by several at once, and nothing is done twice.
pub trait PaymentProvider: Send + Sync {
    /// Holds the money of an order on the guest's card.
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Asks what became of an order, and makes sure that what was not held never will be: an
    /// attempt not yet finished is cancelled. `Held`, `Taken`, `Declined` and `Nothing` are final.
    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Takes so much of the held money of an order, whose reference is known; the rest goes back.
    fn capture<'a>(&'a self, order: &'a PaymentOrder, amount: Money) -> BoxFuture<'a, Capture>;

    /// Gives back the hold of an order, whole.
    fn void<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Void>;

    /// Returns so much of the taken money of an order, whose reference is known. `number` tells one
    /// refund of a booking from the next: two of the same amount are two.
    fn refund<'a>(&'a self, order: &'a PaymentOrder, amount: Money, number: u32) -> BoxFuture<'a, Refund>;
}

//! Payments: the provider as the domain sees it. The provider is called between two writes, never
//! inside one: record the intent, call, record the outcome.

pub mod circuit;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::booking::dispute::Dispute;
use crate::clock::Instant;
use crate::error::Result;
use crate::ids::{BookingId, PaymentId, PayoutId, UserId};
use crate::money::Money;

/// A payment provider, by its name.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// The first: it also pays hosts out.
    #[default]
    Stripe,
    /// The second: it takes the guests' money while the first cannot be reached.
    Adyen,
}

impl ProviderName {
    /// The word for it in keys, faults and books.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Adyen => "adyen",
        }
    }
}

/// One attempt to pay a booking, as the provider is asked for it. Asking again with the same
/// payment id never charges twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The attempt: the seed of every key that the provider is called with.
    pub payment: PaymentId,
    /// What is paid.
    pub booking: BookingId,
    /// Who pays: at Adyen a token is one shopper's, who was named when it was made.
    pub guest: UserId,
    /// How much.
    pub amount: Money,
    /// The provider's token of the guest's card.
    pub method: String,
    /// When the attempt began.
    pub began: Instant,
    /// Whether the guest waits for the answer, and can confirm a payment whose bank asks for it.
    pub guest_is_there: bool,
    /// Whether its card is charged again later, when the guest is not there.
    pub keeps_card: bool,
    /// The provider's name of the payment that has kept a card, if one has: that is charged while the guest is
    /// not there, and `method` when he is, which may be the same.
    pub card_of: Option<String>,
    /// The provider's name of this payment, once it is known: it is then asked for directly. Without it
    /// the create is repeated, whose idempotency key the provider forgets after a day: from then on it is
    /// searched for.
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
    /// The bank wants the guest, who is there, to confirm. Nothing is held until he has; then
    /// [`PaymentProvider::resume`] finds it.
    ActionRequired {
        /// The provider's id of the payment.
        reference: String,
        /// What the guest's client confirms it with, at the provider itself.
        secret: String,
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
    /// The provider was not reached: no connection, or turned away before anything was read, every time. So
    /// nothing has happened there, and another provider may be asked.
    Unreached {
        /// For the log.
        context: String,
    },
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
    /// The provider says no, for a reason that no retry mends: an operator has to look.
    Refused {
        /// For the operator.
        context: String,
    },
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
    /// The provider says no, for a reason that no retry mends: an operator has to look.
    Refused {
        /// For the operator.
        context: String,
    },
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
    /// The provider says no, for a reason that no retry mends: an operator has to look.
    Refused {
        /// For the operator.
        context: String,
    },
    /// Not known, or not possible now; ask again later.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// Money that goes from the platform to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The payout: the seed of the key that the provider is called with.
    pub payout: PayoutId,
    /// Of which booking.
    pub booking: BookingId,
    /// The provider's name of the guest's payment that it is made from; without one, which another provider
    /// has, it is made from what the account has.
    pub from: Option<String>,
    /// How much.
    pub amount: Money,
    /// The provider's id of the host's account.
    pub account: String,
}

/// What became of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transferred {
    /// It is made: now, or by an earlier call.
    Done,
    /// The provider says no, for a reason that no retry mends: an operator has to look.
    Refused {
        /// For the operator.
        context: String,
    },
    /// Not known, or not possible now; ask again later.
    Unknown {
        /// For the log.
        context: String,
    },
}

/// A dispute, and what it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The booking whose money it is over.
    pub booking: BookingId,
    /// The payment.
    pub payment: Option<PaymentId>,
    /// How it stands.
    pub dispute: Dispute,
}

/// A host's account at the provider, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAccount {
    /// The provider's id of it.
    pub id: String,
    /// Whether it can be paid: the host has told the provider what it asks.
    pub is_active: bool,
    /// Whether it is closed, or no longer ours: it will never be paid again.
    pub is_closed: bool,
}

/// A payment provider, for the guests' money. Calls never return an error: an outcome that is not known is
/// `Unknown`. Every call can be made again, after any time and by several at once, and nothing is done twice.
pub trait PaymentProvider: Send + Sync {
    /// Holds the money of an order on the guest's card.
    fn authorize<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Asks what became of an order, and makes sure that what was not held never will be: an
    /// attempt not yet finished is cancelled. `Held`, `Taken`, `Declined` and `Nothing` are final.
    fn settle<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Asks whether the guest has confirmed an order whose reference is known; `ActionRequired` while he has
    /// not. What he has failed to confirm is `Declined`.
    fn resume<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Authorization>;

    /// Takes so much of the held money of an order, whose reference is known; the rest goes back.
    fn capture<'a>(&'a self, order: &'a PaymentOrder, amount: Money) -> BoxFuture<'a, Capture>;

    /// Gives back the hold of an order, whole; also of one that waits for the guest, which is then nothing.
    fn void<'a>(&'a self, order: &'a PaymentOrder) -> BoxFuture<'a, Void>;

    /// Returns so much of the taken money of an order, whose reference is known. `number` tells one
    /// refund of a booking from the next: two of the same amount are two.
    fn refund<'a>(&'a self, order: &'a PaymentOrder, amount: Money, number: u32) -> BoxFuture<'a, Refund>;
}

/// A provider that pays hosts out.
pub trait PayoutProvider: Send + Sync {
    /// Sends a host what a stay has earned.
    fn transfer<'a>(&'a self, transfer: &'a Transfer) -> BoxFuture<'a, Transferred>;

    /// Whether a transfer was made; the error is why that is not known.
    fn is_sent<'a>(&'a self, transfer: &'a Transfer) -> BoxFuture<'a, std::result::Result<bool, String>>;

    /// Takes so much of a transfer back. `number` tells one time from the next.
    fn take_back<'a>(
        &'a self,
        transfer: &'a Transfer,
        amount: Money,
        number: u32,
    ) -> BoxFuture<'a, Transferred>;

    /// Opens an account for a host. Another that is opened by a second call does no harm: the one that is
    /// kept counts.
    ///
    /// # Errors
    /// `Unavailable` when the provider did not answer.
    fn open_account(&self, host: UserId) -> BoxFuture<'_, Result<HostAccount>>;

    /// How a host's account stands.
    ///
    /// # Errors
    /// As [`Self::open_account`].
    fn account<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<HostAccount>>;

    /// The address of the provider's own page on which a host tells it what it asks, which leads back to
    /// `back`. It holds for minutes.
    ///
    /// # Errors
    /// As [`Self::open_account`].
    fn onboarding<'a>(&'a self, id: &'a str, back: &'a str) -> BoxFuture<'a, Result<String>>;
}

/// What a provider's webhook is about. What it says is never believed: the provider is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The event, the same however often it is sent.
    pub event: String,
    /// Which booking's money has moved, if any of ours.
    pub booking: Option<BookingId>,
    /// By which of its payments.
    pub payment: Option<PaymentId>,
    /// Whether what it tells of may end an attempt to pay.
    pub may_end_payment: bool,
    /// The provider's id of a dispute that it is about.
    pub dispute: Option<String>,
    /// That something failed which the provider had said would be done: for an operator.
    pub failed: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_called_the_same_in_books_and_on_the_wire() {
        for name in [ProviderName::Stripe, ProviderName::Adyen] {
            assert_eq!(serde_json::to_value(name).unwrap(), name.word());
        }
    }
}

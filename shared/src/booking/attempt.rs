//! Attempts to pay: what is asked of a provider, and what became of it.

use super::{Booking, Mode, Sent, derived};
use crate::clock::Instant;
use crate::ids::PaymentId;
use crate::payment::{PaymentOrder, ProviderName};

/// One attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The call that asked for it: for the payment of a hold, another than made the booking.
    pub asked_by: Option<(u128, Sent)>,
    /// When it began.
    pub started_at: Instant,
    /// Who is asked for the money. Another than the first only after the first was certainly not reached.
    pub provider: ProviderName,
    /// Which earlier attempt it goes on with, whose card the guest has confirmed since.
    pub resumes: Option<u8>,
    /// Whether the money is to be taken at once, since a hold would lapse before the check-in.
    pub captures: bool,
    /// Whether it is to pay the balance.
    pub is_balance: bool,
    /// How much of what it has taken is no longer there, in minor units.
    pub returned: i64,
    /// What became of it; `None` while it runs or is not known.
    pub outcome: Option<Outcome>,
}

/// What became of an attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money is held, under this name at the provider.
    Held(String),
    /// The money was taken, under this name at the provider.
    Captured(String),
    /// The bank wants the guest to confirm: the provider's name of the payment, and what the guest's client
    /// confirms it with. Nothing is held before he has.
    ActionRequired {
        /// The provider's name of the payment.
        reference: String,
        /// What the client confirms it with, at the provider itself.
        secret: String,
        /// Whether it may still be confirmed.
        is_open: bool,
    },
    /// Held, then given back.
    Voided(String),
    /// Held, and the hold lapsed before the money was taken.
    Lapsed(String),
    /// The card was refused.
    Declined,
    /// The card's holder would have had to confirm, and was not there or did not.
    AuthenticationRequired,
    /// It came to nothing without the card being refused.
    Failed,
}

impl Booking {
    /// The provider's order of attempt number `index`, which is the latest or has an outcome.
    #[must_use]
    pub fn order(&self, index: usize) -> PaymentOrder {
        let attempt = self.attempts.get(index);
        let outcome_of = |index: usize| self.attempts.get(index)?.outcome.as_ref()?.name();
        let resumed = attempt.and_then(|attempt| attempt.resumes).map(usize::from);
        let reference = outcome_of(index).or_else(|| resumed.and_then(outcome_of));
        // A balance is charged by the platform itself, or by the guest's own call.
        let is_charged = attempt.is_some_and(Attempt::is_charge);
        PaymentOrder {
            began: attempt.map_or(self.created_at, |attempt| attempt.started_at),
            guest_is_there: self.mode != Mode::Requested && !is_charged,
            keeps_card: self.balance.is_some() && attempt.is_some_and(|attempt| !attempt.is_balance),
            card_of: self
                .keeper_of_card()
                .filter(|_| attempt.is_some_and(|attempt| attempt.is_balance))
                .map(str::to_owned),
            payment: self.payment_id(index),
            booking: self.id,
            guest: self.guest,
            amount: self.price.money(self.parts_of_attempt(index).total()),
            method: self.method.clone().unwrap_or_default(),
            reference: reference.map(str::to_owned),
        }
    }

    /// The id of attempt number `index`: derived, so that asking again asks about the same. One that goes
    /// on with an earlier one has that one's.
    #[must_use]
    pub fn payment_id(&self, index: usize) -> PaymentId {
        let resumed = self.attempts.get(index).and_then(|attempt| attempt.resumes).map(usize::from);
        let index = resumed.unwrap_or(index);
        PaymentId::from_bits(derived(&[b"payment", &self.id.bits().to_be_bytes(), &index.to_be_bytes()]))
    }
}

impl Attempt {
    /// One that begins now, with the first provider.
    #[must_use]
    pub fn new(asked_by: Option<(u128, Sent)>, started_at: Instant, captures: bool) -> Self {
        Self {
            asked_by,
            started_at,
            provider: ProviderName::default(),
            resumes: None,
            captures,
            is_balance: false,
            returned: 0,
            outcome: None,
        }
    }

    /// Whether it is the platform's own charge of a balance, as opposed to its guest's call.
    #[must_use]
    pub const fn is_charge(&self) -> bool {
        self.is_balance && self.asked_by.is_none() && self.resumes.is_none()
    }

    /// Whether its card was refused, as opposed to not asked, or its holder did not confirm it in time.
    #[must_use]
    pub const fn was_refused(&self) -> bool {
        matches!(
            self.outcome,
            Some(
                Outcome::Declined
                    | Outcome::AuthenticationRequired
                    | Outcome::ActionRequired { is_open: false, .. }
            )
        )
    }

    /// Whether the bank wanted the guest to confirm it.
    #[must_use]
    pub const fn had_to_be_confirmed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::ActionRequired { .. }))
    }
}

impl Outcome {
    /// Whether the money is held, or was once. See [`Booking::was_paid_by`].
    #[must_use]
    pub const fn is_paid(&self) -> bool {
        self.reference().is_some()
    }

    /// The provider's name of the payment, whether or not money was held.
    #[must_use]
    pub const fn name(&self) -> Option<&str> {
        match self {
            Self::ActionRequired { reference, .. } => Some(reference.as_str()),
            _ => self.reference(),
        }
    }

    /// The provider's name of a payment that held money once.
    #[must_use]
    pub const fn reference(&self) -> Option<&str> {
        match self {
            Self::Held(reference)
            | Self::Captured(reference)
            | Self::Voided(reference)
            | Self::Lapsed(reference) => Some(reference.as_str()),
            Self::ActionRequired { .. } | Self::Declined | Self::AuthenticationRequired | Self::Failed => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::balance::Balance;
    use crate::booking::tests::large;

    #[test]
    fn a_guest_is_there_when_he_pays_himself_and_a_balance_is_charged_to_the_card_of_the_deposit() {
        let mut booking = large();
        booking.attempts[0].outcome = Some(Outcome::Captured("pi_1".into()));
        let at = booking.created_at;
        let order = booking.order(0);
        assert!(order.guest_is_there && !order.keeps_card && order.card_of.is_none());
        assert!(!Booking { mode: Mode::Requested, ..booking.clone() }.order(0).guest_is_there);
        booking.balance = Some(Balance { deposit_percent: 30, next_at: at });
        assert!(booking.order(0).keeps_card);
        booking.attempts.push(Attempt { is_balance: true, ..Attempt::new(None, at, true) });
        let charge = booking.order(1);
        assert!(!charge.guest_is_there && !charge.keeps_card);
        assert_eq!(charge.card_of.as_deref(), Some("pi_1"));
        assert_ne!(charge.payment, order.payment);
        // What goes on with an earlier attempt is the provider's same payment.
        booking.attempts.push(Attempt { resumes: Some(0), ..Attempt::new(None, at, true) });
        assert_eq!(
            (booking.order(2).payment, booking.order(2).reference),
            (order.payment, Some("pi_1".into()))
        );
    }
}

//! The ledger of a booking: double entry, append-only. Every movement of money is one entry, written in
//! the transaction of the change that it belongs to. A hold on a card moves nothing and has none.
//!
//! An account's sum is what the platform holds for it, or has passed on: what came from the guest is
//! below zero there, and above it where it went. So the sums of an entry, of a booking and of all
//! bookings are zero in each currency.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::ids::{BookingId, PaymentId};
use crate::money::{Currency, Money};
use crate::pricing::parts::Parts;

/// Whose money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The guest's own: below zero by what was taken and not returned.
    Guest,
    /// The host's, on the platform.
    Host,
    /// The platform's.
    Platform,
    /// The tax office's, on the platform.
    Tax,
    /// The payment provider's fees.
    Provider,
    /// The host's own account, outside: what was paid out.
    Bank,
    /// What the host owes the platform, over all his stays: below zero by the penalties of this one, above it
    /// by what of its payout was withheld for them.
    Debt,
    /// The guest's bank, which has taken money back and not decided yet.
    Dispute,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Taken from the guest.
    Capture,
    /// Returned to the guest.
    Refund,
    /// A host owes something for having called a confirmed stay off.
    Penalty,
    /// Kept of the host's payout for what he owes, or given back of that.
    Withholding,
    /// Paid out to the host.
    Payout,
    /// Taken back of what was paid out.
    Reversal,
    /// Taken back by the guest's bank, until it has decided; the provider asks a fee for that.
    Dispute,
    /// The bank has decided for the stay: it is back.
    DisputeWon,
    /// The bank has decided for the guest: each gives back what he had of it.
    DisputeLost,
}

/// One entry: amounts that sum to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which booking's.
    pub booking: BookingId,
    /// Counts the booking's entries, from one.
    pub number: u32,
    /// Why.
    pub movement: Movement,
    /// The payment that it was made by.
    pub payment: PaymentId,
    /// When it was written.
    pub at: Instant,
    /// What all amounts are in.
    pub currency: Currency,
    /// How each account changed, in minor units.
    pub amounts: Vec<(Account, i64)>,
}

/// What an entry is about, before it is known what moves.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    /// Which booking's.
    pub booking: BookingId,
    /// Counts the booking's entries, from one.
    pub number: u32,
    /// The payment that it is made by.
    pub payment: PaymentId,
    /// When.
    pub at: Instant,
    /// What all amounts are in.
    pub currency: Currency,
}

impl Heading {
    /// These parts of the price are taken from the guest, and the provider keeps its fee of them.
    #[must_use]
    pub fn capture(self, parts: &Parts, fee: i64) -> Entry {
        self.entry(
            Movement::Capture,
            vec![
                (Account::Guest, -parts.total()),
                (Account::Host, parts.host()),
                (Account::Platform, parts.service_fee - fee),
                (Account::Tax, parts.tax()),
                (Account::Provider, fee),
            ],
        )
    }

    /// These parts of the price are returned to the guest. The provider returns no fee.
    #[must_use]
    pub fn refund(self, parts: &Parts) -> Entry {
        self.entry(
            Movement::Refund,
            vec![
                (Account::Guest, parts.total()),
                (Account::Host, -parts.host()),
                (Account::Platform, -parts.service_fee),
                (Account::Tax, -parts.tax()),
            ],
        )
    }

    /// The host owes the platform so much: it is taken off his payouts to come.
    #[must_use]
    pub fn penalty(self, amount: i64) -> Entry {
        self.entry(Movement::Penalty, vec![(Account::Debt, -amount), (Account::Platform, amount)])
    }

    /// So much of the host's is kept for what he owes; below zero, he owes it again.
    #[must_use]
    pub fn withholding(self, amount: i64) -> Entry {
        self.entry(Movement::Withholding, vec![(Account::Host, -amount), (Account::Debt, amount)])
    }

    /// So much of the host's is paid out.
    #[must_use]
    pub fn payout(self, amount: i64) -> Entry {
        self.entry(Movement::Payout, vec![(Account::Host, -amount), (Account::Bank, amount)])
    }

    /// So much of what was paid out is the platform's to return.
    #[must_use]
    pub fn reversal(self, amount: i64) -> Entry {
        self.entry(Movement::Reversal, vec![(Account::Bank, -amount), (Account::Host, amount)])
    }

    /// The guest's bank takes so much back: the platform goes without it until it has decided, and pays the
    /// provider's fee.
    #[must_use]
    pub fn disputed(self, amount: i64, fee: i64) -> Entry {
        let amounts =
            vec![(Account::Platform, -amount - fee), (Account::Dispute, amount), (Account::Provider, fee)];
        self.entry(Movement::Dispute, amounts)
    }

    /// The platform has it back.
    #[must_use]
    pub fn dispute_won(self, amount: i64) -> Entry {
        self.entry(Movement::DisputeWon, vec![(Account::Dispute, -amount), (Account::Platform, amount)])
    }

    /// The guest has it: these parts of the price, and of what is more nobody else's.
    #[must_use]
    pub fn dispute_lost(self, amount: i64, parts: &Parts) -> Entry {
        self.entry(
            Movement::DisputeLost,
            vec![
                (Account::Dispute, -amount),
                (Account::Guest, parts.total()),
                (Account::Host, -parts.host()),
                (Account::Tax, -parts.tax()),
                (Account::Platform, amount - parts.service_fee),
            ],
        )
    }

    fn entry(self, movement: Movement, mut amounts: Vec<(Account, i64)>) -> Entry {
        amounts.retain(|(_, amount)| *amount != 0);
        let Self { booking, number, payment, at, currency } = self;
        Entry { booking, number, movement, payment, at, currency, amounts }
    }
}

impl Entry {
    /// How an account changed.
    #[must_use]
    pub fn of(&self, account: Account) -> Money {
        let amounts = self.amounts.iter().filter(|(of, _)| *of == account);
        Money { amount: amounts.map(|(_, amount)| amount).sum(), currency: self.currency }
    }

    /// How much moved at the payment provider, above zero; nothing where only its own dispute or our books did.
    #[must_use]
    pub fn moved(&self) -> Option<Money> {
        let (account, sign) = match self.movement {
            Movement::Capture => (Account::Guest, -1),
            Movement::Refund => (Account::Guest, 1),
            Movement::Payout => (Account::Bank, 1),
            Movement::Reversal => (Account::Bank, -1),
            Movement::Penalty
            | Movement::Withholding
            | Movement::Dispute
            | Movement::DisputeWon
            | Movement::DisputeLost => return None,
        };
        let changed = self.of(account);
        Some(Money { amount: sign * changed.amount, ..changed })
    }

    /// Whether it takes from some what it gives to others.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.amounts.iter().map(|(_, amount)| amount).sum::<i64>() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Account::{Bank, Debt, Dispute, Guest, Host, Platform, Provider, Tax};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_sums_to_zero_and_moves_what_it_is_named_after(
            nights in 1i64..10_000_000, cleaning_fee in 1i64..100_000, service_fee in 1i64..1_000_000,
            tax in 1i64..1_000_000, amount in 1i64..1_000_000, fee in 0i64..1_000,
        ) {
            let parts = Parts { nights, cleaning_fee, service_fee, taxes: vec![tax, 2 * tax] };
            let (whole, host) = (parts.total(), nights + cleaning_fee);
            let heading = |number| Heading {
                booking: BookingId::from_bits(1),
                number,
                payment: PaymentId::from_bits(2),
                at: Instant::UNIX_EPOCH,
                currency: Currency::of("EUR").unwrap(),
            };
            let moves = |entry: &Entry, accounts: &[Account]| -> Vec<i64> {
                accounts.iter().map(|account| entry.of(*account).amount).collect()
            };
            let lines = [Guest, Host, Platform, Tax, Provider];
            let captured = heading(1).capture(&parts, fee);
            prop_assert_eq!(moves(&captured, &lines), [-whole, host, service_fee - fee, 3 * tax, fee]);
            let refunded = heading(2).refund(&parts);
            prop_assert_eq!(moves(&refunded, &lines), [whole, -host, -service_fee, -3 * tax, 0]);
            let disputed = heading(3).disputed(amount, fee);
            prop_assert_eq!(moves(&disputed, &[Platform, Dispute, Provider]), [-amount - fee, amount, fee]);
            let won = heading(4).dispute_won(amount);
            prop_assert_eq!(moves(&won, &[Platform, Dispute]), [amount, -amount]);
            let lost = heading(5).dispute_lost(whole + amount, &parts);
            prop_assert_eq!(
                moves(&lost, &[Dispute, Guest, Host, Tax, Platform]),
                [-whole - amount, whole, -host, -3 * tax, whole + amount - service_fee]
            );
            let fined = heading(6).penalty(amount);
            prop_assert_eq!(moves(&fined, &[Debt, Platform]), [-amount, amount]);
            let withheld = heading(7).withholding(amount);
            prop_assert_eq!(moves(&withheld, &[Host, Debt]), [-amount, amount]);
            let paid = heading(8).payout(amount);
            prop_assert_eq!(moves(&paid, &[Host, Bank]), [-amount, amount]);
            let reversed = heading(9).reversal(amount);
            prop_assert_eq!(moves(&reversed, &[Host, Bank]), [amount, -amount]);
            let all = [captured, refunded, disputed, won, lost, fined, withheld, paid, reversed];
            for mut entry in all {
                prop_assert!(entry.is_balanced(), "{entry:?}");
                prop_assert!(entry.amounts.iter().all(|(_, amount)| *amount != 0), "{entry:?}");
                entry.amounts[0].1 += 1;
                prop_assert!(!entry.is_balanced());
            }
        }
    }
}

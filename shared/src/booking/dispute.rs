//! Disputes: a guest's bank takes the money of a stay back until it has decided who is right. Until then the
//! host is not paid out of it, and the platform goes without; when the bank decides for the guest, each gives
//! back what he had of it.

use serde::{Deserialize, Serialize};

use super::{Booking, Returning};
use crate::clock::Instant;
use crate::pricing::parts::Parts;

/// A dispute over the money of a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The provider's id of it.
    pub id: String,
    /// How much of the money, in minor units.
    pub amount: i64,
    /// What the provider asks for it, in minor units.
    pub fee: i64,
    /// Where it stands.
    pub standing: Standing,
    /// Until when the bank takes what speaks for the stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_due: Option<Instant>,
    /// Earlier ones over the same booking's money, which are over: nothing more is entered of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// Others that were told of while it was open: they are followed when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The bank has the money, and has not decided.
    Open,
    /// The money is back.
    Won,
    /// The guest keeps it.
    Lost,
}

impl Dispute {
    /// One as its provider tells of it.
    #[must_use]
    pub const fn new(
        id: String,
        amount: i64,
        fee: i64,
        standing: Standing,
        evidence_due: Option<Instant>,
    ) -> Self {
        Self { id, amount, fee, standing, evidence_due, earlier: Vec::new(), next: Vec::new() }
    }

    /// This one as it is told, after `known` of the same booking: the same at another turn, or a later one.
    #[must_use]
    pub fn after(mut self, known: Option<&Self>) -> Self {
        let Some(known) = known else { return self };
        self.earlier.clone_from(&known.earlier);
        self.next.clone_from(&known.next);
        if known.id == self.id {
            // What it was opened with is what is closed, whatever its provider says by then.
            self.amount = known.amount;
        } else {
            self.earlier.push(known.id.clone());
            self.next.retain(|next| *next != self.id);
        }
        self
    }
}

impl Booking {
    /// Whether its money is with a bank that has not decided, or said to be.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        let is_open = |dispute: &Dispute| dispute.standing == Standing::Open || !dispute.next.is_empty();
        self.dispute.as_ref().is_some_and(is_open)
    }

    /// Writes down that a bank has given its guest an amount in minor units back of what attempt `index` has taken,
    /// for good; which parts of the price these are.
    pub fn lose(&mut self, index: usize, amount: i64) -> Parts {
        let parts = self.parts_given_back(amount);
        self.taken = self.taken.minus(&parts);
        // There may be less left than was to be returned: the guest has it from his bank. Where both fit, it may
        // have been returned before the bank came.
        self.attempts[index].returned += amount;
        let fits = |back: &Returning| match back.of {
            Some(of) if usize::from(of) != index => back.parts.total() <= self.taken.total(),
            _ => self.has_to_return(back),
        };
        if !self.returning.as_ref().is_none_or(fits) {
            self.returning = None;
        }
        // Of what a bank has given back nothing more can be returned, of whichever part.
        self.attempts[index].returned = self.parts_of_attempt(index).total();
        parts
    }

    /// Which parts of what was taken a bank has given back with an amount in minor units: those that stay first,
    /// so that a refund that is on its way still finds its own, line by line.
    #[must_use]
    pub fn parts_given_back(&self, amount: i64) -> Parts {
        let staying = self.returning.as_ref().map(|back| self.taken.minus(&back.parts));
        match staying {
            Some(staying) if staying.is_sound() && amount <= staying.total() => staying.up_to(amount),
            _ => self.taken.up_to(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Dispute, Parts, Standing};
    use crate::booking::Returning;
    use crate::booking::tests::large;

    #[test]
    fn what_is_all_of_it_is_left_as_it_is() {
        let uneven = Parts { nights: -3_000, cleaning_fee: 4_200, service_fee: 168, taxes: vec![0] };
        assert_eq!(uneven.up_to(1_368), uneven);
        assert_eq!(uneven.up_to(9_000), uneven);
    }

    #[test]
    fn a_later_dispute_remembers_those_before_and_those_that_wait() {
        let told = |id: &str, amount| Dispute::new(id.into(), amount, 15, Standing::Open, None);
        let mut first = told("dp_1", 100);
        first.next = vec!["dp_2".into(), "dp_3".into()];
        let closed = told("dp_1", 90).after(Some(&first));
        assert_eq!((closed.amount, closed.next.len(), closed.earlier.len()), (100, 2, 0));
        let second = told("dp_2", 50).after(Some(&closed));
        assert_eq!(
            (second.amount, &second.next[..], &second.earlier[..]),
            (50, &["dp_3".into()][..], &["dp_1".into()][..])
        );
    }

    #[test]
    fn a_bank_gives_back_what_stays_before_what_is_being_returned() {
        let mut booking = large();
        booking.taken = Parts { nights: 6_000, cleaning_fee: 750, service_fee: 945, taxes: vec![498] };
        assert_eq!(booking.parts_given_back(7_443), booking.taken.up_to(7_443));
        let parts = Parts { cleaning_fee: 750, taxes: vec![0], ..Parts::default() };
        booking.returning = Some(Returning { number: 2, parts: parts.clone(), of: None });
        assert_eq!(booking.parts_given_back(7_443), booking.taken.minus(&parts));
        let left = booking.taken.minus(&booking.parts_given_back(5_000));
        assert!(left.minus(&parts).is_sound(), "{left:?}");
        // More than what stays: of what was to be returned there is not enough left.
        assert_eq!(booking.parts_given_back(7_444), booking.taken.up_to(7_444));
        assert_eq!(booking.parts_given_back(9_000), booking.taken);
    }

    #[test]
    fn money_is_with_a_bank_until_the_last_dispute_is_decided() {
        let mut booking = large();
        assert!(!booking.is_disputed());
        for (standing, next, is_disputed) in [
            (Standing::Open, vec![], true),
            (Standing::Won, vec![], false),
            (Standing::Lost, vec![], false),
            (Standing::Won, vec!["dp_2".to_owned()], true),
        ] {
            let dispute = Dispute::new("dp_1".into(), 100, 15, standing, None);
            booking.dispute = Some(Dispute { next, ..dispute });
            assert_eq!(booking.is_disputed(), is_disputed, "{:?}", booking.dispute);
        }
    }

    proptest! {
        #[test]
        fn a_share_is_the_amount_and_of_no_part_more_than_there_is(
            nights in 1_000..10_000_000_i64, cleaning in 0..100_000_i64, fee in 0..1_000_000_i64,
            tax in 0..1_000_000_i64, of in 1..=1_000_i64,
        ) {
            let mut booking = large();
            booking.taken = Parts {
                nights, cleaning_fee: cleaning, service_fee: fee, taxes: vec![tax],
            };
            let whole = booking.taken.total();
            let amount = (whole * of / 1_000).max(1);
            let share = booking.taken.up_to(amount);
            prop_assert_eq!(share.total(), amount);
            prop_assert!(share.cleaning_fee <= cleaning && share.service_fee <= fee && share.tax() <= tax);
            prop_assert!(share.nights <= nights + 2 && share.nights >= -2);
        }
    }
}

//! Where a booking's money stands, where it should, and the next step between the two.
//!
//! A step is written down before it is made: the state that asks for it, with `unsettled`, is the intent.
//! Then the provider is called, then what it answered is recorded, with the ledger's entry if money moved.
//! Whoever is lost in between leaves a booking that is unsettled, and the step is found again from it.

use super::{Booking, Outcome, State};
use crate::clock::{Duration, Instant};
use crate::planted::{self, Bug};
use crate::pricing::parts::Parts;

/// A card's hold lasts so long with every bank: a stay that begins later is charged when it is
/// confirmed. Contract: "Capture at confirmation when `checkInTime` is more than 96 h away".
pub const HOLD_OF_A_CARD: Duration = Duration::from_hours(96);

/// How long after check-in a host is paid out: a guest who finds no stay has a day to say so.
pub const PAYOUT_AFTER: Duration = Duration::from_hours(24);

/// What has to be done next about a booking's money. Each names the attempt that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the provider what became of an attempt that nobody recorded.
    Ask(usize),
    /// Give the card's hold back, whole.
    Void(usize),
    /// Take these parts of the price; the rest of the hold goes back by itself.
    Capture(usize, Parts),
    /// Return these parts of the price.
    Refund(usize, Parts),
}

/// Whether a stay that begins at `check_in_at` and is paid now is charged when it is confirmed, since a
/// hold would lapse before.
#[must_use]
pub fn is_captured_at_confirmation(check_in_at: Instant, now: Instant) -> bool {
    check_in_at > now + HOLD_OF_A_CARD
}

impl Booking {
    /// The next step of its money; `None` when it stands where it should.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let due = self.due_from_guest();
        match self.paying_attempt() {
            Some((index, Outcome::Held(_))) => match self.state {
                // It waits for the check-in.
                State::Confirmed => None,
                _ if due.total() == 0 => Some(Step::Void(index)),
                _ => Some(Step::Capture(index, due)),
            },
            Some((index, _)) => {
                let back = self.taken.minus(&due);
                (back.total() > 0).then_some(Step::Refund(index, back))
            }
            None => {
                let last = self.attempts.len().checked_sub(1)?;
                let asked = self.state == State::PaymentStarted || self.state.is_dead();
                let unknown = self.attempts[last].outcome.is_none();
                (asked && unknown && self.unsettled).then_some(Step::Ask(last))
            }
        }
    }

    /// What its host is to be paid out, in minor units, and from when on; `None` when there is nothing, or
    /// nothing more.
    #[must_use]
    pub fn payout(&self) -> Option<(i64, Instant)> {
        // Of a stay that was called off the host has what its policy kept.
        let begun = matches!(self.state, State::CheckedIn | State::Completed | State::Cancelled)
            || self.state == State::Confirmed && planted::is(Bug::PayoutBeforeCheckIn);
        let earned = self.taken.host() - self.paid_out;
        let after = if planted::is(Bug::PayoutBeforeCheckIn) { Duration::ZERO } else { PAYOUT_AFTER };
        let at = self.payout_at.unwrap_or(self.check_in_at + after);
        (begun && !self.unsettled && earned > 0).then_some((earned, at))
    }

    /// The attempt by which money is held or was taken, and how it stands.
    #[must_use]
    pub fn paying_attempt(&self) -> Option<(usize, &Outcome)> {
        self.attempts.iter().enumerate().find_map(|(index, attempt)| match &attempt.outcome {
            Some(outcome @ (Outcome::Held(_) | Outcome::Captured(_))) => Some((index, outcome)),
            _ => None,
        })
    }

    /// Whether attempt `index` made it a stay, whatever has become of it and of the money since. Money
    /// that turned up when the time of the payment had run out made none.
    #[must_use]
    pub fn was_paid_by(&self, index: usize) -> bool {
        let outcome = self.attempts.get(index).and_then(|attempt| attempt.outcome.as_ref());
        outcome.is_some_and(Outcome::is_paid) && self.state != State::PaymentFailed
    }

    /// Which parts of its price the guest owes as it stands, held or taken.
    #[must_use]
    pub fn due_from_guest(&self) -> Parts {
        match (self.state, &self.settlement) {
            (state, _) if state.is_stay() => self.price.parts(),
            (State::Cancelled, _) if planted::is(Bug::CaptureAfterCancel) => self.price.parts(),
            (State::Cancelled, Some(settlement)) => settlement.kept.clone(),
            _ => Parts::default(),
        }
    }

    /// Which parts of its price an amount is that the provider says it has taken; `None` for none that
    /// was ever asked for.
    #[must_use]
    pub fn parts_of(&self, taken: i64) -> Option<Parts> {
        let whole = self.price.parts();
        let kept = || self.settlement.as_ref().map(|settlement| settlement.kept.clone());
        if whole.total() == taken { Some(whole) } else { kept().filter(|kept| kept.total() == taken) }
    }
}

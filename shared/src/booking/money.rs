//! Where a booking's money stands, where it should, and the next step between the two.
//!
//! A step is written down before it is made: the state that asks for it, with `unsettled`, is the intent.
//! Then the provider is called, then what it answered is recorded, with the ledger's entry if money moved.
//! Whoever is lost in between leaves a booking that is unsettled, and the step is found again from it.

use super::{Attempt, Booking, HOLD, Mode, Outcome, Returning, Reversing, State};
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
    /// Give the card's hold back, whole, or see to it that what waits for the guest never becomes one.
    Void(usize),
    /// Take these parts of the price; the rest of the hold goes back by itself.
    Capture(usize, Parts),
    /// Write down that these parts of the price are to be returned.
    DecideRefund(Parts),
    /// Return what was decided.
    Refund(usize, Returning),
    /// Give back so much of what was withheld of the host's, in minor units: he owes it again.
    OweAgain(i64),
    /// Write down that so much of what was paid out to the host is to be taken back, in minor units: it is the
    /// guest's again.
    DecideReversal(i64),
    /// Take back what was decided.
    TakeBack(usize, Reversing),
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
        if let Some(step) = self.step_of_balance() {
            return Some(step);
        }
        if let Some(index) = self.waiting_attempt()
            && !matches!(self.state, State::Held | State::PaymentStarted)
            // Who is there is charged first.
            && !self.has_hold_to_take()
        {
            return Some(Step::Void(index));
        }
        let due = self.due_from_guest();
        match self.paying_attempt() {
            Some((index, Outcome::Held(_))) => match self.state {
                // It waits for the check-in.
                State::Confirmed => None,
                _ if due.total() == 0 => Some(Step::Void(index)),
                _ => Some(Step::Capture(index, due)),
            },
            Some((index, _)) => {
                // A bank that has the money returns no more of it meanwhile.
                if let Some(returning) = self.returning.as_ref().filter(|_| !self.is_disputed()) {
                    let of = returning.of.map_or(index, usize::from);
                    return Some(Step::Refund(of, returning.clone()));
                }
                let back = self.taken.minus(&due);
                let too_much = self.paid_out + self.withheld - self.taken.host().max(0);
                let (_, left) = self.refunded_next();
                let may_refund = left > 0 && self.returning.is_none() && !self.is_disputed();
                if back.total() > 0 && may_refund {
                    Some(Step::DecideRefund(back.up_to(left)))
                } else if let Some(reversing) = self.reversing {
                    Some(Step::TakeBack(index, reversing))
                } else if too_much > 0 && self.withheld > 0 {
                    Some(Step::OweAgain(too_much.min(self.withheld)))
                } else {
                    (too_much > 0).then_some(Step::DecideReversal(too_much))
                }
            }
            None => {
                let last = self.attempts.len().checked_sub(1)?;
                let asked = self.state == State::PaymentStarted || self.state.is_dead();
                let unknown = self.attempts[last].outcome.is_none();
                (asked && unknown && self.unsettled).then_some(Step::Ask(last))
            }
        }
    }

    /// The next step of a balance that somebody was lost over.
    fn step_of_balance(&self) -> Option<Step> {
        let mut attempts = self.attempts.iter().enumerate().filter(|(_, attempt)| attempt.is_balance);
        attempts.find_map(|(index, attempt)| match &attempt.outcome {
            None => Some(Step::Ask(index)),
            Some(Outcome::Held(_)) if self.state.is_stay() && self.owes_balance() => {
                Some(Step::Capture(index, self.balance_parts()))
            }
            // It was called off while its balance was being paid.
            Some(Outcome::Held(_)) => Some(Step::Void(index)),
            _ => None,
        })
    }

    /// Whether there still is what was decided to go back, in all and of its payment.
    #[must_use]
    pub fn has_to_return(&self, back: &Returning) -> bool {
        let of = back.of.map_or(self.taken.total(), |of| self.left_of(usize::from(of)));
        back.parts.total() <= self.taken.total().min(of)
    }

    /// How much of what attempt `index` has taken is left, in minor units.
    fn left_of(&self, index: usize) -> i64 {
        self.parts_of_attempt(index).total() - self.attempts[index].returned
    }

    /// From which attempt money goes back next, the balance before the deposit, and how much of it is left, in
    /// minor units.
    fn refunded_next(&self) -> (Option<usize>, i64) {
        let deposit = self.paying_attempt().map(|(index, _)| index);
        match (self.paid_balance(), deposit) {
            // A bank that gave most of a charge back has closed it: what is left of it can be returned no more.
            (None, Some(only)) => (None, self.taken.total().min(self.left_of(only))),
            (None, None) => (None, self.taken.total()),
            (Some(balance), _) if self.left_of(balance) > 0 => (Some(balance), self.left_of(balance)),
            (Some(_), Some(deposit)) => (Some(deposit), self.left_of(deposit)),
            (Some(_), None) => (None, 0),
        }
    }

    fn has_hold_to_take(&self) -> bool {
        let is_there = matches!(self.state, State::CheckedIn | State::Completed);
        is_there && matches!(self.paying_attempt(), Some((_, Outcome::Held(_))))
    }

    /// Whether there is something left to do about its money: a step, or a penalty to enter.
    #[must_use]
    pub fn has_more_to_settle(&self) -> bool {
        let penalty = self.settlement.as_ref().map_or(0, |settlement| settlement.penalty);
        self.step().is_some() || penalty > 0 && !self.is_fined
    }

    /// Writes down that so much goes back, under a number of its own.
    pub fn decide_refund(&mut self, parts: Parts) {
        let parts = if planted::is(Bug::TaxKept) {
            Parts { taxes: Vec::new(), ..parts }
        } else if planted::is(Bug::RefundFromStaleBalance) {
            self.price.parts()
        } else {
            parts
        };
        let (of, _) = self.refunded_next();
        let of = of.and_then(|index| u8::try_from(index).ok());
        self.returning = Some(Returning { number: self.entries + 1, parts, of });
    }

    /// Whether what may be on its way to the host is more than he has of the stay by now, beside what he was paid out
    /// and what was withheld for what he owes.
    #[must_use]
    pub fn sends_too_much(&self) -> bool {
        self.taken.host() < self.paid_out + self.withheld + self.sending
    }

    /// What its host is to be paid out, in minor units, and from when on; `None` when there is nothing, or
    /// nothing more.
    #[must_use]
    pub fn payout(&self) -> Option<(i64, Instant)> {
        // Of a stay that was called off the host has what its policy kept.
        let begun = matches!(self.state, State::CheckedIn | State::Completed | State::Cancelled)
            || self.state == State::Confirmed && planted::is(Bug::PayoutBeforeCheckIn);
        // Nothing of what should have gone back, and could not.
        let share = self.taken.host().min(self.due_from_guest().host());
        let earned = share - self.paid_out - self.withheld;
        let after = if planted::is(Bug::PayoutBeforeCheckIn) { Duration::ZERO } else { PAYOUT_AFTER };
        let at = self.payout_at.unwrap_or(self.check_in_at + after);
        // What may be on its way is followed to its end, whatever has become of the money since.
        if self.sending > 0 {
            return Some((self.sending, at));
        }
        (begun && !self.unsettled && !self.is_disputed() && earned > 0).then_some((earned, at))
    }

    /// The attempt by which money is held or was taken, and how it stands: the deposit's, where it is paid in
    /// two.
    #[must_use]
    pub fn paying_attempt(&self) -> Option<(usize, &Outcome)> {
        self.attempts.iter().enumerate().find_map(|(index, attempt)| match &attempt.outcome {
            Some(outcome @ (Outcome::Held(_) | Outcome::Captured(_))) if !attempt.is_balance => {
                Some((index, outcome))
            }
            _ => None,
        })
    }

    /// The attempt that waits for the guest to confirm it.
    #[must_use]
    pub fn waiting_attempt(&self) -> Option<usize> {
        let waits = |attempt: &Attempt| {
            matches!(attempt.outcome, Some(Outcome::ActionRequired { is_open: true, .. }))
        };
        self.attempts.iter().rposition(waits)
    }

    /// The latest attempt, if it waits for the guest: nobody is at the money then.
    #[must_use]
    pub fn latest_if_waiting(&self) -> Option<usize> {
        self.waiting_attempt().filter(|index| index + 1 == self.attempts.len())
    }

    /// `attempt` as one that goes on with attempt `index`, which the guest was to confirm.
    #[must_use]
    pub fn resuming(&self, index: usize, attempt: Attempt) -> Attempt {
        let waiting = &self.attempts[index];
        let first = waiting.resumes.or_else(|| u8::try_from(index).ok());
        Attempt {
            resumes: first,
            provider: waiting.provider,
            is_balance: waiting.is_balance,
            captures: attempt.captures || waiting.is_balance,
            ..attempt
        }
    }

    /// Whether a card that is refused leaves a hold behind: it was held first, or while the guest was to
    /// confirm.
    #[must_use]
    pub fn is_paid_through_a_hold(&self) -> bool {
        self.mode == Mode::Held || self.attempts.iter().any(Attempt::had_to_be_confirmed)
    }

    /// When its hold ends, if it is one: a quarter of an hour after it was made, or after the beginning of the
    /// latest payment that the guest had to confirm.
    #[must_use]
    pub fn hold_ends(&self) -> Instant {
        let waited = self.attempts.iter().rposition(Attempt::had_to_be_confirmed);
        waited.map_or(self.created_at + HOLD, |index| self.waits_until(index))
    }

    /// Until when attempt `index` waits for the guest: as long as the payment that it goes on with.
    #[must_use]
    pub fn waits_until(&self, index: usize) -> Instant {
        let first = self.attempts[index].resumes.map_or(index, usize::from);
        self.attempts.get(first).map_or(self.created_at, |attempt| attempt.started_at) + HOLD
    }

    /// Has the payment of attempt `index` wait for the guest no more; another that waits still does.
    pub fn end_waiting(&mut self, index: usize) {
        let first = |attempts: &[Attempt], index: usize| attempts[index].resumes.map_or(index, usize::from);
        let payment = first(&self.attempts, index);
        for other in 0..self.attempts.len() {
            let is_of_it = first(&self.attempts, other) == payment;
            if let Some(Outcome::ActionRequired { is_open, .. }) = &mut self.attempts[other].outcome
                && is_of_it
            {
                *is_open = false;
            }
        }
    }

    /// Whether attempt `index` made it a stay or paid its balance, whatever has become of it and of the money since. Money
    /// that turned up when the time of the payment had run out made none.
    #[must_use]
    pub fn was_paid_by(&self, index: usize) -> bool {
        let Some(attempt) = self.attempts.get(index) else { return false };
        let is_paid = match &attempt.outcome {
            // A balance that was held and not taken has paid nothing.
            Some(outcome) if attempt.is_balance => matches!(outcome, Outcome::Captured(_)),
            outcome => outcome.as_ref().is_some_and(Outcome::is_paid),
        };
        is_paid && self.state != State::PaymentFailed
    }

    /// Which parts of its price the guest owes as it stands, held or taken.
    #[must_use]
    pub fn due_from_guest(&self) -> Parts {
        match (self.state, &self.settlement) {
            (state, _) if state.is_stay() && self.owes_balance() => self.deposit_parts(),
            (state, _) if state.is_stay() => self.price.parts(),
            (State::Cancelled, _) if planted::is(Bug::CaptureAfterCancel) => self.price.parts(),
            (State::Cancelled, Some(settlement)) => settlement.kept.clone(),
            _ => Parts::default(),
        }
    }

    /// Which parts of its price an amount is that the provider says attempt `index` has taken; `None` for none that
    /// was ever asked for.
    #[must_use]
    pub fn parts_of(&self, index: usize, taken: i64) -> Option<Parts> {
        let whole = self.parts_of_attempt(index);
        let kept = || self.settlement.as_ref().map(|settlement| settlement.kept.clone());
        if whole.total() == taken { Some(whole) } else { kept().filter(|kept| kept.total() == taken) }
    }
}

#[cfg(test)]
mod tests;

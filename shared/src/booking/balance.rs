//! A stay that is paid in two: a deposit when it is booked, the balance two weeks before check-in.
//!
//! The balance is charged to the card of the deposit, whose holder is reminded first. Where that card does
//! not pay, its holder is told and may pay with another; what is not paid three days later is called off.

use super::dispute::Standing;
use super::{Attempt, Booking, Outcome, PAYMENT_PATIENCE, State};
use crate::clock::{Duration, Instant, Zone};
use crate::money::share;
use crate::payment::ProviderName;
use crate::pricing::StayPrice;
use crate::pricing::parts::Parts;
use crate::stay::add_days;

/// So many days before check-in, on the listing's clock, the balance is due.
pub const DAYS_BEFORE: i64 = 14;
/// How long before it is charged the guest is reminded.
pub const REMINDER: Duration = Duration::from_hours(3 * 24);
/// How long after it was due it can be paid.
pub const GRACE: Duration = Duration::from_hours(3 * 24);
/// A deposit is worth its trouble only if the balance is due later than this.
const LEAST_APART: Duration = Duration::from_hours(24);
/// When a card that was refused is charged again.
const AFTER_A_REFUSAL: Duration = Duration::from_hours(24);
/// When one is charged again that nobody could ask.
const AFTER_A_FAILURE: Duration = Duration::from_hours(6);
/// Why a stay whose balance was not paid is called off.
pub const UNPAID: &str = "balance_unpaid";

/// How a price is paid in two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is paid when it is booked.
    pub deposit: Parts,
    /// What is charged later.
    pub balance: Parts,
    /// When.
    pub due_at: Instant,
}

/// The balance of a booking that is paid in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// How much of the price was the deposit, in percent of each of its lines.
    pub deposit_percent: u8,
    /// When something has to be done about it next: see [`Booking::balance_step`].
    pub next_at: Instant,
}

/// What has to be done next about a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceStep {
    /// Tell the guest that it will be charged.
    Remind,
    /// Charge it.
    Charge,
    /// Call the stay off: it was not paid in time.
    CallOff,
}

/// How a price is paid of which `deposit_percent` are paid now; `None` when all of it is, since the rest
/// would be due within a day, or a part of the two would be nothing.
#[must_use]
pub fn plan(
    deposit_percent: u8,
    price: &StayPrice,
    check_in_at: Instant,
    zone: &Zone,
    now: Instant,
) -> Option<Plan> {
    let deposit = deposit_of(price, deposit_percent);
    let balance = price.parts().minus(&deposit);
    let due_at = due_at(check_in_at, zone);
    let is_two = deposit.total() > 0 && balance.total() > 0 && due_at > now + LEAST_APART;
    is_two.then_some(Plan { deposit, balance, due_at })
}

/// Of each line of a price so many percent, rounded half up: so the deposit is never more than its line.
fn deposit_of(price: &StayPrice, percent: u8) -> Parts {
    let of = |line: i64| share(line, i64::from(percent.min(100)), 100);
    let whole = price.parts();
    Parts {
        nights: of(whole.nights),
        cleaning_fee: of(whole.cleaning_fee),
        service_fee: of(whole.service_fee),
        taxes: whole.taxes.iter().map(|tax| of(*tax)).collect(),
    }
}

fn due_at(check_in_at: Instant, zone: &Zone) -> Instant {
    let date = add_days(zone.date_of(check_in_at), -DAYS_BEFORE);
    zone.instant_of(date, zone.time_of(check_in_at))
}

impl Balance {
    /// The balance of a stay that is booked at `now`, with its first reminder.
    #[must_use]
    pub fn new(deposit_percent: u8, plan: &Plan, now: Instant) -> Self {
        let reminder = plan.due_at - REMINDER;
        Self { deposit_percent, next_at: if reminder > now { reminder } else { plan.due_at } }
    }
}

impl Booking {
    /// When its balance is due, if it has one.
    #[must_use]
    pub fn balance_due_at(&self) -> Instant {
        due_at(self.check_in_at, &self.zone)
    }

    /// Until when its balance can be paid.
    #[must_use]
    pub fn balance_ends_at(&self) -> Instant {
        self.balance_due_at() + GRACE
    }

    /// When it is called off, if the card is refused until then: at the end of the grace, or with the next
    /// look at it after that.
    #[must_use]
    pub fn balance_called_off_at(&self) -> Instant {
        let ends_at = self.balance_ends_at();
        self.balance.map_or(ends_at, |balance| balance.next_at.max(ends_at))
    }

    /// By when it should be paid or called off: whose card was refused late has a day to pay, whatever he has
    /// tried in vain since.
    #[must_use]
    pub fn balance_collected_by(&self) -> Instant {
        if self.is_balance_refused() {
            return self.balance_called_off_at();
        }
        let ends_at = self.balance_ends_at();
        let refused = self.attempts.iter().rfind(|attempt| attempt.is_balance && attempt.was_refused());
        refused.map_or(ends_at, |attempt| ends_at.max(attempt.started_at + AFTER_A_REFUSAL))
    }

    /// What of its price is charged later; nothing where all of it is paid at once.
    #[must_use]
    pub fn balance_parts(&self) -> Parts {
        self.price.parts().minus(&self.deposit_parts())
    }

    /// What of its price is paid when it is booked.
    #[must_use]
    pub fn deposit_parts(&self) -> Parts {
        match self.balance {
            Some(balance) => deposit_of(&self.price, balance.deposit_percent),
            None => self.price.parts(),
        }
    }

    /// What attempt `index` is to pay.
    #[must_use]
    pub fn parts_of_attempt(&self, index: usize) -> Parts {
        let is_balance = self.attempts.get(index).is_some_and(|attempt| attempt.is_balance);
        if is_balance { self.balance_parts() } else { self.deposit_parts() }
    }

    /// Whether it is paid in two, and the balance is not taken.
    #[must_use]
    pub fn owes_balance(&self) -> bool {
        self.balance.is_some() && self.paid_balance().is_none()
    }

    /// The attempt by which the balance was taken, whether or not it has gone back since.
    #[must_use]
    pub fn paid_balance(&self) -> Option<usize> {
        let paid =
            |attempt: &Attempt| attempt.is_balance && matches!(attempt.outcome, Some(Outcome::Captured(_)));
        self.attempts.iter().position(paid)
    }

    /// The latest attempt to pay the balance, and what became of it.
    pub(super) fn latest_balance(&self) -> Option<(usize, Option<&Outcome>)> {
        let index = self.attempts.iter().rposition(|attempt| attempt.is_balance)?;
        Some((index, self.attempts[index].outcome.as_ref()))
    }

    /// Whether the card of the deposit can be charged again: it was kept by the first provider, not by the one
    /// that stands in for it, and its bank has taken nothing back.
    #[must_use]
    pub fn has_kept_card(&self) -> bool {
        let is_disputed = self.dispute.as_ref().is_some_and(|dispute| dispute.standing != Standing::Won);
        self.keeper_of_card().is_some() && !is_disputed
    }

    /// The provider's name of the deposit's payment, if that has kept its card.
    pub(super) fn keeper_of_card(&self) -> Option<&str> {
        let (index, outcome) = self.paying_attempt()?;
        outcome.reference().filter(|_| self.attempts[index].provider == ProviderName::Stripe)
    }

    /// Until when a payment may still be meant for its deposit: as long as that could be confirmed.
    #[must_use]
    pub fn deposit_settles_at(&self) -> Instant {
        let deposit = self.attempts.iter().rposition(|attempt| !attempt.is_balance);
        deposit.map_or(self.created_at, |index| self.waits_until(index))
    }

    /// Whether somebody is at its balance at `now`: a call that is not overdue, or the guest, who has to
    /// confirm it. Nobody else does anything about its money then.
    #[must_use]
    pub fn is_being_collected(&self, now: Instant) -> bool {
        if self.state != State::Confirmed {
            return false;
        }
        match self.latest_balance() {
            Some((index, None)) => now < self.attempts[index].started_at + PAYMENT_PATIENCE,
            Some((index, Some(Outcome::ActionRequired { is_open: true, .. }))) => {
                now < self.waits_until(index)
            }
            _ => false,
        }
    }

    /// What has to be done about its balance at `now`, if it is a stay that owes it and nobody is at it.
    #[must_use]
    pub fn balance_step(&self, now: Instant) -> Option<BalanceStep> {
        let balance = self.balance.filter(|_| self.state == State::Confirmed && !self.unsettled)?;
        if !self.owes_balance() {
            return None;
        }
        if now >= self.check_in_at {
            // Whose card was never charged is not called off unasked.
            let is_charge = |attempt: &Attempt| attempt.is_charge();
            return Some(if self.attempts.iter().any(is_charge) {
                BalanceStep::CallOff
            } else {
                BalanceStep::Charge
            });
        }
        if now < balance.next_at {
            return None;
        }
        let refused = self.is_balance_refused();
        Some(match now {
            now if now < self.balance_due_at() => BalanceStep::Remind,
            // Whom nobody could ask is not to blame.
            now if now >= self.balance_ends_at() && refused => BalanceStep::CallOff,
            _ => BalanceStep::Charge,
        })
    }

    /// Whether the latest attempt at its balance was refused, as opposed to come to nothing.
    #[must_use]
    pub fn is_balance_refused(&self) -> bool {
        self.latest_balance().is_some_and(|(index, _)| self.attempts[index].was_refused())
    }

    /// The booking whose guest has been reminded.
    #[must_use]
    pub fn reminded(&self) -> Self {
        let next_at = self.balance_due_at();
        Self { balance: self.balance.map(|balance| Balance { next_at, ..balance }), ..self.clone() }
    }

    /// Notes, at `now`, that the latest attempt at its balance has brought nothing: another follows, unless
    /// it was the guest's own before the balance was due.
    pub fn miss_balance(&mut self, now: Instant) {
        if now < self.balance_due_at() {
            return;
        }
        // Also where that is after the grace: whom nobody could ask before has a day to pay.
        let pause = if self.is_balance_refused() { AFTER_A_REFUSAL } else { AFTER_A_FAILURE };
        if let Some(balance) = self.balance.as_mut().filter(|balance| balance.next_at <= now) {
            balance.next_at = now + pause;
        }
    }
}

#[cfg(test)]
mod tests;

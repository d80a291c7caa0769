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
mod tests {
    use super::*;
    use crate::booking::money::Step;
    use crate::booking::refund::Settlement;
    use crate::booking::tests::large;
    use crate::booking::{Returning, Side};
    use crate::listing::CancellationPolicy;
    use proptest::prelude::*;

    /// A stay with a deposit of 30 percent that was booked `days` before its check-in.
    fn stay(days: i64) -> (Booking, Instant) {
        let mut booking = Booking { state: State::Confirmed, unsettled: false, ..large() };
        let now = booking.check_in_at - Duration::from_hours(24 * days);
        let plan = plan(30, &booking.price, booking.check_in_at, &booking.zone, now).unwrap();
        booking.attempts[0].outcome = Some(Outcome::Captured("pi_1".into()));
        booking.taken = plan.deposit.clone();
        booking.captured = plan.deposit.total();
        booking.balance = Some(Balance::new(30, &plan, now));
        (booking, now)
    }

    fn tried(booking: &mut Booking, outcome: Outcome, at: Instant) {
        let attempt = Attempt { is_balance: true, outcome: Some(outcome), ..Attempt::new(None, at, true) };
        booking.attempts.push(attempt);
        booking.miss_balance(at);
    }

    #[test]
    fn it_is_told_then_charged_daily_for_three_days_and_then_called_off() {
        use BalanceStep::{CallOff, Charge, Remind};
        let (mut booking, booked) = stay(40);
        let mut seen = Vec::new();
        let hours = |now: Instant, due: Instant| now.duration_since(due).as_hours();
        let mut now = booked;
        while now < booking.check_in_at {
            match booking.balance_step(now) {
                None => {}
                Some(step @ Remind) => {
                    seen.push((step, hours(now, booking.balance_due_at())));
                    booking = booking.reminded();
                }
                Some(step @ Charge) => {
                    seen.push((step, hours(now, booking.balance_due_at())));
                    tried(&mut booking, Outcome::Declined, now);
                }
                Some(step @ CallOff) => {
                    seen.push((step, hours(now, booking.balance_due_at())));
                    break;
                }
            }
            now += Duration::from_hours(1);
        }
        assert_eq!(seen, [(Remind, -72), (Charge, 0), (Charge, 24), (Charge, 48), (CallOff, 72)]);
    }

    #[test]
    fn nobody_is_called_off_whom_no_one_could_ask_and_nobody_begins_a_stay_unpaid() {
        let (booking, _) = stay(40);
        let mut booking = booking.reminded();
        let ends = booking.balance_ends_at();
        tried(&mut booking, Outcome::Failed, ends);
        assert_eq!(booking.balance_step(ends), None);
        assert_eq!(booking.balance_step(ends + AFTER_A_FAILURE), Some(BalanceStep::Charge));
        assert_eq!(booking.balance_step(booking.check_in_at), Some(BalanceStep::CallOff));
        tried(&mut booking, Outcome::Captured("pi_2".into()), ends + AFTER_A_FAILURE);
        assert_eq!(booking.balance_step(booking.check_in_at), None);
    }

    #[test]
    fn who_is_asked_to_confirm_and_does_not_has_refused() {
        let (mut booking, _) = stay(40);
        let ends = booking.balance_ends_at();
        tried(&mut booking, Outcome::Declined, ends - AFTER_A_REFUSAL);
        let over = Outcome::ActionRequired { reference: "pi_2".into(), secret: "s".into(), is_open: false };
        tried(&mut booking, over, ends);
        assert_eq!(booking.balance_step(ends + AFTER_A_REFUSAL), Some(BalanceStep::CallOff));
        assert!(booking.is_balance_refused(), "and so the deposit is kept as if he had called it off");
    }

    #[test]
    fn what_a_guest_tries_before_it_is_due_changes_nothing() {
        let (mut booking, booked) = stay(40);
        let before = booking.balance;
        tried(&mut booking, Outcome::Declined, booked);
        assert_eq!(booking.balance, before);
        let (late, now) = stay(16);
        assert_eq!(late.balance.unwrap().next_at, late.balance_due_at(), "too late to be reminded");
        assert!(
            plan(30, &late.price, late.check_in_at, &late.zone, now + Duration::from_hours(25)).is_none()
        );
    }

    /// Makes the refunds that a stay calls for, each of no more than its payment has left; how many.
    fn refunded(booking: &mut Booking) -> usize {
        let mut count = 0;
        while let Some(step) = booking.step() {
            match step {
                Step::DecideRefund(parts) => booking.decide_refund(parts),
                Step::Refund(index, Returning { parts, .. }) => {
                    let attempt = &mut booking.attempts[index];
                    attempt.returned += parts.total();
                    let returned = attempt.returned;
                    assert!(parts.is_sound() && parts.total() > 0, "{parts:?}");
                    assert!(returned <= booking.parts_of_attempt(index).total(), "of {index}: {returned}");
                    booking.taken = booking.taken.minus(&parts);
                    booking.returning = None;
                    booking.entries += 1;
                    count += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        count
    }

    #[test]
    fn a_card_that_waits_is_left_alone_once_another_is_tried() {
        let (mut booking, _) = stay(40);
        let waits = |secret: &str| Outcome::ActionRequired {
            reference: "pi_2".into(),
            secret: secret.into(),
            is_open: true,
        };
        let at = booking.created_at;
        tried(&mut booking, waits("s"), at);
        assert_eq!(booking.latest_if_waiting(), Some(1));
        booking.attempts.push(Attempt { is_balance: true, ..Attempt::new(None, at, true) });
        assert_eq!(booking.latest_if_waiting(), None);
        // A webhook of the first must not hide that nobody knows of the second.
        tried(&mut booking, Outcome::Declined, at);
        assert_eq!(booking.step(), Some(Step::Ask(2)));
    }

    #[test]
    fn nobody_else_is_at_a_balance_while_a_call_or_the_guest_is() {
        let (mut booking, _) = stay(40);
        let due = booking.balance_due_at();
        booking.attempts.push(Attempt { is_balance: true, ..Attempt::new(None, due, true) });
        assert!(booking.is_being_collected(due));
        assert!(!booking.is_being_collected(due + PAYMENT_PATIENCE));
        let waits =
            |is_open| Outcome::ActionRequired { reference: "pi_2".into(), secret: "s".into(), is_open };
        booking.attempts[1].outcome = Some(waits(true));
        assert!(booking.is_being_collected(due + PAYMENT_PATIENCE));
        assert!(!booking.is_being_collected(booking.waits_until(1)));
        booking.attempts[1].outcome = Some(waits(false));
        assert!(!booking.is_being_collected(due));
    }

    #[test]
    fn what_a_bank_has_given_back_stands_in_the_way_of_nothing_else() {
        let (mut booking, _) = stay(60);
        let due = booking.balance_due_at();
        tried(&mut booking, Outcome::Captured("pi_2".into()), due);
        booking.taken = booking.price.parts();
        booking.settlement = Some(Settlement::default());
        booking.state = State::Cancelled;
        let Some(Step::DecideRefund(parts)) = booking.step() else { panic!("{:?}", booking.step()) };
        booking.decide_refund(parts);
        // All but a cent of the balance, before its refund was made.
        let balance = booking.balance_parts().total();
        booking.taken = booking.taken.minus(&booking.taken.up_to(balance - 1));
        booking.attempts[1].returned = balance;
        let back = booking.returning.as_ref().unwrap();
        assert!(!booking.has_to_return(back));
        let last = Returning { parts: booking.taken.up_to(1), of: Some(0), ..back.clone() };
        assert!(booking.has_to_return(&last));
        booking.returning = None;
        assert_eq!((refunded(&mut booking), booking.taken.total()), (1, 1));
    }

    #[test]
    fn a_refund_that_was_made_before_the_bank_came_is_not_forgotten() {
        let (mut booking, _) = stay(60);
        let due = booking.balance_due_at();
        tried(&mut booking, Outcome::Captured("pi_2".into()), due);
        booking.taken = booking.price.parts();
        booking.settlement = Some(Settlement::default());
        booking.state = State::Cancelled;
        booking.decide_refund(booking.price.parts().up_to(50));
        let balance = booking.balance_parts().total();
        let (mut made, mut was_not) = (booking.clone(), booking);
        // What the bank finds there says whether it was.
        made.lose(1, balance - 50);
        was_not.lose(1, balance);
        assert!(made.returning.is_some() && was_not.returning.is_none());
        // A bank that takes the deposit says nothing of the balance.
        let deposit = made.deposit_parts().total();
        made.lose(0, deposit);
        assert!(made.returning.is_some());
        assert_eq!(refunded(&mut was_not), 1, "the deposit is what is left to return");
    }

    proptest! {
        #[test]
        fn what_goes_back_of_two_payments_is_what_is_not_kept(
            policy in 0usize..3, hours in 0i64..1_500, by_host: bool, is_paid: bool,
        ) {
            let (mut booking, _) = stay(60);
            booking.policy = CancellationPolicy::ALL[policy];
            if is_paid {
                let due = booking.balance_due_at();
                tried(&mut booking, Outcome::Captured("pi_2".into()), due);
                booking.taken = booking.price.parts();
            }
            prop_assert_eq!(booking.step(), None);
            let paid = booking.taken.clone();
            let by = if by_host { Side::Host } else { Side::Guest };
            let at = booking.check_in_at - Duration::from_hours(hours);
            let settlement = booking.settlement(by, at, 1_000);
            let kept = settlement.kept.clone();
            booking = Booking { state: State::Cancelled, settlement: Some(settlement), ..booking };
            let count = refunded(&mut booking);
            prop_assert_eq!(booking.taken.minus(&kept), paid.minus(&paid));
            let most = usize::from(paid != kept) + usize::from(is_paid && kept.total() < booking.deposit_parts().total());
            prop_assert_eq!(count, most);
        }

        #[test]
        fn deposit_and_balance_are_the_price_line_by_line(
            nights in 1i64..3_000_000, fees in any::<[u16; 3]>(), percent in 10u8..=90,
        ) {
            let (mut booking, now) = stay(40);
            booking.price.nights = booking.price.nights.iter().take(1).map(|(run, _)| (*run, nights)).collect();
            booking.price.cleaning_fee = fees[0].into();
            booking.price.service_fee = fees[1].into();
            booking.price.taxes[0].amount = fees[2].into();
            let two = plan(percent, &booking.price, booking.check_in_at, &booking.zone, now);
            if let Some(Plan { deposit, balance, .. }) = two {
                prop_assert!(deposit.is_sound() && balance.is_sound());
                prop_assert_eq!(deposit.total() + balance.total(), booking.price.total());
            } else {
                prop_assert!(nights < 10);
            }
        }
    }

    #[test]
    fn a_price_is_paid_in_two_when_both_are_something_and_more_than_a_day_apart() {
        let booking = large();
        let plan = |percent, now| plan(percent, &booking.price, booking.check_in_at, &booking.zone, now);
        let latest = booking.balance_due_at() - LEAST_APART;
        let just_before = Instant::from_millisecond(latest.as_millisecond() - 1).unwrap();
        assert!(plan(30, just_before).is_some() && plan(30, latest).is_none());
        assert!(plan(0, just_before).is_none() && plan(100, just_before).is_none());
    }
}

//! A balance from its reminder to its end, whatever becomes of it.

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

/// A stay whose deposit and balance were paid, and of which nothing is kept.
fn paid_and_called_off() -> Booking {
    let (mut booking, _) = stay(60);
    let due = booking.balance_due_at();
    tried(&mut booking, Outcome::Captured("pi_2".into()), due);
    let (taken, settlement) = (booking.price.parts(), Some(Settlement::default()));
    Booking { taken, settlement, state: State::Cancelled, ..booking }
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
    assert!(plan(30, &late.price, late.check_in_at, &late.zone, now + Duration::from_hours(25)).is_none());
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
    let waits = |is_open| Outcome::ActionRequired { reference: "pi_2".into(), secret: "s".into(), is_open };
    booking.attempts[1].outcome = Some(waits(true));
    assert!(booking.is_being_collected(due + PAYMENT_PATIENCE));
    assert!(!booking.is_being_collected(booking.waits_until(1)));
    booking.attempts[1].outcome = Some(waits(false));
    assert!(!booking.is_being_collected(due));
}

#[test]
fn what_a_bank_has_given_back_stands_in_the_way_of_nothing_else() {
    let mut booking = paid_and_called_off();
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
    let mut booking = paid_and_called_off();
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

//! What is next about a booking's money, state by state.

use super::*;
use crate::booking::balance::Balance;
use crate::booking::dispute::{Dispute, Standing};
use crate::booking::refund::Settlement;
use crate::booking::tests::large;
use crate::payment::ProviderName;

#[test]
fn a_refused_card_leaves_a_hold_where_one_was_held_first_or_had_to_be_confirmed() {
    let mut booking = Booking { mode: Mode::PaidAtOnce, ..large() };
    booking.attempts = vec![Attempt::new(None, booking.created_at, true)];
    assert!(!booking.is_paid_through_a_hold());
    assert!(Booking { mode: Mode::Held, ..booking.clone() }.is_paid_through_a_hold());
    let (reference, secret) = ("pi_1".into(), "s".into());
    booking.attempts[0].outcome = Some(Outcome::ActionRequired { reference, secret, is_open: false });
    assert!(booking.is_paid_through_a_hold());
    let began = booking.created_at + Duration::from_mins(5);
    booking.attempts[0].started_at = began;
    assert_eq!(booking.hold_ends(), began + HOLD);
}

#[test]
fn a_card_is_held_for_a_stay_within_four_days_and_charged_for_a_later_one() {
    let now = Instant::from_second(1_800_000_000).unwrap();
    let is_charged = |hours: i64| is_captured_at_confirmation(now + Duration::from_hours(hours), now);
    assert_eq!([0, 96, 97].map(is_charged), [false, false, true]);
}

/// A booking in this state whose only attempt came to this, with so much taken and nothing else under way.
fn with(state: State, outcome: impl Into<Option<Outcome>>, taken: Parts) -> Booking {
    let mut booking = Booking { state, taken, unsettled: true, ..large() };
    booking.attempts[0].outcome = outcome.into();
    booking
}

fn held() -> Outcome {
    Outcome::Held("pi_1".into())
}

fn captured() -> Outcome {
    Outcome::Captured("pi_1".into())
}

fn waits() -> Outcome {
    Outcome::ActionRequired { reference: "pi_2".into(), secret: "s".into(), is_open: true }
}

fn nothing() -> Parts {
    Parts::default()
}

fn of_nights(nights: i64) -> Parts {
    Parts { nights, taxes: vec![0], ..Parts::default() }
}

fn keeps(booking: Booking, kept: Parts, penalty: i64) -> Booking {
    Booking { settlement: Some(Settlement { kept, penalty }), ..booking }
}

const DEAD: [State; 4] = [State::Expired, State::Declined, State::PaymentFailed, State::Abandoned];

#[test]
fn a_hold_waits_for_its_check_in_and_goes_back_where_no_stay_is() {
    let step = |booking: Booking| booking.step();
    let whole = large().price.parts();
    assert_eq!(step(with(State::Confirmed, held(), nothing())), None);
    for state in [State::CheckedIn, State::Completed] {
        assert_eq!(step(with(state, held(), nothing())), Some(Step::Capture(0, whole.clone())));
    }
    for state in DEAD {
        assert_eq!(step(with(state, held(), nothing())), Some(Step::Void(0)), "{state:?}");
    }
    let cancelled = with(State::Cancelled, held(), nothing());
    assert_eq!(step(keeps(cancelled.clone(), nothing(), 0)), Some(Step::Void(0)));
    assert_eq!(step(keeps(cancelled, of_nights(7), 0)), Some(Step::Capture(0, of_nights(7))));
}

#[test]
fn whoever_was_to_confirm_is_let_go_when_there_is_nothing_to_pay_any_more() {
    assert_eq!(with(State::Held, waits(), nothing()).step(), None);
    assert_eq!(with(State::Cancelled, waits(), nothing()).step(), Some(Step::Void(0)));
    // Who is there is charged first.
    let mut there = with(State::CheckedIn, held(), nothing());
    there.attempts.push(Attempt { outcome: Some(waits()), ..Attempt::new(None, there.created_at, true) });
    assert_eq!(there.step(), Some(Step::Capture(0, there.price.parts())));
    (there.attempts[0].outcome, there.taken) = (Some(captured()), there.price.parts());
    assert_eq!(there.step(), Some(Step::Void(1)));
    there.end_waiting(1);
    assert_eq!(there.step(), None);
}

#[test]
fn an_answer_that_nobody_heard_is_asked_for_where_it_may_have_moved_money() {
    for state in DEAD.into_iter().chain([State::PaymentStarted, State::Cancelled]) {
        assert_eq!(with(state, None, nothing()).step(), Some(Step::Ask(0)), "{state:?}");
        let known = Booking { unsettled: false, ..with(state, None, nothing()) };
        assert_eq!(known.step(), None, "{state:?}");
        assert_eq!(with(state, Outcome::Declined, nothing()).step(), None, "{state:?}");
    }
    assert_eq!(with(State::Held, None, nothing()).step(), None);
    let unasked = Booking { attempts: Vec::new(), ..with(State::Expired, None, nothing()) };
    assert_eq!(unasked.step(), None);
}

#[test]
fn what_is_taken_and_not_due_goes_back_to_the_guest_and_then_from_the_host() {
    let whole = large().price.parts();
    let stay = with(State::Confirmed, captured(), whole.clone());
    assert_eq!(stay.step(), None);
    let called_off = keeps(with(State::Cancelled, captured(), whole.clone()), of_nights(7), 0);
    let back = whole.minus(&of_nights(7));
    assert_eq!(called_off.step(), Some(Step::DecideRefund(back.clone())));
    let mut decided = called_off.clone();
    decided.decide_refund(back.clone());
    let returning = Returning { number: called_off.entries + 1, parts: back, of: None };
    assert_eq!(decided.step(), Some(Step::Refund(0, returning.clone())));
    assert!(decided.has_to_return(&returning));
    assert!(!Booking { taken: of_nights(7), ..decided.clone() }.has_to_return(&returning));
    // A bank that has the money returns it itself.
    let dispute = Dispute::new("dp_1".into(), 1, 15, Standing::Open, None);
    assert_eq!(Booking { dispute: Some(dispute), ..decided }.step(), None);
    // The guest has it: what the host had of it is taken back, or owed again if it was only withheld.
    let returned = Booking { taken: of_nights(7), ..called_off };
    assert_eq!(returned.step(), None);
    let paid_out = Booking { paid_out: 10, ..returned.clone() };
    assert_eq!(paid_out.step(), Some(Step::DecideReversal(3)));
    let reversing = Reversing { number: 5, amount: 3 };
    let decided = Booking { reversing: Some(reversing), ..paid_out };
    assert_eq!(decided.step(), Some(Step::TakeBack(0, reversing)));
    let withheld = |withheld, paid_out| Booking { paid_out, withheld, ..returned.clone() }.step();
    assert_eq!(withheld(10, 0), Some(Step::OweAgain(3)));
    assert_eq!(withheld(2, 10), Some(Step::OweAgain(2)));
    assert_eq!(withheld(7, 0), None);
    let sending = |paid_out, withheld, sending| {
        Booking { paid_out, withheld, sending, ..returned.clone() }.sends_too_much()
    };
    for (one, other, third) in [(7, 0, 0), (0, 7, 0), (0, 0, 7), (1, 2, 4)] {
        assert!(!sending(one, other, third) && sending(one, other, third + 1), "{one} {other} {third}");
    }
}

#[test]
fn what_a_bank_has_left_of_a_charge_it_has_closed_cannot_be_returned() {
    let whole = large().price.parts();
    let mut off = keeps(with(State::Cancelled, captured(), whole.clone()), nothing(), 0);
    off.lose(0, whole.total() - 5);
    assert_eq!((off.taken.total(), off.step()), (5, None));
}

#[test]
fn a_balance_is_asked_about_taken_or_given_back_before_anything_else() {
    let mut booking = with(State::Confirmed, captured(), nothing());
    booking.balance = Some(Balance { deposit_percent: 30, next_at: booking.created_at });
    booking.taken = booking.deposit_parts();
    assert_eq!(booking.due_from_guest(), booking.deposit_parts());
    assert_eq!(booking.step(), None);
    let at = booking.created_at;
    booking.attempts.push(Attempt { is_balance: true, ..Attempt::new(None, at, true) });
    assert_eq!(booking.step(), Some(Step::Ask(1)));
    booking.attempts[1].outcome = Some(held());
    assert_eq!(booking.step(), Some(Step::Capture(1, booking.balance_parts())));
    let called_off = keeps(Booking { state: State::Cancelled, ..booking.clone() }, nothing(), 0);
    assert_eq!(called_off.step(), Some(Step::Void(1)));
    assert!(booking.was_paid_by(0) && !booking.was_paid_by(1), "what is held has paid no balance");
    // Both taken: of the balance goes back what there is, then of the deposit.
    booking.attempts[1].outcome = Some(captured());
    booking.taken = booking.price.parts();
    assert_eq!((booking.due_from_guest(), booking.step()), (booking.price.parts(), None));
    assert!(booking.was_paid_by(1));
    let mut off = keeps(Booking { state: State::Cancelled, ..booking }, nothing(), 0);
    let (deposit, balance) = (off.deposit_parts().total(), off.balance_parts().total());
    for (of, left, already) in [(1, balance, 0), (0, deposit, balance)] {
        off.attempts[1].returned = already;
        off.taken = off.price.parts().up_to(deposit + balance - already);
        let Some(Step::DecideRefund(parts)) = off.step() else { panic!("{:?}", off.step()) };
        assert_eq!(parts.total(), left);
        off.decide_refund(parts);
        assert_eq!(off.returning.as_ref().and_then(|returning| returning.of), Some(of));
        let Some(Step::Refund(attempt, returning)) = off.step() else { panic!("{:?}", off.step()) };
        assert_eq!(attempt, usize::from(of));
        assert!(off.has_to_return(&returning));
        let more = Returning { parts: returning.parts.plus(&of_nights(1)), ..returning };
        assert!(!off.has_to_return(&more), "more than that payment has left");
        off.returning = None;
    }
}

#[test]
fn a_penalty_is_settled_when_it_is_entered() {
    let booking = with(State::Cancelled, captured(), nothing());
    assert!(!keeps(booking.clone(), nothing(), 0).has_more_to_settle());
    let fined = keeps(booking, nothing(), 5);
    assert!(fined.has_more_to_settle());
    assert!(!Booking { is_fined: true, ..fined }.has_more_to_settle());
    assert!(with(State::Expired, held(), nothing()).has_more_to_settle());
}

#[test]
fn a_host_is_paid_what_is_left_of_his_a_day_after_check_in() {
    let whole = large().price.parts();
    let stay = |state| Booking { unsettled: false, ..with(state, captured(), whole.clone()) };
    let due = large().check_in_at + PAYOUT_AFTER;
    for state in [State::CheckedIn, State::Completed] {
        assert_eq!(stay(state).payout(), Some((whole.host(), due)), "{state:?}");
    }
    let off = keeps(stay(State::Cancelled), of_nights(7), 0);
    assert_eq!(off.payout(), Some((7, due)), "and no more, though more could not be returned");
    assert_eq!(stay(State::Confirmed).payout(), None, "nobody has come");
    let there = stay(State::CheckedIn);
    let partly = Booking { paid_out: 10, withheld: 5, ..there.clone() };
    assert_eq!(partly.payout(), Some((whole.host() - 15, due)));
    assert_eq!(Booking { paid_out: whole.host(), ..there.clone() }.payout(), None);
    assert_eq!(Booking { unsettled: true, ..there.clone() }.payout(), None);
    let dispute = Some(Dispute::new("dp_1".into(), 1, 15, Standing::Open, None));
    assert_eq!(Booking { dispute, ..there.clone() }.payout(), None);
    let later = due + Duration::from_hours(5);
    assert_eq!(Booking { payout_at: Some(later), ..there.clone() }.payout(), Some((whole.host(), later)));
    let sent = Booking { sending: 3, state: State::Confirmed, unsettled: true, ..there };
    assert_eq!(sent.payout(), Some((3, due)), "what is on its way is followed to its end");
}

#[test]
fn what_goes_on_with_a_payment_is_the_same_payment() {
    let mut booking = with(State::Held, waits(), nothing());
    booking.attempts[0].provider = ProviderName::Adyen;
    booking.attempts[0].is_balance = true;
    let later = booking.created_at + Duration::from_mins(5);
    for index in 0..2 {
        let again = booking.resuming(index, Attempt::new(None, later, false));
        assert_eq!((again.resumes, again.provider), (Some(0), ProviderName::Adyen));
        assert!(again.is_balance && again.captures && again.started_at == later);
        booking.attempts.push(Attempt { outcome: Some(waits()), ..again });
    }
    let until = booking.attempts[0].started_at + HOLD;
    assert_eq!([0, 1, 2].map(|index| booking.waits_until(index)), [until; 3]);
    assert_eq!((booking.waiting_attempt(), booking.latest_if_waiting()), (Some(2), Some(2)));
    booking.attempts.push(Attempt { outcome: Some(waits()), ..Attempt::new(None, later, true) });
    assert_eq!(booking.waits_until(3), later + HOLD);
    booking.end_waiting(1);
    let is_open =
        |attempt: &Attempt| matches!(attempt.outcome, Some(Outcome::ActionRequired { is_open: true, .. }));
    assert_eq!(booking.attempts.iter().map(is_open).collect::<Vec<_>>(), [false, false, false, true]);
    booking.attempts.push(Attempt::new(None, later, true));
    assert_eq!((booking.waiting_attempt(), booking.latest_if_waiting()), (Some(3), None));
}

#[test]
fn an_attempt_has_paid_whatever_became_of_the_money_since_but_not_when_its_time_was_over() {
    let voided = Some(Outcome::Voided("pi_1".into()));
    for (outcome, has_paid) in [
        (Some(held()), true),
        (Some(captured()), true),
        (voided, true),
        (Some(Outcome::Declined), false),
        (None, false),
    ] {
        assert_eq!(
            with(State::Cancelled, outcome.clone(), nothing()).was_paid_by(0),
            has_paid,
            "{outcome:?}"
        );
        assert!(!with(State::PaymentFailed, outcome, nothing()).was_paid_by(0));
    }
    assert!(!with(State::Cancelled, captured(), nothing()).was_paid_by(1));
}

#[test]
fn an_amount_taken_is_the_whole_or_what_is_kept_and_nothing_else() {
    let booking = keeps(with(State::Cancelled, captured(), nothing()), of_nights(7), 0);
    let whole = booking.price.parts();
    assert_eq!(booking.parts_of(0, whole.total()), Some(whole));
    assert_eq!(booking.parts_of(0, 7), Some(of_nights(7)));
    assert_eq!(booking.parts_of(0, 8), None);
}

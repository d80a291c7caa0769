//! A booking's money, step by step to where its state says that it should stand: what is held for
//! nothing goes back, what is due is taken, what was taken too much is returned. Each answer of the
//! provider is recorded before the next step, with its ledger's entry in the same transaction.

use roost::app::App;
use roost::booking::money::Step;
use roost::booking::trouble::PaymentIssue;
use roost::booking::{Booking, Outcome, Returning, Reversing, State};
use roost::error::{Error, Result};
use roost::ledger::{Account, Entry, Heading};
use roost::money::Money;
use roost::payment::{Authorization, Capture, ProviderName, Refund, Taken, Transferred, Void};
use roost::planted::{self, Bug};
use roost::pricing::parts::Parts;
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;

use crate::{paying_out, trouble};

/// More steps than any booking's money can need: ask, capture or give up, two refunds and a reversal, each
/// decided first.
const MOST_STEPS: u32 = 10;

/// Brings the money of an unsettled booking to where it should stand. What the provider does not answer
/// stays unsettled, and is asked again by the next run of a schedule.
pub(crate) async fn settle_up(app: &App, booking: Booking) -> Result<Booking> {
    let mut booking = booking;
    for _ in 0..MOST_STEPS {
        // A guest who pays his balance is left in peace.
        if !booking.unsettled || booking.is_being_collected(app.clock.now()) {
            break;
        }
        match Box::pin(step(app, &booking)).await? {
            Some(Advance::Done(after)) => booking = after,
            // Another is at it, and has come further.
            Some(Advance::Lost) => return reread(app, &booking).await,
            None => break,
        }
    }
    Ok(booking)
}

/// Makes the next step and records what came of it; `None` when the provider did not say.
async fn step(app: &App, booking: &Booking) -> Result<Option<Advance>> {
    let mut after = booking.clone();
    let entries = match booking.step() {
        None => Vec::new(),
        Some(Step::Ask(index)) => {
            match app.provider(of(booking, index))?.settle(&booking.order(index)).await {
                Authorization::Held { reference, .. } => {
                    after.end_waiting(index);
                    after.attempts[index].outcome = Some(Outcome::Held(reference));
                    Vec::new()
                }
                Authorization::Taken(taken) => {
                    after.end_waiting(index);
                    note_capture(app, &mut after, index, &taken)?
                }
                // What waits for the guest is cancelled by the asking.
                Authorization::Declined { .. } if booking.attempts[index].is_balance => {
                    after.end_waiting(index);
                    after.attempts[index].outcome = Some(Outcome::Declined);
                    Vec::new()
                }
                Authorization::Declined { .. }
                | Authorization::Nothing
                | Authorization::ActionRequired { .. } => {
                    after.end_waiting(index);
                    after.attempts[index].outcome = Some(Outcome::Failed);
                    Vec::new()
                }
                Authorization::Unreached { context } | Authorization::Unknown { context } => {
                    return in_vain(app, booking, "ask", &context, false).await;
                }
            }
        }
        Some(Step::Void(index)) => {
            match app.provider(of(booking, index))?.void(&booking.order(index)).await {
                Void::Done if booking.attempts[index].had_to_be_confirmed() => {
                    after.end_waiting(index);
                    Vec::new()
                }
                Void::Done => {
                    after.attempts[index].outcome = Some(Outcome::Voided(reference(booking, index)?));
                    Vec::new()
                }
                Void::Taken(taken) => note_capture(app, &mut after, index, &taken)?,
                Void::Refused { context } => return in_vain(app, booking, "void", &context, true).await,
                Void::Unknown { context } => return in_vain(app, booking, "void", &context, false).await,
            }
        }
        Some(Step::OweAgain(amount)) => {
            after.withheld -= amount;
            vec![heading(app, &mut after, last_of(booking)).withholding(-amount)]
        }
        Some(Step::DecideReversal(amount)) => {
            after.reversing = Some(Reversing { number: after.entries + 1, amount });
            Vec::new()
        }
        Some(Step::TakeBack(index, Reversing { number, amount })) => {
            // Where it went is found at the provider, by the payout's id.
            let transfer = paying_out::transfer(booking, index, (booking.paid_out, String::new()));
            let money = booking.price.money(amount);
            match app.payouts()?.take_back(&transfer, money, number).await {
                Transferred::Done => {
                    after.paid_out -= amount;
                    after.reversing = None;
                    vec![heading(app, &mut after, index).reversal(amount)]
                }
                Transferred::Refused { context } => {
                    return in_vain(app, booking, "reversal", &context, true).await;
                }
                Transferred::Unknown { context } => {
                    return in_vain(app, booking, "reversal", &context, false).await;
                }
            }
        }
        Some(Step::Capture(index, due)) => return capture(app, booking, index, &due).await,
        Some(Step::DecideRefund(back)) => {
            after.decide_refund(back);
            Vec::new()
        }
        Some(Step::Refund(index, Returning { number, parts, .. })) => {
            let money = booking.price.money(parts.total());
            match app.provider(of(booking, index))?.refund(&booking.order(index), money, number).await {
                Refund::Done => {
                    after.taken = booking.taken.minus(&parts);
                    after.attempts[index].returned += parts.total();
                    after.returning = None;
                    vec![heading(app, &mut after, index).refund(&parts)]
                }
                Refund::Refused { context } => return in_vain(app, booking, "refund", &context, true).await,
                Refund::Unknown { context } => return in_vain(app, booking, "refund", &context, false).await,
            }
        }
    };
    written(app, booking, after, entries, None).await.map(Some)
}

/// Takes what is due of the hold.
async fn capture(app: &App, booking: &Booking, index: usize, due: &Parts) -> Result<Option<Advance>> {
    let order = booking.order(index);
    let mut after = booking.clone();
    let amount = Money { amount: due.total(), ..order.amount };
    let mut lapsed = None;
    let entries = match app.provider(of(booking, index))?.capture(&order, amount).await {
        Capture::Taken(taken) => note_capture(app, &mut after, index, &taken)?,
        Capture::Gone => {
            let issue = trouble::issue_of(app, booking).await?;
            lapsed = Some(issue.tried("capture", app.clock.now(), "the hold has lapsed").open());
            after.attempts[index].outcome = Some(Outcome::Lapsed(reference(booking, index)?));
            Vec::new()
        }
        Capture::Refused { context } => return in_vain(app, booking, "capture", &context, true).await,
        Capture::Unknown { context } => return in_vain(app, booking, "capture", &context, false).await,
    };
    written(app, booking, after, entries, lapsed).await.map(Some)
}

/// Notes in `after` that the provider has taken money, and the entry of it.
///
/// # Errors
/// `Internal` when it is none that was ever asked for.
pub(crate) fn note_capture(
    app: &App,
    after: &mut Booking,
    index: usize,
    taken: &Taken,
) -> Result<Vec<Entry>> {
    let parts = after.parts_of(index, taken.amount.amount).ok_or_else(|| {
        Error::internal(format!("{} has taken {:?}, which nobody asked for", taken.reference, taken.amount))
    })?;
    after.attempts[index].outcome = Some(Outcome::Captured(taken.reference.clone()));
    after.captured += parts.total();
    after.taken = after.taken.plus(&parts);
    Ok(vec![heading(app, after, index).capture(&parts, taken.fee)])
}

/// The heading of the next entry, which `after` counts.
pub(crate) fn heading(app: &App, after: &mut Booking, index: usize) -> Heading {
    after.entries += 1;
    Heading {
        booking: after.id,
        number: after.entries,
        payment: after.payment_id(index),
        at: app.clock.now(),
        currency: after.price.currency,
    }
}

/// Writes what came of a step. With the last one the host's penalty is entered, and he owes it from then on.
async fn written(
    app: &App,
    before: &Booking,
    mut after: Booking,
    mut entries: Vec<Entry>,
    issue: Option<PaymentIssue>,
) -> Result<Advance> {
    let now = app.clock.now();
    after.unsettled = after.step().is_some();
    if !after.unsettled && after.owes_balance() {
        after.miss_balance(now);
    }
    let penalty = after.settlement.as_ref().map_or(0, |settlement| settlement.penalty);
    let done = !after.unsettled && !after.is_fined || planted::is(Bug::PenaltyTwice);
    if after.state == State::Cancelled && done && penalty > 0 {
        after.is_fined = true;
        entries.push(heading(app, &mut after, last_of(before)).penalty(penalty));
        if planted::is(Bug::PenaltyTwice) {
            entries.push(heading(app, &mut after, last_of(before)).penalty(penalty));
        }
    }
    let owed: i64 = entries.iter().map(|entry| -entry.of(Account::Debt).amount).sum();
    let debt = match owed {
        0 => None,
        owed => Some(app.store.debt(before.host, before.price.currency).await?.changed(owed)),
    };
    trouble::overcome(app, before, after, Beside { entries: &entries, issue: issue.as_ref(), debt }).await
}

fn last_of(booking: &Booking) -> usize {
    booking.attempts.len().saturating_sub(1)
}

/// A step that came to nothing is tried again later, or looked at by an operator.
async fn in_vain(
    app: &App,
    booking: &Booking,
    step: &str,
    context: &str,
    is_refused: bool,
) -> Result<Option<Advance>> {
    trouble::meet(app, booking, step, context, is_refused).await.map(|()| None)
}

/// Who has the money of an attempt.
fn of(booking: &Booking, index: usize) -> ProviderName {
    booking.attempts[index].provider
}

fn reference(booking: &Booking, index: usize) -> Result<String> {
    let outcome = booking.attempts.get(index).and_then(|attempt| attempt.outcome.as_ref());
    let reference = outcome.and_then(Outcome::reference);
    reference.map(str::to_owned).ok_or_else(|| Error::internal("a held payment without a name"))
}

pub(crate) async fn reread(app: &App, booking: &Booking) -> Result<Booking> {
    app.store.booking(booking.id).await?.ok_or_else(|| Error::internal("a booking that was paid is gone"))
}

//! A booking's money, step by step to where its state says that it should stand: what is held for
//! nothing goes back, what is due is taken, what was taken too much is returned. Each answer of the
//! provider is recorded before the next step, with its ledger's entry in the same transaction.

use roost::app::App;
use roost::booking::money::Step;
use roost::booking::{Booking, Outcome, State};
use roost::error::{Error, Result};
use roost::ledger::{Entry, Heading};
use roost::money::Money;
use roost::payment::{Authorization, Capture, Refund, Taken, Void};
use roost::planted::{self, Bug};
use roost::pricing::parts::Parts;
use roost::store::bookings::Advance;

/// More steps than any booking's money can need: ask, capture, refund.
const MOST_STEPS: u32 = 5;

/// Brings the money of an unsettled booking to where it should stand. What the provider does not answer
/// stays unsettled, and is asked again by the next run of a schedule.
pub(crate) async fn settle_up(app: &App, booking: Booking) -> Result<Booking> {
    let mut booking = booking;
    for _ in 0..MOST_STEPS {
        if !booking.unsettled {
            break;
        }
        match step(app, &booking).await? {
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
            let order = booking.order(&app.secrets, index);
            match app.provider()?.settle(&order).await {
                Authorization::Held { reference, .. } => {
                    after.attempts[index].outcome = Some(Outcome::Held(reference));
                    Vec::new()
                }
                Authorization::Taken(taken) => note_capture(app, &mut after, index, &taken)?,
                Authorization::Declined { .. } | Authorization::Nothing => {
                    after.attempts[index].outcome = Some(Outcome::Failed);
                    Vec::new()
                }
                Authorization::Unknown { context } => return Ok(unknown(booking, &context)),
            }
        }
        Some(Step::Void(index)) => match app.provider()?.void(&booking.order(&app.secrets, index)).await {
            Void::Done => {
                after.attempts[index].outcome = Some(Outcome::Voided(reference(booking, index)?));
                Vec::new()
            }
            Void::Taken(taken) => note_capture(app, &mut after, index, &taken)?,
            Void::Unknown { context } => return Ok(unknown(booking, &context)),
        },
        Some(Step::Capture(index, due)) => return capture(app, booking, index, &due).await,
        Some(Step::Refund(index, back)) => {
            let back = planted_refund(booking, back);
            let number = after.entries + 1;
            let order = booking.order(&app.secrets, index);
            let money = booking.price.money(back.total());
            match app.provider()?.refund(&order, money, number).await {
                Refund::Done => {
                    after.taken = booking.taken.minus(&back);
                    vec![heading(app, &mut after, index).refund(&back)]
                }
                Refund::Unknown { context } => return Ok(unknown(booking, &context)),
            }
        }
    };
    written(app, booking, after, entries).await.map(Some)
}

/// Takes what is due of the hold.
async fn capture(app: &App, booking: &Booking, index: usize, due: &Parts) -> Result<Option<Advance>> {
    let order = booking.order(&app.secrets, index);
    let mut after = booking.clone();
    let amount = Money { amount: due.total(), ..order.amount };
    let entries = match app.provider()?.capture(&order, amount).await {
        Capture::Taken(taken) => note_capture(app, &mut after, index, &taken)?,
        Capture::Gone => {
            tracing::error!(booking = %booking.id, "a hold has lapsed before its money was taken");
            after.attempts[index].outcome = Some(Outcome::Lapsed(reference(booking, index)?));
            Vec::new()
        }
        Capture::Unknown { context } => return Ok(unknown(booking, &context)),
    };
    written(app, booking, after, entries).await.map(Some)
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
    let parts = after.parts_of(taken.amount.amount).ok_or_else(|| {
        Error::internal(format!("{} has taken {:?}, which nobody asked for", taken.reference, taken.amount))
    })?;
    after.attempts[index].outcome = Some(Outcome::Captured(taken.reference.clone()));
    after.captured += parts.total();
    after.taken = parts.clone();
    Ok(vec![heading(app, after, index).capture(&parts, taken.fee)])
}

/// The heading of the next entry, which `after` counts.
pub(crate) fn heading(app: &App, after: &mut Booking, index: usize) -> Heading {
    after.entries += 1;
    Heading {
        booking: after.id,
        number: after.entries,
        payment: after.payment_id(&app.secrets, index),
        at: app.clock.now(),
        currency: after.price.currency,
    }
}

/// Writes what came of a step. With the last one the host's penalty is entered.
async fn written(
    app: &App,
    before: &Booking,
    mut after: Booking,
    mut entries: Vec<Entry>,
) -> Result<Advance> {
    after.unsettled = after.step().is_some();
    let penalty = after.settlement.as_ref().map_or(0, |settlement| settlement.penalty);
    let done = !after.unsettled || planted::is(Bug::PenaltyTwice);
    if after.state == State::Cancelled && done && penalty > 0 {
        let index = after.attempts.len().saturating_sub(1);
        entries.push(heading(app, &mut after, index).penalty(penalty));
        if planted::is(Bug::PenaltyTwice) {
            entries.push(heading(app, &mut after, index).penalty(penalty));
        }
    }
    app.store.advance_entering(before, after, &entries).await
}

/// What is returned when a mistake is made on purpose; `back` otherwise.
fn planted_refund(booking: &Booking, back: Parts) -> Parts {
    if planted::is(Bug::TaxKept) {
        Parts { taxes: Vec::new(), ..back }
    } else if planted::is(Bug::RefundFromStaleBalance) {
        booking.price.parts()
    } else {
        back
    }
}

fn unknown(booking: &Booking, context: &str) -> Option<Advance> {
    tracing::warn!(booking = %booking.id, context, "a step of a booking's money is not known to be done");
    None
}

fn reference(booking: &Booking, index: usize) -> Result<String> {
    let outcome = booking.attempts.get(index).and_then(|attempt| attempt.outcome.as_ref());
    let reference = outcome.and_then(Outcome::reference);
    reference.map(str::to_owned).ok_or_else(|| Error::internal("a held payment without a name"))
}

async fn reread(app: &App, booking: &Booking) -> Result<Booking> {
    app.store.booking(booking.id).await?.ok_or_else(|| Error::internal("a booking that was paid is gone"))
}

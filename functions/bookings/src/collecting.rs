//! The balance of a stay that is paid in two: its guest is reminded of it, it is charged to the card of the
//! deposit, or paid by the guest's own call; what is not paid in time is called off.

use roost::app::App;
use roost::booking::balance::{BalanceStep, UNPAID};
use roost::booking::{Attempt, Booking, Outcome, Side, State};
use roost::clock::Instant;
use roost::error::{Error, Result};
use roost::payment::Taken;
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;

use crate::paying::{self, refusal};
use crate::settling::{note_capture, reread, settle_up};
use crate::trouble;

/// Does what is to be done next about a balance.
///
/// # Errors
/// `Unavailable` when it is not known to be done: it is found again by the next run.
pub(crate) async fn take(app: &App, booking: Booking, step: BalanceStep) -> Result<()> {
    let now = app.clock.now();
    match step {
        // The change itself is what the guest is told of.
        BalanceStep::Remind => app.store.advance(&booking, booking.reminded()).await.map(|_| ()),
        BalanceStep::Charge => charge(app, booking, now).await,
        BalanceStep::CallOff => match app.store.end(&booking, called_off(&booking, now)).await? {
            Advance::Done(ended) => Box::pin(settle_up(app, ended)).await.map(|_| ()),
            // The guest has paid, or somebody else has called it off.
            Advance::Lost => Ok(()),
        },
    }
}

/// Charges the card of the deposit, whose holder is not there.
async fn charge(app: &App, booking: Booking, now: Instant) -> Result<()> {
    let mut started = booking.clone();
    let mut attempt = Attempt { is_balance: true, ..Attempt::new(None, now, true) };
    let is_kept = booking.has_kept_card();
    if !is_kept {
        // Only its holder can pay.
        attempt.outcome = Some(Outcome::AuthenticationRequired);
    }
    started.attempts.push(attempt);
    started.unsettled = is_kept;
    if !is_kept {
        started.miss_balance(now);
    }
    match app.store.advance(&booking, started).await? {
        Advance::Done(started) if is_kept => match Box::pin(paying::pay(app, started)).await {
            Ok(_) | Err(Error::PaymentRefused(_)) => Ok(()),
            // Asked about when it is overdue.
            Err(error) => Err(error),
        },
        // The guest was faster.
        Advance::Done(_) | Advance::Lost => Ok(()),
    }
}

/// The stay called off since its balance was not paid. What is kept of the deposit is what would be if the
/// guest had called it off: not paying must not be the cheaper way. Of whom nobody could ask nothing is
/// kept; who was asked to confirm it and did not has refused.
fn called_off(booking: &Booking, now: Instant) -> Booking {
    let by = if booking.is_balance_refused() { Side::Guest } else { Side::System };
    let mut after = Booking {
        state: State::Cancelled,
        cancelled_by: Some(Side::System),
        reason: Some(UNPAID.to_owned()),
        settlement: Some(booking.settlement(by, now, 0)),
        trouble: None,
        ..booking.clone()
    };
    after.unsettled = after.has_more_to_settle();
    after
}

/// Records that the balance was taken by attempt `index`.
///
/// # Errors
/// `PaymentRefused` when it was given back before it was taken, since the stay was called off meanwhile.
pub(crate) async fn taken(app: &App, booking: Booking, index: usize, taken: &Taken) -> Result<Booking> {
    let mut after = booking.clone();
    after.end_waiting(index);
    let entries = note_capture(app, &mut after, index, taken)?;
    after.unsettled = after.has_more_to_settle();
    match trouble::overcome(app, &booking, after, Beside { entries: &entries, ..Beside::default() }).await? {
        Advance::Done(paid) => Ok(paid),
        Advance::Lost => found(app, &booking, index).await,
    }
}

/// Records that attempt `index` at the balance has brought nothing: another follows, in its time.
///
/// # Errors
/// `PaymentRefused`, as it is.
pub(crate) async fn missed(app: &App, booking: Booking, index: usize, outcome: Outcome) -> Result<Booking> {
    let mut after = booking.clone();
    after.end_waiting(index);
    after.attempts[index].outcome = Some(outcome);
    after.unsettled = after.has_more_to_settle();
    after.miss_balance(app.clock.now());
    match trouble::overcome(app, &booking, after, Beside::default()).await? {
        Advance::Done(booking) => Err(refusal(&booking, index, false)),
        Advance::Lost => found(app, &booking, index).await,
    }
}

/// What another has recorded of attempt `index`, or of the stay's end.
pub(crate) async fn found(app: &App, booking: &Booking, index: usize) -> Result<Booking> {
    let booking = Box::pin(settle_up(app, reread(app, booking).await?)).await?;
    match &booking.attempts[index].outcome {
        Some(Outcome::Captured(_) | Outcome::ActionRequired { .. }) => Ok(booking),
        None | Some(Outcome::Held(_)) => Err(Error::unavailable("another call is at this booking")),
        Some(_) => Err(refusal(&booking, index, false)),
    }
}

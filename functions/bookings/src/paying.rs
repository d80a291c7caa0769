//! The payment of a booking between its two writes: the intent is recorded, the provider is called,
//! the outcome is recorded. Whoever gets lost in between is found again by `recover-payments`.

use roost::app::App;
use roost::booking::{Booking, Outcome, State};
use roost::clock::Duration;
use roost::error::{Error, Refusal, Result};
use roost::payment::{Authorization, Capture, Taken};
use roost::planted::{self, Bug};
use roost::store::bookings::Advance;

use crate::authorizing::authorized;
use crate::collecting;
use crate::settling::{self, reread, settle_up};

/// How long after check-in a hold must last to be sure that it is taken in time.
const CHARGED_WITHIN: Duration = Duration::from_hours(6);

/// Asks the provider for the money of a booking whose latest attempt has been recorded, and records
/// what became of it.
///
/// # Errors
/// `PaymentRefused` when nothing is held and never will be; `Unavailable` when that is not known.
pub(crate) async fn pay(app: &App, booking: Booking) -> Result<Booking> {
    let index = latest(&booking)?;
    let (booking, authorization) = Box::pin(authorized(app, booking, index)).await?;
    Box::pin(record(app, booking, authorization)).await
}

/// Goes on with an attempt that the guest has had to confirm.
///
/// # Errors
/// As [`pay`].
pub(crate) async fn resume(app: &App, booking: Booking) -> Result<Booking> {
    let index = latest(&booking)?;
    let order = booking.order(index);
    let authorization = app.provider(booking.attempts[index].provider)?.resume(&order).await;
    Box::pin(record(app, booking, authorization)).await
}

/// Asks the provider what became of an attempt that nobody recorded, and records it.
///
/// # Errors
/// As [`pay`].
pub(crate) async fn settle(app: &App, booking: Booking) -> Result<Booking> {
    if planted::is(Bug::AskSkipped) {
        return fail(app, booking, Outcome::Failed).await;
    }
    let index = latest(&booking)?;
    let order = booking.order(index);
    let authorization = app.provider(booking.attempts[index].provider)?.settle(&order).await;
    Box::pin(record(app, booking, authorization)).await
}

/// The 402 of an attempt: of the first answer, or of its replay.
pub(crate) fn refusal(booking: &Booking, index: usize, replayed: bool) -> Error {
    let attempt = booking.attempts.get(index);
    let outcome = attempt.and_then(|attempt| attempt.outcome.as_ref());
    let asked_by = attempt.and_then(|attempt| attempt.asked_by.as_ref()).map(|(_, sent)| sent);
    Error::PaymentRefused(Refusal {
        booking: booking.id,
        declined: matches!(outcome, Some(Outcome::Declined | Outcome::AuthenticationRequired)),
        authentication_required: matches!(outcome, Some(Outcome::AuthenticationRequired)),
        request_id: asked_by.unwrap_or(&booking.made_by).request_id.clone(),
        replayed,
    })
}

async fn record(app: &App, booking: Booking, authorization: Authorization) -> Result<Booking> {
    match authorization {
        Authorization::Held { reference, capture_before } => {
            let index = latest(&booking)?;
            let mut booking = booking;
            // The bank knows better than the four days that every hold lasts; check-in is charged by a
            // schedule, within hours.
            let charged_by = booking.check_in_at + CHARGED_WITHIN;
            let lapses_before = capture_before.is_some_and(|until| until <= charged_by);
            booking.attempts[index].captures |= lapses_before;
            if booking.attempts[index].captures && booking.lapsed(app.clock.now()).is_none() {
                return Box::pin(capture(app, booking, reference)).await;
            }
            confirm(app, booking, Paid::Held(reference)).await
        }
        Authorization::Taken(taken) => confirm(app, booking, Paid::Taken(taken)).await,
        Authorization::ActionRequired { reference, secret } => {
            wait_for_guest(app, booking, reference, secret).await
        }
        Authorization::Declined { authentication_required: true, .. } => {
            fail(app, booking, Outcome::AuthenticationRequired).await
        }
        Authorization::Declined { .. } => fail(app, booking, Outcome::Declined).await,
        Authorization::Nothing => fail(app, booking, Outcome::Failed).await,
        Authorization::Unreached { context } | Authorization::Unknown { context } => {
            Err(Error::unavailable(context))
        }
    }
}

/// The bank wants the guest to confirm: the nights are kept meanwhile, for as long as a hold's.
async fn wait_for_guest(app: &App, booking: Booking, reference: String, secret: String) -> Result<Booking> {
    let index = latest(&booking)?;
    let state = if booking.attempts[index].is_balance { booking.state } else { State::Held };
    let mut after = Booking { state, ..booking.clone() };
    after.end_waiting(index);
    after.attempts[index].outcome = Some(Outcome::ActionRequired { reference, secret, is_open: true });
    match app.store.advance(&booking, after).await? {
        Advance::Done(waiting) => Ok(waiting),
        Advance::Lost if booking.attempts[index].is_balance => {
            Box::pin(collecting::found(app, &booking, index)).await
        }
        Advance::Lost => {
            let booking = reread(app, &booking).await?;
            if booking.waiting_attempt() == Some(index) || booking.was_paid_by(index) {
                Ok(booking)
            } else {
                Err(refusal(&booking, index, false))
            }
        }
    }
}

/// How a booking is paid.
enum Paid {
    /// The money is held, under this name at the provider.
    Held(String),
    /// The money was taken.
    Taken(Taken),
}

/// Takes the held money of a stay that is too far off for a hold.
async fn capture(app: &App, booking: Booking, reference: String) -> Result<Booking> {
    let index = latest(&booking)?;
    let mut order = booking.order(index);
    order.reference = Some(reference);
    match app.provider(booking.attempts[index].provider)?.capture(&order, order.amount).await {
        Capture::Taken(taken) => confirm(app, booking, Paid::Taken(taken)).await,
        Capture::Gone => fail(app, booking, Outcome::Declined).await,
        Capture::Refused { context } | Capture::Unknown { context } => Err(Error::unavailable(context)),
    }
}

/// The money is held or taken: the booking is a stay, if its time has not run out. Otherwise the money
/// goes back.
async fn confirm(app: &App, booking: Booking, paid: Paid) -> Result<Booking> {
    let index = latest(&booking)?;
    if let (true, Paid::Taken(taken)) = (booking.attempts[index].is_balance, &paid) {
        return Box::pin(collecting::taken(app, booking, index, taken)).await;
    }
    let mut booking = booking;
    let lapsed = booking.lapsed(app.clock.now()).filter(|_| !planted::is(Bug::ConfirmWithoutFence));
    if let Some(lapsed) = lapsed {
        if let Advance::Done(lapsed) = app.store.end(&booking, lapsed).await? {
            booking = lapsed;
        }
    } else {
        let mut after = Booking { state: State::Confirmed, ..booking.clone() };
        after.end_waiting(index);
        // Another card that was to be confirmed, and was not given up yet, must not be any more.
        after.unsettled = after.waiting_attempt().is_some();
        let entries = match paid {
            Paid::Held(reference) => {
                after.attempts[index].outcome = Some(Outcome::Held(reference));
                Vec::new()
            }
            Paid::Taken(taken) => {
                after.attempts[index].captures = true;
                settling::note_capture(app, &mut after, index, &taken)?
            }
        };
        if let Advance::Done(confirmed) = app.store.advance_entering(&booking, after, &entries).await? {
            return Ok(confirmed);
        }
    }
    // Somebody else has written meanwhile: recovery the same as this call, or a taker that the
    // time has run out.
    let booking = reread(app, &booking).await?;
    if booking.was_paid_by(index) {
        return Ok(booking);
    }
    let booking = Box::pin(settle_up(app, booking)).await?;
    Err(refusal(&booking, index, false))
}

/// Nothing is held: the nights are free at once, but for a hold whose time has not run out.
async fn fail(app: &App, booking: Booking, outcome: Outcome) -> Result<Booking> {
    let index = latest(&booking)?;
    if booking.attempts[index].is_balance {
        return Box::pin(collecting::missed(app, booking, index, outcome)).await;
    }
    let hold_ends = booking.hold_ends();
    let mut after = booking.clone();
    after.end_waiting(index);
    after.attempts[index].outcome = Some(outcome);
    let now = app.clock.now();
    (after.state, after.lapses_at) = match booking.is_paid_through_a_hold() {
        false => (State::PaymentFailed, after.lapses_at),
        true if now < hold_ends => (State::Held, hold_ends),
        true => (State::Expired, after.lapses_at),
    };
    after.unsettled = after.step().is_some();
    let keeps_nights = after.state == State::Held || planted::is(Bug::DeclineKeepsNights);
    let written = if keeps_nights {
        app.store.advance(&booking, after).await?
    } else {
        app.store.end(&booking, after).await?
    };
    match written {
        Advance::Done(booking) => Err(refusal(&booking, index, false)),
        Advance::Lost => {
            let booking = reread(app, &booking).await?;
            if booking.was_paid_by(index) { Ok(booking) } else { Err(refusal(&booking, index, false)) }
        }
    }
}

fn latest(booking: &Booking) -> Result<usize> {
    booking.attempts.len().checked_sub(1).ok_or_else(|| Error::internal("a payment without an attempt"))
}

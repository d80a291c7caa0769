//! The first answer of an idempotency key, given again.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::{Attempt, Booking, Mode, Outcome, Sent, State};
use roost::error::{Error, Field, Result};
use roost::planted::{self, Bug};

use crate::paying::refusal;

/// The 16 bytes of a body's fingerprint that a booking keeps.
pub(crate) fn sent(fingerprint: [u8; 32], request_id: String) -> Sent {
    let (kept, _) = fingerprint.split_first_chunk::<16>().expect("32 bytes have 16");
    Sent { fingerprint: *kept, request_id }
}

/// What the call that made `booking` answered; `None` when the key is free again.
pub(crate) async fn of_creation(app: &App, booking: Booking, now: &Sent) -> Result<Option<BookingView>> {
    same_body(&booking.made_by, now)?;
    // One that was asked for has its first answer, whatever its host is about to do.
    match booking.state {
        _ if booking.mode == Mode::Requested => {}
        State::Assembling if booking.lapsed(app.clock.now()).is_none() => return Err(in_progress()),
        State::Assembling | State::Abandoned => {
            app.store.abandon(&booking).await?;
            return Ok(None);
        }
        _ => {}
    }
    let details = app.store.details(&booking).await?;
    if booking.mode == Mode::PaidAtOnce {
        outcome(app, &booking, 0)?;
    }
    Ok(Some(BookingView::first(&booking).with(details)))
}

/// What the call that started attempt `index` answered.
pub(crate) fn of_payment(app: &App, booking: &Booking, index: usize, now: &Sent) -> Result<BookingView> {
    if let Some((_, first)) = &booking.attempts[index].asked_by {
        same_body(first, now)?;
    }
    outcome(app, booking, index)?;
    Ok(BookingView::paid(booking, index))
}

/// The attempt that a key has started.
pub(crate) fn attempt_of(booking: &Booking, key: u128) -> Option<usize> {
    let asked = |attempt: &Attempt| attempt.asked_by.as_ref().is_some_and(|(asked, _)| *asked == key);
    booking.attempts.iter().position(asked)
}

/// Whether the attempt was paid.
fn outcome(app: &App, booking: &Booking, index: usize) -> Result<()> {
    let attempt = booking.attempts.get(index);
    if booking.was_paid_by(index) || attempt.is_some_and(Attempt::had_to_be_confirmed) {
        return Ok(());
    }
    let unknown = attempt.is_none_or(|attempt| match attempt.outcome {
        None => true,
        // Held is not the last word of a balance.
        Some(Outcome::Held(_)) => attempt.is_balance,
        Some(_) => false,
    });
    let is_at_work = booking.state_at(app.clock.now()) == State::PaymentStarted
        || attempt.is_some_and(|attempt| attempt.is_balance);
    if unknown && is_at_work {
        return Err(in_progress());
    }
    Err(refusal(booking, index, true))
}

fn same_body(first: &Sent, now: &Sent) -> Result<()> {
    if first.fingerprint == now.fingerprint || planted::is(Bug::KeyAlone) {
        return Ok(());
    }
    let field = Field {
        pointer: String::new(),
        detail: "is another body than this Idempotency-Key came with first".into(),
    };
    Err(Error::Invalid { code: "idempotency_key_reused", fields: vec![field] })
}

fn in_progress() -> Error {
    Error::conflict("idempotency_in_progress", "The first call with this Idempotency-Key is not settled yet.")
}

//! What a provider's webhook hints at is asked for and settled, as the answer of a call would have been; what
//! has been settled since, or is nothing to us, is acknowledged. An event is acted on once: it is recorded in
//! the booking itself, by the write that acts on it.

use roost::app::App;
use roost::booking::{Attempt, Booking, Heard, State};
use roost::error::{Error, Result};
use roost::payment::{Hint, ProviderName};
use roost::secrets::fingerprint;
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;
use serde::Serialize;

use crate::disputing;
use crate::paying;
use crate::settling::settle_up;
use crate::trouble;

/// That an event is received.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Received {
    /// Always.
    pub(crate) received: bool,
}

/// Acts on a hint, unless another call has.
///
/// # Errors
/// `Unavailable` when it is not known to be done: the provider sends the event again.
pub(crate) async fn act(app: &App, provider: ProviderName, hint: &Hint) -> Result<()> {
    if let Some(dispute) = &hint.dispute {
        return Box::pin(disputing::follow(app, dispute)).await;
    }
    let Some(id) = hint.booking else { return Ok(()) };
    let Some(booking) = app.store.booking(id).await? else { return Ok(()) };
    let event = heard(provider, hint);
    let Some(todo) = asked(&booking, hint).filter(|_| !booking.heard.contains(&event)) else { return Ok(()) };
    Box::pin(work(app, booking.hearing(event), todo)).await
}

/// An event as a booking remembers it. No secret is in it: one that is rotated would make another event of it.
fn heard(provider: ProviderName, hint: &Hint) -> Heard {
    let digest = fingerprint(format!("{} event {}", provider.word(), hint.event).as_bytes());
    let (first, _) = digest.split_first_chunk().expect("32 bytes have 8");
    Heard(u64::from_be_bytes(*first))
}

/// What a hint is acted on by.
enum Todo {
    /// An attempt to pay is under way, and its answer may be lost.
    SettlePayment,
    /// The guest has confirmed a payment, or failed to.
    Resume(usize),
    /// Money is elsewhere than it should be.
    SettleUp,
    /// Something failed that was to be done.
    Tell(String),
}

/// What is to be done about a booking; nearly always the answer of the call that moved its money has come
/// first, and then there is nothing to write.
fn asked(booking: &Booking, hint: &Hint) -> Option<Todo> {
    if let Some(failed) = &hint.failed {
        return Some(Todo::Tell(failed.clone()));
    }
    let last = booking.attempts.len().checked_sub(1);
    let is_latest = hint.payment.is_some() && hint.payment == last.map(|last| booking.payment_id(last));
    match booking.state {
        // What tells of less than an end must not end an attempt that is under way.
        State::PaymentStarted => (is_latest && hint.may_end_payment).then_some(Todo::SettlePayment),
        State::Held | State::Confirmed
            if is_latest && hint.may_end_payment && booking.latest_if_waiting().is_some() =>
        {
            booking.latest_if_waiting().map(Todo::Resume)
        }
        _ => booking.unsettled.then_some(Todo::SettleUp),
    }
}

async fn work(app: &App, booking: Booking, todo: Todo) -> Result<()> {
    match todo {
        Todo::SettlePayment => ended(paying::settle(app, booking).await),
        Todo::Resume(index) => {
            let now = app.clock.now();
            let waiting = &booking.attempts[index];
            let state = match booking.state_at(now) {
                State::Held => State::PaymentStarted,
                State::Confirmed if waiting.is_balance => State::Confirmed,
                // It is given up by whoever has ended it.
                _ => return Ok(()),
            };
            let mut started = Booking { state, ..booking.clone() };
            let attempt = Attempt::new(None, now, waiting.captures);
            started.attempts.push(booking.resuming(index, attempt));
            match trouble::overcome(app, &booking, started, Beside::default()).await? {
                Advance::Done(started) => ended(paying::resume(app, started).await),
                Advance::Lost => Err(Error::unavailable("another call is at this booking")),
            }
        }
        Todo::SettleUp => Box::pin(settle_up(app, booking)).await.map(|_| ()),
        Todo::Tell(failed) => trouble::tell(app, &booking, &failed).await,
    }
}

fn ended(paid: Result<Booking>) -> Result<()> {
    match paid {
        Ok(_) | Err(Error::PaymentRefused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

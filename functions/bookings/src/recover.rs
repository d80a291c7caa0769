//! Every minute: payments that nobody recorded are settled by asking the provider, and the money of what
//! did not come about or was called off is brought to where it should stand.

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::{Booking, HOLD, PAYMENT_PATIENCE, State};
use roost::error::{Error, Result};
use roost::function::Schedule;
use roost::store::bookings::{Advance, Due};

use crate::paying;
use crate::settling::settle_up;

/// The function.
pub const RECOVER_PAYMENTS: Schedule = Schedule { name: "recover-payments", run };

fn run(app: App) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        // Bookings wait here by the end of their first hold, and a payment may have begun as soon
        // as the hold did.
        let until = app.clock.now() + (HOLD - PAYMENT_PATIENCE);
        let waiting = app.store.due(Due::Open, until).await?;
        crate::expire::each(waiting, |booking| recover(&app, booking)).await
    })
}

async fn recover(app: &App, booking: Booking) -> Result<()> {
    let booking = match booking.state {
        State::PaymentStarted if is_overdue(app, &booking) => match Box::pin(settle(app, booking)).await? {
            Some(booking) => booking,
            None => return Ok(()),
        },
        _ if booking.rests_at(app.clock.now()) => return Ok(()),
        _ => booking,
    };
    Box::pin(settle_up(app, booking)).await.map(|_| ())
}

fn is_overdue(app: &App, booking: &Booking) -> bool {
    let now = app.clock.now();
    booking.attempts.last().is_some_and(|attempt| attempt.started_at + PAYMENT_PATIENCE <= now)
}

/// Asks about a payment that is overdue. What is not known after a quarter of an hour has failed:
/// the nights are free, and the money is looked for later.
async fn settle(app: &App, booking: Booking) -> Result<Option<Booking>> {
    match paying::settle(app, booking.clone()).await {
        Ok(_) | Err(Error::PaymentRefused(_)) => Ok(None),
        Err(Error::Unavailable { .. }) => {
            let Some(lapsed) = booking.lapsed(app.clock.now()) else { return Ok(None) };
            match app.store.end(&booking, lapsed).await? {
                Advance::Done(lapsed) => Ok(Some(lapsed)),
                Advance::Lost => Ok(None),
            }
        }
        Err(error) => Err(error),
    }
}

//! Every hour: what is to be done about a balance is done, guests are checked in at the listing's check-in time and
//! charged what was held for them, their stays completed at check-out, and hosts paid out a day after check-in.

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::Result;
use roost::function::Schedule;
use roost::store::bookings::{Advance, Due};

use crate::check_in::checked_in;
use crate::collecting;
use crate::paying_out::pay_out;
use crate::settling::settle_up;

/// The function.
pub const ADVANCE_STAYS: Schedule = Schedule { name: "advance-stays", run };

fn run(app: App) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let due = app.store.due(Due::Stay, app.clock.now()).await?;
        crate::expire::each(due, |booking| advance(&app, booking)).await
    })
}

async fn advance(app: &App, mut booking: Booking) -> Result<()> {
    let now = app.clock.now();
    loop {
        if let Some(step) = booking.balance_step(now) {
            return Box::pin(collecting::take(app, booking, step)).await;
        }
        let after = match booking.state {
            // Its balance is being asked about: until that is known, the stay does not begin.
            State::Confirmed if booking.check_in_at <= now && booking.owes_balance() => {
                if !booking.rests_at(now) {
                    Box::pin(settle_up(app, booking)).await?;
                }
                return Ok(());
            }
            State::Confirmed if booking.check_in_at <= now => checked_in(&booking),
            State::CheckedIn if booking.check_out_at <= now => {
                Booking { state: State::Completed, ..booking.clone() }
            }
            _ if booking.rests_at(now) => return Ok(()),
            _ => return Box::pin(pay_out(app, Box::pin(settle_up(app, booking)).await?)).await,
        };
        match app.store.advance(&booking, after).await? {
            Advance::Done(advanced) => booking = advanced,
            Advance::Lost => return Ok(()),
        }
    }
}

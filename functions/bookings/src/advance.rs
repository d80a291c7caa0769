//! Every hour: guests are checked in at the listing's check-in time, and their stays completed at
//! check-out.

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::Result;
use roost::function::Schedule;
use roost::store::bookings::{Advance, Due};

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
        let state = match booking.state {
            State::Confirmed if booking.check_in_at <= now => State::CheckedIn,
            State::CheckedIn if booking.check_out_at <= now => State::Completed,
            _ => return Ok(()),
        };
        let after = Booking { state, ..booking.clone() };
        match app.store.advance(&booking, after).await? {
            Advance::Done(advanced) => booking = advanced,
            Advance::Lost => return Ok(()),
        }
    }
}

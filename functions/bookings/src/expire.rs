//! Every minute: what has lapsed is written down and its nights are given back. For tidiness and for
//! search; no taker waits for it.

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::Result;
use roost::function::Schedule;
use roost::planted::{self, Bug};
use roost::store::bookings::{Advance, Due};

/// The function.
pub const EXPIRE_BOOKINGS: Schedule = Schedule { name: "expire-bookings", run };

fn run(app: App) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let now = app.clock.now();
        let mut due = app.store.due(Due::Open, now).await?;
        due.extend(app.store.due(Due::Asked, now).await?);
        each(due, |booking| expire(&app, booking)).await
    })
}

async fn expire(app: &App, booking: Booking) -> Result<()> {
    if matches!(booking.state, State::Abandoned) {
        return app.store.abandon(&booking).await;
    }
    let lapsed = if planted::is(Bug::SweeperWithoutStateCheck) && booking.state == State::PaymentStarted {
        Some(Booking { state: State::Expired, ..booking.clone() })
    } else {
        booking.lapsed(app.clock.now())
    };
    let Some(lapsed) = lapsed else { return Ok(()) };
    if booking.state == State::Assembling {
        return app.store.abandon(&booking).await;
    }
    // Lost to a payment or a taker: then there is nothing left to do here.
    match app.store.end(&booking, lapsed).await? {
        Advance::Done(_) | Advance::Lost => Ok(()),
    }
}

/// Does `work` for every booking, eight at a time. One that fails keeps none of the others; the first
/// failure is told when all have been tried, and the next run tries again.
pub(crate) async fn each<F>(bookings: Vec<Booking>, work: impl Fn(Booking) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let results: Vec<Result<()>> = stream::iter(bookings).map(work).buffer_unordered(8).collect().await;
    results.into_iter().collect()
}

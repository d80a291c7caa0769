//! Fed by the stream of bookings: a confirmed booking declines the requests that it has overtaken,
//! and a dead one gives back the nights that its end has left behind.

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::Result;
use roost::function::{Consumer, Record};
use roost::night::Taken;
use roost::planted::{self, Bug};
use roost::store::bookings::{Advance, booking_of_image};

/// The function.
pub const SETTLE_BOOKINGS: Consumer = Consumer { name: "settle-bookings", handle };

/// What a request that others overtook is declined for.
const DATES_TAKEN: &str = "dates_taken";

fn handle(app: App, records: Vec<Record>) -> BoxFuture<'static, Vec<String>> {
    Box::pin(async move {
        let mut failed = Vec::new();
        for record in records {
            if let Err(error) = settle(&app, &record).await {
                tracing::warn!(sequence = record.sequence, %error, "a booking's change was not settled");
                failed.push(record.sequence);
            }
        }
        failed
    })
}

async fn settle(app: &App, record: &Record) -> Result<()> {
    let Some(booking) = record.new.as_ref().map(booking_of_image).transpose()?.flatten() else {
        return Ok(());
    };
    let before = record.old.as_ref().map(booking_of_image).transpose()?.flatten();
    if before.as_ref().is_some_and(|before| before.state == booking.state) {
        return Ok(());
    }
    match booking.state {
        State::Confirmed if planted::is(Bug::OvertakenStayOpen) => Ok(()),
        State::Confirmed => decline_overtaken(app, &booking).await,
        State::Abandoned => app.store.abandon(&booking).await,
        // Its nights may have been sold while it was asked for.
        State::Requested if before.is_none() => decline_if_overtaken(app, booking).await,
        // A long request whose acceptance did not get its nights, or a booking that is dead.
        State::Requested => app.store.release(&booking).await,
        State::PaymentFailed if planted::is(Bug::DeclineKeepsNights) => Ok(()),
        state if state.is_dead() => app.store.release(&booking).await,
        _ => Ok(()),
    }
}

/// Declines every open request that can no longer have all of its nights.
async fn decline_overtaken(app: &App, confirmed: &Booking) -> Result<()> {
    let capacity = app.store.terms(confirmed.unit).await?.map_or(1, |terms| terms.capacity);
    for request in app.store.requests_of(confirmed.unit, confirmed.stay.end()).await? {
        let Some(shared) = request.stay.overlap(confirmed.stay) else { continue };
        if request.state == State::Requested
            && !app.store.taken(confirmed.unit, capacity, shared, true).await?.is_empty()
        {
            decline(app, request).await?;
        }
    }
    Ok(())
}

/// Declines a new request for nights that stays have taken. A hold may lapse: it overtakes nobody.
async fn decline_if_overtaken(app: &App, request: Booking) -> Result<()> {
    let capacity = app.store.terms(request.unit).await?.map_or(1, |terms| terms.capacity);
    for night in app.store.taken(request.unit, capacity, request.stay, true).await? {
        let Taken::Booked(by) = night.by else { continue };
        if app.store.booking(by).await?.is_some_and(|booking| booking.state.is_stay()) {
            return decline(app, request).await;
        }
    }
    Ok(())
}

async fn decline(app: &App, request: Booking) -> Result<()> {
    let declined =
        Booking { state: State::Declined, reason: Some(DATES_TAKEN.to_owned()), ..request.clone() };
    // Lost to the host's own answer: the nights' conditions decide that one.
    match app.store.advance(&request, declined).await? {
        Advance::Done(_) | Advance::Lost => Ok(()),
    }
}

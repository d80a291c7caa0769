//! Fed by the stream of bookings: a confirmed booking declines the requests that it has overtaken, a
//! request for nights that are sold is declined, and a dead booking gives back the nights that its
//! end has left behind.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::{Booking, State};
use roost::error::Result;
use roost::function::{Consumer, Record};
use roost::ids::BookingId;
use roost::night::Night;
use roost::planted::{self, Bug};
use roost::stay::Nights;
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
        // Its nights may have been sold while it was asked for, or while its acceptance, being a long
        // stay's, was giving back what it had got of them.
        State::Requested => {
            app.store.release(&booking).await?;
            if is_sold_out(app, &booking, booking.stay).await? { decline(app, booking).await } else { Ok(()) }
        }
        State::PaymentFailed if planted::is(Bug::DeclineKeepsNights) => Ok(()),
        state if state.is_dead() => app.store.release(&booking).await,
        _ => Ok(()),
    }
}

/// Declines every open request for a night that stays have sold out.
async fn decline_overtaken(app: &App, confirmed: &Booking) -> Result<()> {
    for request in app.store.requests_of(confirmed.unit, confirmed.stay.end()).await? {
        let Some(shared) = request.stay.overlap(confirmed.stay) else { continue };
        if request.state == State::Requested && is_sold_out(app, &request, shared).await? {
            decline(app, request).await?;
        }
    }
    Ok(())
}

/// Whether stays have all that some night of `range` takes. A hold may lapse: it does not count.
async fn is_sold_out(app: &App, request: &Booking, range: Nights) -> Result<bool> {
    let capacity = app.store.terms(request.unit).await?.map_or(1, |terms| terms.capacity);
    let nights = app.store.nights(request.unit, range, true).await?;
    let claims: BTreeSet<BookingId> =
        nights.iter().flat_map(|night| &night.claims).map(|claim| claim.booking).collect();
    let claims: Vec<BookingId> = claims.into_iter().collect();
    let stays: BTreeSet<BookingId> = app
        .store
        .bookings(&claims, true)
        .await?
        .into_iter()
        .filter(|booking| booking.state.is_stay())
        .map(|booking| booking.id)
        .collect();
    let sold = |night: &Night| night.claims.iter().filter(|claim| stays.contains(&claim.booking)).count();
    Ok(nights.iter().any(|night| sold(night) >= usize::from(capacity)))
}

async fn decline(app: &App, request: Booking) -> Result<()> {
    let declined =
        Booking { state: State::Declined, reason: Some(DATES_TAKEN.to_owned()), ..request.clone() };
    // Lost to the host's own answer: the nights' conditions decide that one.
    match app.store.advance(&request, declined).await? {
        Advance::Done(_) | Advance::Lost => Ok(()),
    }
}

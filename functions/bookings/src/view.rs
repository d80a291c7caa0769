//! A booking for whoever asks: its guest or its host, each with what is theirs to see.

use roost::app::App;
use roost::booking::Booking;
use roost::booking::answer::{BookingView, GuestName};
use roost::error::{Error, Result};
use roost::http::{Answer, Guest, Host};
use roost::ids::{BookingId, UserId};
use serde::Deserialize;

/// The path of one booking.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct ById {
    /// The booking.
    pub id: BookingId,
}

/// The booking of a guest.
///
/// # Errors
/// `NotFound` for another's, `Forbidden` for its host.
pub(crate) async fn own_as_guest(app: &App, guest: &Guest, id: BookingId) -> Result<Booking> {
    let booking = app.store.booking_of(guest.id, id).await?;
    if booking.guest != guest.id {
        return Err(Error::Forbidden { detail: "Only the guest of a booking can do this." });
    }
    Ok(booking)
}

/// The booking at a host's place.
///
/// # Errors
/// `NotFound` for another's, `Forbidden` for its guest.
pub(crate) async fn own_as_host(app: &App, host: &Host, id: BookingId) -> Result<Booking> {
    let booking = app.store.booking_of(host.id, id).await?;
    if booking.host != host.id {
        return Err(Error::Forbidden { detail: "Only the host of a booking can do this." });
    }
    Ok(booking)
}

/// The booking as `viewer` reads it now.
pub(crate) async fn answer(app: &App, booking: &Booking, viewer: UserId) -> Result<Answer<BookingView>> {
    Ok(Answer::ok(view(app, booking, viewer).await?).version(booking.version))
}

/// The booking as `viewer` reads it now.
pub(crate) async fn view(app: &App, booking: &Booking, viewer: UserId) -> Result<BookingView> {
    let details = app.store.details(booking).await?;
    let mut view = BookingView::at(booking, app.clock.now()).with(details);
    if viewer == booking.host {
        // What a payment is confirmed with is the guest's alone.
        view.payment.client_secret = None;
        let guest = app.store.user(booking.guest).await?;
        view.guest =
            guest.map(|guest| GuestName { first_name: guest.first_name, last_name: guest.last_name });
    }
    Ok(view)
}

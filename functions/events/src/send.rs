//! Fed by the events of bookings: mails them to whom they concern, each letter once.

use futures::future::BoxFuture;
use roost::app::App;
use roost::booking::Booking;
use roost::error::{Error, Result};
use roost::event::{BookingDetail, Kind};
use roost::function::{Event, Listener};
use roost::ids::EventId;
use roost::mail::{Letter, Matter, Message};
use roost::store::once::Once;

/// The function.
pub const SEND_MAIL: Listener = Listener { name: "send-mail", handle };

fn handle(app: App, event: Event) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let Some(kind) = Kind::named(&event.kind) else { return Ok(()) };
        let detail: BookingDetail = serde_json::from_value(event.detail).map_err(Error::internal)?;
        let Some(booking) = app.store.booking(detail.booking_id).await? else { return Ok(()) };
        let mut outcome = Ok(());
        for letter in Letter::of(kind, detail.event_id, &booking, app.clock.now()) {
            // The host's letter goes out even when the guest's could not.
            let sent = send_once(&app, detail.event_id, &booking, *letter).await;
            outcome = outcome.and(sent);
        }
        outcome
    })
}

async fn send_once(app: &App, event: EventId, booking: &Booking, letter: Letter) -> Result<()> {
    let post = app.post()?;
    let claimed = match app.store.claim_once(event, letter.name()).await? {
        Once::Do(claimed) => claimed,
        Once::Done => return Ok(()),
        Once::Busy => return Err(Error::unavailable(format!("{} is being sent", letter.name()))),
    };
    let sent = match written(app, booking, letter).await {
        Ok(Some(message)) => post.send(&message).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => app.store.mark_done(&claimed).await,
        Err(error) => {
            app.store.give_claim_up(&claimed).await?;
            Err(error)
        }
    }
}

/// The letter; `None` when its reader cannot be written to, or the place or a party is gone.
async fn written(app: &App, booking: &Booking, letter: Letter) -> Result<Option<Message>> {
    let site = app.config.site.as_ref().ok_or_else(|| Error::internal("the site has no name"))?;
    let (listing, users) = futures::try_join!(
        app.store.listing(booking.listing, false),
        app.store.users([booking.guest, booking.host])
    )?;
    let (Some((listing, _)), Some(guest), Some(host)) =
        (listing, users.get(&booking.guest), users.get(&booking.host))
    else {
        tracing::info!(booking = %booking.id, letter = letter.name(), "nobody to write to, or about");
        return Ok(None);
    };
    let reader = if letter.is_for_host() { host } else { guest };
    if !reader.email.can_receive() {
        return Ok(None);
    }
    Matter { booking, listing: &listing, guest, host, site }.write(letter).map(Some)
}

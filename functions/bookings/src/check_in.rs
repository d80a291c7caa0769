//! `POST /v1/bookings/{id}/check-in`: the guest is there.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::{Booking, State};
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::store::bookings::Advance;

use crate::settling::settle_up;
use crate::view::{ById, answer, own_as_host};

/// The operation.
#[derive(Debug)]
pub struct CheckInBooking;

impl Operation for CheckInBooking {
    const NAME: &'static str = "check-in-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/check-in";
    const SUMMARY: &'static str = "The guest has arrived; from the date of check-in on.";
    const PROBLEMS: &'static [u16] = &[403, 409];
    type Caller = Host;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let booking = own_as_host(&app, &call.caller, call.path.id).await?;
        call.body()?;
        if booking.state == State::CheckedIn {
            return answer(&app, &booking, call.caller.id).await;
        }
        can_check_in(&app, &booking)?;
        match app.store.advance(&booking, checked_in(&booking)).await? {
            Advance::Done(booking) => {
                let booking = Box::pin(settle_up(&app, booking)).await?;
                answer(&app, &booking, call.caller.id).await
            }
            Advance::Lost => Err(Error::invalid_transition("The booking has just changed.")),
        }
    }
}

fn can_check_in(app: &App, booking: &Booking) -> Result<()> {
    if booking.state != State::Confirmed {
        return Err(Error::invalid_transition("Only a confirmed booking can be checked in."));
    }
    if app.clock.today(&booking.zone) < booking.stay.first() {
        return Err(Error::invalid_transition("The date of check-in has not come at the listing."));
    }
    if booking.owes_balance() {
        return Err(Error::invalid_transition("The balance of the stay is not paid."));
    }
    Ok(())
}

/// The booking with its guest there: from now on a hold on the card is due.
pub(crate) fn checked_in(booking: &Booking) -> Booking {
    let mut after = Booking { state: State::CheckedIn, ..booking.clone() };
    after.unsettled = after.step().is_some();
    after
}

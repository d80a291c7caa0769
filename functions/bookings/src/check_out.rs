//! `POST /v1/bookings/{id}/check-out`: the guest has left.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::{Booking, State};
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::store::bookings::Advance;

use crate::view::{ById, answer, own_as_host};

/// The operation.
#[derive(Debug)]
pub struct CheckOutBooking;

impl Operation for CheckOutBooking {
    const NAME: &'static str = "check-out-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/check-out";
    const SUMMARY: &'static str = "The guest has left: the stay is completed.";
    const PROBLEMS: &'static [u16] = &[403, 409];
    type Caller = Host;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let booking = own_as_host(&app, &call.caller, call.path.id).await?;
        call.body()?;
        let completed = match booking.state {
            State::Completed => booking,
            State::CheckedIn => {
                let after = Booking { state: State::Completed, ..booking.clone() };
                match app.store.advance(&booking, after).await? {
                    Advance::Done(completed) => completed,
                    Advance::Lost => return Err(Error::invalid_transition("The booking has just changed.")),
                }
            }
            _ => return Err(Error::invalid_transition("Only a guest who has checked in can check out.")),
        };
        answer(&app, &completed, call.caller.id).await
    }
}

//! `GET /v1/bookings/{id}`: to its guest and its host alone.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::error::Result;
use roost::http::{Answer, Call, Member, Nothing, Operation};

use crate::view::{ById, answer};

/// The operation.
#[derive(Debug)]
pub struct GetBooking;

impl Operation for GetBooking {
    const NAME: &'static str = "get-booking";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/bookings/{id}";
    const SUMMARY: &'static str = "A booking, for its guest and its host.";
    type Caller = Member;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let booking = app.store.booking_of(call.caller.id, call.path.id).await?;
        answer(&app, &booking, call.caller.id).await
    }
}

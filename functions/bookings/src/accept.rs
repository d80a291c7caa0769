//! `POST /v1/bookings/{id}/accept`: the host says yes; the nights are taken and the guest's card is
//! charged.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::money::is_captured_at_confirmation;
use roost::booking::{Attempt, Booking, HOLD, Mode, State};
use roost::error::{Error, Reason, Result, Unsold};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::planted::{self, Bug};
use roost::store::bookings::Made;

use crate::paying;
use crate::view::{ById, answer, own_as_host};

/// The operation.
#[derive(Debug)]
pub struct AcceptBooking;

impl Operation for AcceptBooking {
    const NAME: &'static str = "accept-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/accept";
    const SUMMARY: &'static str = "Say yes to a request: takes the nights and the money.";
    const PROBLEMS: &'static [u16] = &[402, 403, 409];
    type Caller = Host;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let request = own_as_host(&app, &call.caller, call.path.id).await?;
        call.body()?;
        if request.mode == Mode::Requested && was_accepted(&request) && !planted::is(Bug::AcceptedTwice) {
            return answer(&app, &request, call.caller.id).await;
        }
        let accepted = accepted(&app, &request)?;
        let terms = app.store.terms(request.unit).await?;
        // Its listing has been deleted since: nobody stays there.
        let gone = || Error::unavailable_stay(vec![Reason { date: None, reason: Unsold::NotActive }]);
        let capacity = terms.ok_or_else(gone)?.capacity;
        let booking = match app.store.accept(&request, accepted, capacity).await? {
            Made::Done(booking) => {
                let paid = paying::pay(&app, booking).await;
                paid.map_err(|error| error.of_request(&call.request_id))?
            }
            Made::Refused(reasons) => return Err(Error::unavailable_stay(reasons)),
            Made::Exists => return Err(Error::invalid_transition("The request has just been answered.")),
        };
        answer(&app, &booking, call.caller.id).await
    }
}

fn was_accepted(request: &Booking) -> bool {
    request.state.is_stay()
}

/// The request with its nights claimed and its payment begun, if it can still be accepted.
fn accepted(app: &App, request: &Booking) -> Result<Booking> {
    let now = app.clock.now();
    match request.state_at(now) {
        State::Requested => {}
        State::Confirmed | State::PaymentStarted if planted::is(Bug::AcceptedTwice) => {}
        State::Expired => return Err(Error::invalid_transition("The request has lapsed.")),
        State::PaymentStarted | State::Assembling => {
            return Err(Error::conflict("payment_in_progress", "The request is being accepted already."));
        }
        _ => return Err(Error::invalid_transition("Only an open request can be accepted.")),
    }
    if request.stay.first() < app.clock.today(&request.zone) {
        let reason = Reason { date: Some(request.stay.first()), reason: Unsold::InThePast };
        return Err(Error::unavailable_stay(vec![reason]));
    }
    Ok(Booking {
        state: State::PaymentStarted,
        lapses_at: now + HOLD,
        claim_until: Some(now + HOLD),
        attempts: vec![Attempt::new(None, now, is_captured_at_confirmation(request.check_in_at, now))],
        ..request.clone()
    })
}

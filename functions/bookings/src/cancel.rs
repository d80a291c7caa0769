//! `POST /v1/bookings/{id}/cancel`: guest or host calls it off. Its nights are free in the same
//! transaction, in which it is also settled how much of the money goes back; then it goes.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::money::Step;
use roost::booking::refund::Settlement;
use roost::booking::{Booking, Side, State};
use roost::error::{Error, Fields, Result};
use roost::http::{Answer, Call, Member, Nothing, Operation};
use roost::ids::UserId;
use roost::store::bookings::Advance;
use serde::Deserialize;

use crate::settling::settle_up;
use crate::view::{ById, answer};

/// The operation.
#[derive(Debug)]
pub struct CancelBooking;

impl Operation for CancelBooking {
    const NAME: &'static str = "cancel-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/cancel";
    const SUMMARY: &'static str = "Call a booking off, as its guest or its host.";
    const PROBLEMS: &'static [u16] = &[409];
    type Caller = Member;
    type Path = ById;
    type Query = Nothing;
    type Body = Body;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let booking = app.store.booking_of(call.caller.id, call.path.id).await?;
        let reason = call.body()?.check()?;
        if booking.state == State::Cancelled {
            return answer(&app, &booking, call.caller.id).await;
        }
        let by = side(&booking, call.caller.id);
        let cancelled = match app.store.end(&booking, cancelled(&app, &booking, by, reason)?).await? {
            Advance::Done(cancelled) => Box::pin(settle_up(&app, cancelled)).await?,
            Advance::Lost => return Err(Error::invalid_transition("The booking has just changed.")),
        };
        answer(&app, &cancelled, call.caller.id).await
    }
}

/// Whether a booking can be called off as it stands.
pub(crate) fn can_cancel(app: &App, booking: &Booking) -> Result<()> {
    match booking.state_at(app.clock.now()) {
        State::Held | State::Requested | State::Confirmed => Ok(()),
        State::PaymentStarted => {
            Err(Error::invalid_transition("A payment of this booking is not settled yet."))
        }
        _ => Err(Error::invalid_transition("Only a held, requested or confirmed booking can be cancelled.")),
    }
}

fn cancelled(app: &App, booking: &Booking, by: Side, reason: Option<String>) -> Result<Booking> {
    can_cancel(app, booking)?;
    let mut cancelled = Booking {
        state: State::Cancelled,
        cancelled_by: Some(by),
        reason,
        settlement: settlement(app, booking, by),
        trouble: None,
        ..booking.clone()
    };
    if let Some(Step::DecideRefund(back)) = cancelled.step() {
        cancelled.decide_refund(back);
    }
    cancelled.unsettled = cancelled.has_more_to_settle();
    Ok(cancelled)
}

/// What calling a booking off now keeps of its price; `None` when nothing has been paid.
pub(crate) fn settlement(app: &App, booking: &Booking, by: Side) -> Option<Settlement> {
    booking.paying_attempt()?;
    Some(booking.settlement(by, app.clock.now(), app.config.host_penalty_basis_points))
}

/// Which party a caller is.
pub(crate) fn side(booking: &Booking, caller: UserId) -> Side {
    if booking.guest == caller { Side::Guest } else { Side::Host }
}

/// Why.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// What the other party reads.
    reason: Option<String>,
}

impl Body {
    fn check(self) -> Result<Option<String>> {
        let mut fields = Fields::default();
        let reason = self.reason.map(|reason| fields.text("/reason", &reason, 1, 200));
        fields.finish()?;
        Ok(reason)
    }
}

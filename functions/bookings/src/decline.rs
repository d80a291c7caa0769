//! `POST /v1/bookings/{id}/decline`: the host says no.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::{Booking, State};
use roost::error::{Error, Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::store::bookings::Advance;
use serde::Deserialize;

use crate::view::{ById, answer, own_as_host};

/// The operation.
#[derive(Debug)]
pub struct DeclineBooking;

impl Operation for DeclineBooking {
    const NAME: &'static str = "decline-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/decline";
    const SUMMARY: &'static str = "Say no to a request.";
    const PROBLEMS: &'static [u16] = &[403, 409];
    type Caller = Host;
    type Path = ById;
    type Query = Nothing;
    type Body = Body;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let request = own_as_host(&app, &call.caller, call.path.id).await?;
        let reason = call.body()?.check()?;
        let declined = match request.state_at(app.clock.now()) {
            State::Declined => request,
            State::Requested => {
                let after = Booking { state: State::Declined, reason: Some(reason), ..request.clone() };
                match app.store.advance(&request, after).await? {
                    Advance::Done(declined) => declined,
                    Advance::Lost => {
                        return Err(Error::invalid_transition("The request has just been answered."));
                    }
                }
            }
            _ => return Err(Error::invalid_transition("Only an open request can be declined.")),
        };
        answer(&app, &declined, call.caller.id).await
    }
}

/// Why.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// What the guest reads.
    reason: String,
}

impl Body {
    fn check(self) -> Result<String> {
        let mut fields = Fields::default();
        let reason = fields.text("/reason", &self.reason, 1, 200);
        fields.finish()?;
        Ok(reason)
    }
}

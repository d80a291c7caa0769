//! `POST /v1/bookings/{id}/payment`: the guest pays a hold.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::money::is_captured_at_confirmation;
use roost::booking::{Attempt, Booking, HOLD, MOST_ATTEMPTS, Mode, Sent, State};
use roost::error::{Error, Fields, Result};
use roost::http::{Answer, Call, Guest, KeyUse, Nothing, Operation};
use roost::planted::{self, Bug};
use roost::secrets::Purpose;
use roost::store::bookings::Advance;
use serde::Deserialize;

use crate::create::check_method;
use crate::view::{ById, own_as_guest};
use crate::{paying, replay};

/// The operation.
#[derive(Debug)]
pub struct PayBooking;

impl Operation for PayBooking {
    const NAME: &'static str = "pay-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/payment";
    const SUMMARY: &'static str = "Pay a hold.";
    const PROBLEMS: &'static [u16] = &[402, 403, 409];
    const KEY: KeyUse = KeyUse::Required;
    type Caller = Guest;
    type Path = ById;
    type Query = Nothing;
    type Body = Body;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let booking = own_as_guest(&app, &call.caller, call.path.id).await?;
        let key = call.idempotency_key()?.ok_or_else(|| Error::internal("a required key is there"))?;
        let method = call.body()?.check()?;
        let parts: [&[u8]; 3] = [b"pay", &booking.id.bits().to_be_bytes(), key.as_str().as_bytes()];
        let key = app.secrets.keyed_hash(Purpose::Idempotency, &parts);
        let sent = replay::sent(call.body_fingerprint(), call.request_id.clone());
        if let Some(index) = replay::attempt_of(&booking, key) {
            return Ok(Answer::ok(replay::of_payment(&app, &booking, index, &sent)?).replayed(true));
        }
        let started = start(&app, &booking, method, (key, sent)).await?;
        let paid = paying::pay(&app, started).await?;
        Ok(Answer::ok(BookingView::paid(&paid, paid.attempts.len().saturating_sub(1))))
    }
}

/// What is asked for.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// The provider's token of the guest's card.
    payment_method_id: String,
}

impl Body {
    fn check(self) -> Result<String> {
        let mut fields = Fields::default();
        check_method(&self.payment_method_id, &mut fields);
        fields.finish()?;
        Ok(self.payment_method_id)
    }
}

/// Records that the hold is being paid.
async fn start(app: &App, hold: &Booking, method: String, asked_by: (u128, Sent)) -> Result<Booking> {
    let now = app.clock.now();
    let expired =
        || Error::conflict("hold_expired", "The hold has expired; its nights may be another's by now.");
    match hold.state_at(now) {
        State::Held => {}
        State::Expired if planted::is(Bug::LapsedHoldPaid) && hold.state == State::Held => {}
        State::Expired | State::PaymentFailed if hold.mode == Mode::Held => return Err(expired()),
        State::PaymentStarted => {
            return Err(Error::conflict(
                "payment_in_progress",
                "Another payment of this booking is not settled yet.",
            ));
        }
        _ => return Err(Error::invalid_transition("There is nothing to pay on this booking.")),
    }
    if hold.attempts.len() >= MOST_ATTEMPTS {
        return Err(Error::conflict("too_many_attempts", "A hold can be tried to be paid five times."));
    }
    let mut started =
        Booking { state: State::PaymentStarted, lapses_at: now + HOLD, method: Some(method), ..hold.clone() };
    started.attempts.push(Attempt {
        asked_by: Some(asked_by),
        started_at: now,
        captures: is_captured_at_confirmation(hold.check_in_at, now),
        outcome: None,
    });
    match app.store.advance(hold, started).await? {
        Advance::Done(started) => Ok(started),
        // Swept, taken over or being paid by another call: the state will say which next time.
        Advance::Lost => {
            match app.store.booking(hold.id).await?.map(|booking| booking.state_at(app.clock.now())) {
                Some(State::Expired | State::PaymentFailed) => Err(expired()),
                _ => Err(Error::conflict(
                    "payment_in_progress",
                    "Another payment of this booking is not settled yet.",
                )),
            }
        }
    }
}

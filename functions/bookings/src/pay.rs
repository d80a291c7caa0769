//! `POST /v1/bookings/{id}/payment`: the guest pays a hold, or the balance of a stay that is paid in two.

use roost::app::App;
use roost::booking::answer::BookingView;
use roost::booking::money::is_captured_at_confirmation;
use roost::booking::{Attempt, Booking, HOLD, MOST_ATTEMPTS, Sent, State};
use roost::clock::Duration;
use roost::error::{Error, Fields, Result};
use roost::http::{Answer, Call, Guest, KeyUse, Nothing, Operation};
use roost::payment::Void;
use roost::planted::{self, Bug};
use roost::secrets::Purpose;
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;
use serde::Deserialize;

use crate::create::check_method;
use crate::view::{ById, own_as_guest};
use crate::{paying, replay, trouble};

/// How many attempts a booking keeps, with those that only ask whether the guest has confirmed.
const MOST_RESUMED: usize = 15;

/// How many attempts a booking keeps in all, over the weeks in which a balance may be paid.
const MOST_IN_ALL: usize = 120;

/// The operation.
#[derive(Debug)]
pub struct PayBooking;

impl Operation for PayBooking {
    const NAME: &'static str = "pay-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings/{id}/payment";
    const SUMMARY: &'static str = "Pay a hold, or the balance of a stay that is paid in two.";
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
        if let Some(paid) = confirmed_by_the_bank(&app, &booking, &method, (key, sent.clone())).await? {
            return Ok(Answer::ok(paid));
        }
        let paid = match start(&app, &booking, method, (key, sent)).await? {
            Started::New(started) => paying::pay(&app, started).await?,
            Started::Resumed(started) => paying::resume(&app, started).await?,
        };
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

/// The booking, if the bank's word that the guest has confirmed came before the guest's client did; the call
/// is written down as the one that has paid.
async fn confirmed_by_the_bank(
    app: &App,
    booking: &Booking,
    method: &str,
    asked_by: (u128, Sent),
) -> Result<Option<BookingView>> {
    let Some(last) = booking.attempts.len().checked_sub(1) else { return Ok(None) };
    let attempt = &booking.attempts[last];
    let by_itself = attempt.asked_by.is_none() && attempt.resumes.is_some() && booking.was_paid_by(last);
    // Of a deposit on the day that it was paid, and with its card: otherwise he means the balance.
    let is_todays = || app.clock.now() < attempt.started_at + Duration::from_hours(24);
    let is_meant = || booking.method.as_deref() == Some(method) && is_todays();
    if !by_itself || booking.owes_balance() && !is_meant() || !booking.state.is_stay() {
        return Ok(None);
    }
    let mut after = booking.clone();
    after.attempts[last].asked_by = Some(asked_by);
    match app.store.advance(booking, after).await? {
        Advance::Done(paid) => Ok(Some(BookingView::paid(&paid, last))),
        Advance::Lost => Err(Error::unavailable("another call is at this booking")),
    }
}

/// An attempt that is recorded, and now to be made.
enum Started {
    /// With a card of which nothing is known.
    New(Booking),
    /// With one that the guest was to confirm.
    Resumed(Booking),
}

/// Records that the hold is being paid.
async fn start(app: &App, hold: &Booking, method: String, asked_by: (u128, Sent)) -> Result<Started> {
    let now = app.clock.now();
    let expired =
        || Error::conflict("hold_expired", "The hold has expired; its nights may be another's by now.");
    match hold.state_at(now) {
        State::Held => {}
        State::Expired if planted::is(Bug::LapsedHoldPaid) && hold.state == State::Held => {}
        State::Expired | State::PaymentFailed if hold.is_paid_through_a_hold() => return Err(expired()),
        // Who sends the payment of his deposit again does not mean the balance.
        State::Confirmed if hold.owes_balance() && now < hold.deposit_settles_at() => {
            return Err(Error::invalid_transition("The deposit has just been paid; the balance is not due."));
        }
        // A balance, by another card or before its time, unless somebody is at it.
        State::Confirmed
            if hold.owes_balance() && (!hold.unsettled || hold.latest_if_waiting().is_some()) => {}
        State::Confirmed if !hold.owes_balance() => {
            return Err(Error::invalid_transition("There is nothing to pay on this booking."));
        }
        State::PaymentStarted | State::Confirmed => {
            return Err(Error::conflict(
                "payment_in_progress",
                "Another payment of this booking is not settled yet.",
            ));
        }
        _ => return Err(Error::invalid_transition("There is nothing to pay on this booking.")),
    }
    let mut attempt = Attempt::new(Some(asked_by), now, is_captured_at_confirmation(hold.check_in_at, now));
    attempt.is_balance = hold.state == State::Confirmed;
    attempt.captures |= attempt.is_balance;
    let waiting = hold.waiting_attempt();
    // The latest payment, that is: one that another card came after was to be given up.
    let is_latest = |index: &usize| hold.payment_id(hold.attempts.len() - 1) == hold.payment_id(*index);
    let resumed = waiting.filter(|_| hold.method.as_ref() == Some(&method)).filter(is_latest);
    // The platform's own tries at a balance leave the guest his.
    let is_his = |other: &&Attempt| other.is_balance == attempt.is_balance && !other.is_charge();
    let his: Vec<&Attempt> = hold.attempts.iter().filter(is_his).collect();
    // A hold has a quarter of an hour, a balance weeks: there it is so many a day.
    let now_or_today =
        |other: &&Attempt| !other.is_balance || other.started_at + Duration::from_hours(24) > now;
    let his: Vec<&Attempt> = his.into_iter().filter(now_or_today).collect();
    let new = his.iter().filter(|attempt| attempt.resumes.is_none()).count();
    let most = if resumed.is_some() { MOST_RESUMED } else { MOST_ATTEMPTS };
    if new >= most || his.len() >= MOST_RESUMED || hold.attempts.len() >= MOST_IN_ALL {
        let detail = "A hold can be tried to be paid five times, a balance five times a day.";
        return Err(Error::conflict("too_many_attempts", detail));
    }
    let mut started = Booking { method: Some(method), ..hold.clone() };
    if attempt.is_balance {
        started.unsettled = true;
    } else {
        started.state = State::PaymentStarted;
        started.lapses_at = now + HOLD;
    }
    if let Some(index) = resumed {
        // The same payment goes on: asking for it keeps the nights no longer.
        started.lapses_at = hold.lapses_at;
        attempt = hold.resuming(index, attempt);
    }
    started.attempts.push(attempt);
    // What stood in the way of an earlier card's is told anew if it still does.
    match trouble::overcome(app, hold, started, Beside::default()).await? {
        Advance::Done(started) if resumed.is_some() => Ok(Started::Resumed(started)),
        Advance::Done(mut started) => {
            // Another card: what the first was to pay must never be held. Nobody else goes on with it, now
            // that this one is begun; whoever is lost before it is given up leaves it open.
            if let Some(index) = waiting {
                give_up(app, &started, index).await?;
                started.end_waiting(index);
            }
            Ok(Started::New(started))
        }
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

/// Sees to it that an attempt which waits for the guest holds nothing, nor ever will.
async fn give_up(app: &App, hold: &Booking, index: usize) -> Result<()> {
    let provider = app.provider(hold.attempts[index].provider)?;
    match provider.void(&hold.order(index)).await {
        Void::Done => Ok(()),
        Void::Taken(taken) => {
            Err(Error::internal(format!("{} was taken and never confirmed", taken.reference)))
        }
        Void::Refused { context } | Void::Unknown { context } => Err(Error::unavailable(context)),
    }
}

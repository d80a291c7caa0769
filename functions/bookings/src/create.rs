//! `POST /v1/bookings`: the quoted stay becomes a booking, with all of its nights or none.

use futures::future::{join, try_join};
use roost::app::App;
use roost::booking::answer::{BookingView, Details, GuestDetail};
use roost::booking::balance::{Balance, plan};
use roost::booking::money::is_captured_at_confirmation;
use roost::booking::{Attempt, Booking, HOLD, Mode, Sent, State, TIME_TO_RESPOND};
use roost::error::{Error, Fields, Reason, Result, Unsold};
use roost::http::{Answer, Call, Guest, KeyUse, Nothing, Operation};
use roost::ids::{BookingId, UnitId};
use roost::listing::ListingStatus;
use roost::night::closed;
use roost::planted::{self, Bug};
use roost::pricing::parts::Parts;
use roost::quote::{Quote, VALIDITY};
use roost::secrets::Purpose;
use roost::store::bookings::Made;
use roost::store::nights::Ledger;
use serde::Deserialize;

use crate::{paying, replay};

/// The operation.
#[derive(Debug)]
pub struct CreateBooking;

impl Operation for CreateBooking {
    const NAME: &'static str = "create-booking";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/bookings";
    const SUMMARY: &'static str =
        "Book a quoted stay: confirmed at once, held for fifteen minutes, or asked of the host.";
    const SUCCESS: u16 = 201;
    const PROBLEMS: &'static [u16] = &[402, 404, 409, 410];
    const KEY: KeyUse = KeyUse::Required;
    type Caller = Guest;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Body;
    type Reply = BookingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<BookingView>> {
        let key = call.idempotency_key()?.ok_or_else(|| Error::internal("a required key is there"))?;
        let wish = call.body()?.check()?;
        let caller = if planted::is(Bug::KeyAlone) { 0 } else { call.caller.id.bits() };
        let parts: [&[u8]; 3] = [&caller.to_be_bytes(), Self::PATH.as_bytes(), key.as_str().as_bytes()];
        let id = BookingId::from_bits(app.secrets.keyed_hash(Purpose::Idempotency, &parts));
        let sent = replay::sent(call.body_fingerprint(), call.request_id.clone());
        let booking = wish.booking(&app, id, &call.caller, sent.clone());
        let (first, wished) = Box::pin(join(first_answer(&app, id, &sent), booking)).await;
        if let Some(first) = first? {
            return Ok(created(first).replayed(true));
        }
        let (booking, capacity, nights) = wished?;
        match app.store.make(booking, &wish.details, capacity, nights).await? {
            Made::Done(booking) => Ok(created(paid(&app, booking).await?.with(wish.details))),
            Made::Refused(reasons) => Err(Error::unavailable_stay(reasons)),
            Made::Exists => match first_answer(&app, id, &sent).await? {
                Some(first) => Ok(created(first).replayed(true)),
                None => Err(Error::unavailable("the first call with this key has just given up")),
            },
        }
    }
}

fn created(view: BookingView) -> Answer<BookingView> {
    let location = format!("/v1/bookings/{}", view.id);
    Answer::created(view).at(location)
}

/// What the first call with this key answered, if there was one.
async fn first_answer(app: &App, id: BookingId, sent: &Sent) -> Result<Option<BookingView>> {
    match app.store.booking(id).await? {
        Some(booking) => replay::of_creation(app, booking, sent).await,
        None => Ok(None),
    }
}

/// The booking with its money held, where it is to be paid at once.
async fn paid(app: &App, booking: Booking) -> Result<BookingView> {
    let booking = if booking.mode == Mode::PaidAtOnce { paying::pay(app, booking).await? } else { booking };
    Ok(BookingView::first(&booking))
}

/// What is asked for.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// The quote of the stay.
    quote_id: String,
    /// The provider's token of the guest's card. Without one an instant-book stay is held.
    payment_method_id: Option<String>,
    /// Who stays.
    #[serde(default)]
    guest_details: Vec<GuestDetail>,
    /// A word to the host.
    message: Option<String>,
}

struct Wish {
    quote_id: String,
    method: Option<String>,
    details: Details,
}

impl Body {
    fn check(self) -> Result<Wish> {
        let mut fields = Fields::default();
        fields.check((1..=16_384).contains(&self.quote_id.len()), "/quoteId", "must be a quote's id");
        if let Some(method) = &self.payment_method_id {
            check_method(method, &mut fields);
        }
        fields.check(self.guest_details.len() <= 50, "/guestDetails", "must have at most 50 entries");
        let mut guests = Vec::with_capacity(self.guest_details.len().min(50));
        for (index, guest) in self.guest_details.into_iter().take(50).enumerate() {
            let name = fields.text(&format!("/guestDetails/{index}/name"), &guest.name, 1, 100);
            let aged = guest.age.is_none_or(|age| (0..=130).contains(&age));
            fields.check(aged, &format!("/guestDetails/{index}/age"), "must be a whole number from 0 to 130");
            guests.push(GuestDetail { name, age: guest.age });
        }
        let message = self.message.map(|message| fields.text("/message", &message, 1, 2_000));
        fields.finish()?;
        Ok(Wish {
            quote_id: self.quote_id,
            method: self.payment_method_id,
            details: Details { guests, message },
        })
    }
}

/// Notes a payment method that no provider could have made.
pub(crate) fn check_method(method: &str, fields: &mut Fields) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let holds = (1..=100).contains(&method.len()) && method.bytes().all(token);
    fields.check(holds, "/paymentMethodId", "must be a payment method's id");
}

impl Wish {
    /// The booking that is to be made, how many its unit takes, and its nights. Read while it is looked whether
    /// the key has a first answer: nearly always it has none, and a guest waits.
    async fn booking(
        &self,
        app: &App,
        id: BookingId,
        guest: &Guest,
        made_by: Sent,
    ) -> Result<(Booking, u16, Ledger)> {
        let quote = Quote::unseal(&app.secrets, &self.quote_id, guest.id)?;
        let now = app.clock.now();
        if quote.expires_at <= now && !planted::is(Bug::QuoteWithoutExpiry) {
            return Err(Error::QuoteExpired);
        }
        let unit = UnitId::from(quote.listing);
        let (terms, nights) =
            try_join(app.store.terms(unit), app.store.ledger(unit, quote.stay, false)).await?;
        let terms = terms
            .filter(|terms| terms.status == ListingStatus::Active)
            .ok_or_else(|| Error::unavailable_stay(vec![Reason { date: None, reason: Unsold::NotActive }]))?;
        // The host may have closed the rest of the calendar since it was quoted.
        let blocked = |date| Reason { date: Some(date), reason: Unsold::Blocked };
        let closed: Vec<_> = closed(&terms, quote.stay).map(blocked).collect();
        if !closed.is_empty() {
            return Err(Error::unavailable_stay(closed));
        }
        let (mode, state) = match (terms.instant_book, &self.method) {
            (true, Some(_)) => (Mode::PaidAtOnce, State::PaymentStarted),
            (true, None) => (Mode::Held, State::Held),
            (false, Some(_)) => (Mode::Requested, State::Requested),
            (false, None) => {
                return Err(Error::invalid("/paymentMethodId", "is required where the host decides"));
            }
        };
        let waits = if mode == Mode::Requested { TIME_TO_RESPOND } else { HOLD };
        let check_in_at = terms.zone.instant_of(quote.stay.first(), quote.check_in_time);
        let captures = is_captured_at_confirmation(check_in_at, now);
        let attempt = Attempt::new(None, now, captures);
        // As it was quoted, however near the balance has come since.
        let balance = quote.deposit_percent.filter(|_| mode != Mode::Requested).and_then(|percent| {
            let plan = plan(percent, &quote.price, check_in_at, &terms.zone, quote.expires_at - VALIDITY)?;
            Some(Balance::new(percent, &plan, now))
        });
        let booking = Booking {
            id,
            guest: guest.id,
            host: terms.host,
            listing: terms.listing,
            unit: terms.unit,
            state,
            stay: quote.stay,
            guests: quote.guests,
            price: quote.price,
            balance,
            policy: quote.policy,
            zone: terms.zone.clone(),
            check_in_at,
            check_out_at: terms.zone.instant_of(quote.stay.end(), quote.check_out_time),
            mode,
            created_at: now,
            lapses_at: now + waits,
            claim_until: (mode != Mode::Requested).then(|| now + HOLD),
            made_by,
            attempts: if mode == Mode::PaidAtOnce { vec![attempt] } else { Vec::new() },
            method: self.method.clone(),
            reason: None,
            cancelled_by: None,
            settlement: None,
            is_fined: false,
            captured: 0,
            taken: Parts::default(),
            returning: None,
            paid_out: 0,
            withheld: 0,
            sending: 0,
            reversing: None,
            payout_at: None,
            entries: 0,
            unsettled: false,
            dispute: None,
            trouble: None,
            heard: Vec::new(),
            has_details: !self.details.is_empty(),
            version: 1,
        };
        Ok((booking, terms.capacity, nights))
    }
}

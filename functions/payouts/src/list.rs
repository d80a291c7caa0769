//! `GET /v1/hosts/me/payouts`: what a host's stays have earned, latest check-in first.

use roost::app::App;
use roost::booking::Booking;
use roost::booking::money::PAYOUT_AFTER;
use roost::clock::Instant;
use roost::error::Result;
use roost::http::paging::{Page, limit, seal, unseal};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::{BookingId, PayoutId};
use roost::money::Money;
use serde::{Deserialize, Serialize};

/// The operation.
#[derive(Debug)]
pub struct ListPayouts;

impl Operation for ListPayouts {
    const NAME: &'static str = "list-payouts";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/hosts/me/payouts";
    const SUMMARY: &'static str = "What the caller's stays have earned, paid out or to be.";
    type Caller = Host;
    type Path = Nothing;
    type Query = Query;
    type Body = Nothing;
    type Reply = Page<Payout>;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Page<Payout>>> {
        let Query { limit: wanted, cursor } = call.query()?;
        let context = format!("{} payouts", call.caller.id);
        let after = cursor.as_deref().map(|cursor| unseal(&app, &context, cursor)).transpose()?;
        let keep = |booking: Booking| Payout::of(&booking);
        let (items, next) = app.store.bookings_of(call.caller.id, true, after, limit(wanted)?, keep).await?;
        Ok(Answer::ok(Page { items, next_cursor: next.map(|position| seal(&app, &context, &position)) }))
    }
}

/// Which of them.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// How many at most.
    limit: Option<i64>,
    /// Where the list goes on.
    cursor: Option<String>,
}

/// What a stay has earned its host.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// Its id.
    id: PayoutId,
    /// Which stay's.
    booking_id: BookingId,
    /// How much.
    amount: Money,
    /// What was kept of it for what the host owes.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<Money>,
    /// Where it stands.
    status: Status,
    /// When it is due, or was.
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Instant,
}

/// Where a payout stands.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It comes a day after check-in.
    Scheduled,
    /// It is due, and there is no account to pay it to.
    WaitingForAccount,
    /// The guest's bank has the money until it decides.
    Disputed,
    /// It is paid.
    Paid,
}

impl Payout {
    fn of(booking: &Booking) -> Option<Self> {
        let (amount, status, at) = match booking.payout() {
            Some((amount, at)) if booking.payout_at.is_some() => (amount, Status::WaitingForAccount, at),
            Some((amount, at)) => (amount, Status::Scheduled, at),
            None if booking.is_disputed() && booking.taken.host() > booking.paid_out + booking.withheld => {
                let amount = booking.taken.host() - booking.paid_out - booking.withheld;
                (amount, Status::Disputed, booking.check_in_at + PAYOUT_AFTER)
            }
            None if booking.paid_out > 0 || booking.withheld > 0 => {
                (booking.paid_out, Status::Paid, booking.check_in_at + PAYOUT_AFTER)
            }
            None => return None,
        };
        let (id, amount) = (booking.payout_id(), booking.price.money(amount));
        let withheld = Some(booking.price.money(booking.withheld)).filter(|withheld| withheld.amount > 0);
        Some(Self { id, booking_id: booking.id, amount, withheld, status, at })
    }
}

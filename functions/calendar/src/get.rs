//! `GET /v1/listings/{id}/calendar`.

use std::collections::HashMap;

use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::BookingId;
use roost::listing::Terms;
use roost::listing::calendar::Calendar;
use roost::money::Money;
use roost::night::Taken;
use roost::stay::Date;
use serde::{Deserialize, Serialize};

use crate::ListingPath;
use crate::range::{accepted, parse_range};

/// Shows a host the nights of a unit.
#[derive(Debug)]
pub struct GetCalendar;

/// Which nights.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CalendarQuery {
    /// The first night.
    #[schemars(extend("format" = "date"))]
    pub start_date: String,
    /// The date after the last night, at most 366 nights later.
    #[schemars(extend("format" = "date"))]
    pub end_date: String,
}

/// The nights asked for.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CalendarView {
    /// Each, in ascending order.
    pub nights: Vec<CalendarNight>,
}

/// A night as its host sees it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalendarNight {
    /// Which.
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Date,
    /// Whether it is sold.
    pub status: NightStatus,
    /// Who sleeps there or holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// Its price.
    pub price: Money,
    /// The shortest stay that arrives on it.
    pub min_nights: u16,
    /// The longest stay that arrives on it.
    pub max_nights: u16,
    /// No stay arrives on it.
    pub closed_to_arrival: bool,
    /// No stay leaves on it.
    pub closed_to_departure: bool,
    /// Why the host keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The host's notes on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// Whether a night is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NightStatus {
    /// For sale.
    Open,
    /// Kept by the host.
    Blocked,
    /// Booked or held.
    Booked,
}

impl Operation for GetCalendar {
    const NAME: &'static str = "get-calendar";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/listings/{id}/calendar";
    const SUMMARY: &'static str = "The nights of a listing as its host sees them.";
    type Caller = Host;
    type Path = ListingPath;
    type Query = CalendarQuery;
    type Body = Nothing;
    type Reply = CalendarView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<CalendarView>> {
        let (terms, calendar) = app.store.own_unit(&call.caller, call.path.id.into()).await?;
        let (query, mut fields) = (call.query()?, Fields::default());
        let range = parse_range(&query.start_date, &query.end_date, &mut fields);
        let range = accepted(range, fields)?;
        let ledger = app.store.ledger(terms.unit, range, true).await?;
        let taken = ledger.taken(terms.capacity).into_iter();
        let mut taken: HashMap<Date, Taken> = taken.map(|night| (night.date, night.by)).collect();
        let night = |date| night(&terms, &calendar, date, taken.remove(&date), ledger.note(date));
        Ok(Answer::ok(CalendarView { nights: range.iter().map(night).collect() }))
    }
}

fn night(
    terms: &Terms,
    calendar: &Calendar,
    date: Date,
    taken: Option<Taken>,
    notes: Option<&str>,
) -> CalendarNight {
    let is_closed = terms.open_until.is_some_and(|open_until| open_until <= date);
    let (status, booking_id, reason) = match taken {
        Some(Taken::Booked(booking)) => (NightStatus::Booked, Some(booking), None),
        Some(Taken::Blocked(reason)) => (NightStatus::Blocked, None, Some(reason)),
        None if is_closed => (NightStatus::Blocked, None, Some("open_until".into())),
        None => (NightStatus::Open, None, None),
    };
    let rules = calendar.rules(terms, date);
    CalendarNight {
        date,
        status,
        booking_id,
        price: terms.money(calendar.price(terms, date)),
        min_nights: rules.min_nights,
        max_nights: rules.max_nights,
        closed_to_arrival: rules.closed_to_arrival,
        closed_to_departure: rules.closed_to_departure,
        reason,
        notes: notes.map(str::to_owned),
    }
}

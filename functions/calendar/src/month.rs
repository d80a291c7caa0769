//! `GET /v1/listings/{id}/availability`.

use std::collections::HashSet;

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::ids::ListingId;
use roost::listing::{ListingStatus, Terms};
use roost::money::Money;
use roost::stay::{BOOKING_WINDOW, Date, Nights, add_days, parse_date};
use serde::{Deserialize, Serialize};

use crate::ListingPath;

/// Shows which nights of a month can be booked.
#[derive(Debug)]
pub struct GetAvailability;

/// Which month.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonthQuery {
    /// `YYYY-MM`.
    pub month: String,
}

/// The nights of a month.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthView {
    /// Of which listing.
    pub listing_id: ListingId,
    /// `YYYY-MM`.
    pub month: String,
    /// Each, in ascending order.
    pub nights: Vec<MonthNight>,
}

/// A night as guests see it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthNight {
    /// Which.
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Date,
    /// Whether it is for sale.
    pub available: bool,
    /// Its price.
    pub price: Money,
    /// The shortest stay that arrives on it.
    pub min_nights: u16,
}

impl Operation for GetAvailability {
    const NAME: &'static str = "get-availability";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/listings/{id}/availability";
    const SUMMARY: &'static str = "Which nights of a month can be booked, at this moment.";
    type Caller = Anyone;
    type Path = ListingPath;
    type Query = MonthQuery;
    type Body = Nothing;
    type Reply = MonthView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<MonthView>> {
        let found = app.store.unit(call.path.id.into(), false).await?;
        let (terms, calendar) =
            found.filter(|(terms, _)| terms.status != ListingStatus::Draft).ok_or(Error::NotFound)?;
        let month = call.query()?.month;
        let nights =
            nights_of(&month).ok_or_else(|| Error::invalid("/month", "a month is written YYYY-MM"))?;
        let taken = app.store.taken(terms.unit, terms.capacity, nights, true).await?;
        let taken: HashSet<Date> = taken.iter().map(|night| night.date).collect();
        let today = app.clock.today(&terms.zone);
        let night = |date| MonthNight {
            date,
            available: is_sold(&terms, date, today) && !taken.contains(&date),
            price: terms.money(calendar.price(&terms, date)),
            min_nights: calendar.rules(&terms, date).min_nights,
        };
        let nights = nights.iter().map(night).collect();
        Ok(Answer::ok(MonthView { listing_id: terms.listing, month, nights }))
    }
}

/// Whether the night of `date` is sold at all, taken or not.
fn is_sold(terms: &Terms, date: Date, today: Date) -> bool {
    terms.status == ListingStatus::Active
        && today <= date
        && date < add_days(today, BOOKING_WINDOW.into())
        && terms.open_until.is_none_or(|open_until| date < open_until)
}

fn nights_of(month: &str) -> Option<Nights> {
    let first = parse_date(&format!("{month}-01")).ok()?;
    Nights::between(first, add_days(first.last_of_month(), 1))
}

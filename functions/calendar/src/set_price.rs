//! `POST /v1/listings/{id}/calendar/set-price`.

use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::money::{LARGEST_PRICE, Money};
use serde::Deserialize;

use crate::range::{accepted, parse_settable_range};
use crate::{ListingPath, NightsSet};

/// Sets the price of nights.
#[derive(Debug)]
pub struct SetPrice;

/// Which nights, and their price.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPriceBody {
    /// The first night.
    #[schemars(extend("format" = "date"))]
    pub start_date: String,
    /// The date after the last night.
    #[schemars(extend("format" = "date"))]
    pub end_date: String,
    /// The price of each, in the listing's currency.
    pub price: Money,
}

impl Operation for SetPrice {
    const NAME: &'static str = "set-price";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/calendar/set-price";
    const SUMMARY: &'static str = "Set the price of nights; stays that are booked keep theirs.";
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = SetPriceBody;
    type Reply = NightsSet;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<NightsSet>> {
        let terms = app.store.own_terms(&call.caller, call.path.id.into()).await?;
        let (body, mut fields) = (call.body()?, Fields::default());
        let today = app.clock.today(&terms.zone);
        let range = parse_settable_range(&body.start_date, &body.end_date, today, &mut fields);
        let price: i64 = fields.number("/price/amount", body.price.amount, 1, LARGEST_PRICE);
        let is_theirs = body.price.currency == terms.currency;
        fields.check(is_theirs, "/price/currency", "must be the currency of the listing");
        let range = accepted(range, fields)?;
        app.store.update_calendar(&terms, range, |year| year.prices.set(range, &price)).await?;
        Ok(Answer::ok(NightsSet { nights: range.count() }))
    }
}

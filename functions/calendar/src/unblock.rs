//! `POST /v1/listings/{id}/calendar/unblock`.

use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use serde::Deserialize;

use crate::range::{accepted, parse_settable_range};
use crate::{ListingPath, NightsSet};

/// Opens nights that the host kept.
#[derive(Debug)]
pub struct Unblock;

/// Which nights.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnblockBody {
    /// The first night.
    #[schemars(extend("format" = "date"))]
    pub start_date: String,
    /// The date after the last night.
    #[schemars(extend("format" = "date"))]
    pub end_date: String,
}

impl Operation for Unblock {
    const NAME: &'static str = "unblock-nights";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/calendar/unblock";
    const SUMMARY: &'static str = "Sell blocked nights again; nights that were not blocked stay as they are.";
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = UnblockBody;
    type Reply = NightsSet;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<NightsSet>> {
        let terms = app.store.own_terms(&call.caller, call.path.id.into()).await?;
        let (body, mut fields) = (call.body()?, Fields::default());
        let today = app.clock.today(&terms.zone);
        let range = parse_settable_range(&body.start_date, &body.end_date, today, &mut fields);
        let range = accepted(range, fields)?;
        app.store.unblock(&terms, range).await?;
        Ok(Answer::ok(NightsSet { nights: range.count() }))
    }
}

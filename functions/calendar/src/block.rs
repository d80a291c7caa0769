//! `POST /v1/listings/{id}/calendar/block`.

use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::store::blocks::Block as Kept;
use serde::Deserialize;

use crate::range::{accepted, parse_settable_range};
use crate::{ListingPath, NightsSet};

/// Keeps nights from being sold.
#[derive(Debug)]
pub struct Block;

/// Which nights, and why.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockBody {
    /// The first night.
    #[schemars(extend("format" = "date"))]
    pub start_date: String,
    /// The date after the last night.
    #[schemars(extend("format" = "date"))]
    pub end_date: String,
    /// At most 40 characters; `blocked` unless given.
    pub reason: Option<String>,
    /// At most 500 characters, for the host alone; none given, earlier ones stay.
    pub notes: Option<String>,
}

impl Operation for Block {
    const NAME: &'static str = "block-nights";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/calendar/block";
    const SUMMARY: &'static str =
        "Keep nights from being sold: all of them, or none when one is booked or held.";
    const PROBLEMS: &'static [u16] = &[409];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = BlockBody;
    type Reply = NightsSet;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<NightsSet>> {
        let terms = app.store.own_terms(&call.caller, call.path.id.into()).await?;
        let (body, mut fields) = (call.body()?, Fields::default());
        let today = app.clock.today(&terms.zone);
        let range = parse_settable_range(&body.start_date, &body.end_date, today, &mut fields);
        let reason = fields.text("/reason", body.reason.as_deref().unwrap_or("blocked"), 1, 40);
        let notes = body.notes.map(|notes| fields.text("/notes", &notes, 0, 500));
        let range = accepted(range, fields)?;
        app.store.block(&terms, range, &Kept { reason, note: notes }).await?;
        Ok(Answer::ok(NightsSet { nights: range.count() }))
    }
}

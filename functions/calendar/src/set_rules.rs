//! `POST /v1/listings/{id}/calendar/set-rules`.

use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::listing::calendar::Rules;
use roost::listing::draft::LARGEST_MAX_NIGHTS;
use roost::stay::LONGEST_STAY;
use serde::Deserialize;

use crate::range::{accepted, parse_settable_range};
use crate::{ListingPath, NightsSet};

/// Sets the stay rules of nights.
#[derive(Debug)]
pub struct SetRules;

/// Which nights, and the rules to change; the others stay.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetRulesBody {
    /// The first night.
    #[schemars(extend("format" = "date"))]
    pub start_date: String,
    /// The date after the last night.
    #[schemars(extend("format" = "date"))]
    pub end_date: String,
    /// The shortest stay that arrives on the night: 1 to 365.
    pub min_nights: Option<i64>,
    /// The longest stay that arrives on the night, up to 1,125.
    pub max_nights: Option<i64>,
    /// No stay arrives.
    pub closed_to_arrival: Option<bool>,
    /// No stay leaves.
    pub closed_to_departure: Option<bool>,
}

impl Operation for SetRules {
    const NAME: &'static str = "set-rules";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/calendar/set-rules";
    const SUMMARY: &'static str = "Set the stay rules of nights: those given, the others stay.";
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = SetRulesBody;
    type Reply = NightsSet;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<NightsSet>> {
        let terms = app.store.own_terms(&call.caller, call.path.id.into()).await?;
        let (body, mut fields) = (call.body()?, Fields::default());
        let today = app.clock.today(&terms.zone);
        let range = parse_settable_range(&body.start_date, &body.end_date, today, &mut fields);
        let change = body.change(&mut fields);
        let range = accepted(range, fields)?;
        app.store
            .update_calendar(&terms, range, |year| year.rules.update(range, |rules| change.made_to(rules)))
            .await?;
        Ok(Answer::ok(NightsSet { nights: range.count() }))
    }
}

/// The rules to change, validated.
#[derive(Debug, Clone, Copy)]
struct Change {
    min_nights: Option<u16>,
    max_nights: Option<u16>,
    closed_to_arrival: Option<bool>,
    closed_to_departure: Option<bool>,
}

impl SetRulesBody {
    fn change(&self, fields: &mut Fields) -> Change {
        let min_nights =
            self.min_nights.map(|nights| fields.number("/minNights", nights, 1, LONGEST_STAY.into()));
        let max_nights =
            self.max_nights.map(|nights| fields.number("/maxNights", nights, 1, LARGEST_MAX_NIGHTS));
        if let (Some(min), Some(max)) = (self.min_nights, self.max_nights) {
            fields.check(min <= max, "/maxNights", "must be at least minNights");
        }
        let (closed_to_arrival, closed_to_departure) = (self.closed_to_arrival, self.closed_to_departure);
        let says_something = self.min_nights.is_some()
            || self.max_nights.is_some()
            || closed_to_arrival.is_some()
            || closed_to_departure.is_some();
        fields.check(says_something, "", "must have at least one of the rules");
        Change { min_nights, max_nights, closed_to_arrival, closed_to_departure }
    }
}

impl Change {
    /// The rules of a night with the change made; a night that has none left has no entry.
    fn made_to(self, rules: Option<&Rules>) -> Option<Rules> {
        let rules = rules.copied().unwrap_or_default();
        let rules = Rules {
            min_nights: self.min_nights.or(rules.min_nights),
            max_nights: self.max_nights.or(rules.max_nights),
            closed_to_arrival: self.closed_to_arrival.unwrap_or(rules.closed_to_arrival),
            closed_to_departure: self.closed_to_departure.unwrap_or(rules.closed_to_departure),
        };
        (rules != Rules::default()).then_some(rules)
    }
}

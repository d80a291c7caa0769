//! `POST /v1/availability`.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use roost::app::App;
use roost::error::{Fields, Result, Unsold};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::ids::ListingId;
use roost::listing::ListingStatus;
use roost::night::why_unsold;
use roost::stay::{Nights, parse_stay};
use serde::{Deserialize, Serialize};

use crate::range::accepted;

/// Checks one stay at several listings.
#[derive(Debug)]
pub struct CheckAvailability;

/// Which stay, and where.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckBody {
    /// 1 to 50 listings, none twice.
    pub listing_ids: Vec<ListingId>,
    /// The date of arrival.
    #[schemars(extend("format" = "date"))]
    pub check_in: String,
    /// The date of departure.
    #[schemars(extend("format" = "date"))]
    pub check_out: String,
    /// How many adults and children.
    pub guests: Option<i64>,
}

/// What was found, in the order asked.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Checked {
    /// One for each listing.
    pub results: Vec<CheckedListing>,
}

/// Whether one listing can be booked.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckedListing {
    /// Which.
    pub listing_id: ListingId,
    /// Whether the stay can be booked there.
    pub available: bool,
    /// Why not.
    pub reasons: Vec<Unsold>,
}

/// How many listings are read at a time.
const AT_A_TIME: usize = 10;

impl Operation for CheckAvailability {
    const NAME: &'static str = "check-availability";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/availability";
    const SUMMARY: &'static str = "Whether a stay can be booked at each of up to 50 listings.";
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = CheckBody;
    type Reply = Checked;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Checked>> {
        let (body, mut fields) = (call.body()?, Fields::default());
        fields.check((1..=50).contains(&body.listing_ids.len()), "/listingIds", "must have 1 to 50 listings");
        let mut seen = HashSet::new();
        for (at, id) in body.listing_ids.iter().enumerate() {
            fields.check(seen.insert(*id), &format!("/listingIds/{at}"), "is there already");
        }
        let guests = body.guests.map(|guests| fields.number("/guests", guests, 1, 1000));
        let stay = accepted(parse_stay(&body.check_in, &body.check_out, &mut fields), fields)?;
        let results = futures::stream::iter(body.listing_ids)
            .map(|id| check(&app, id, stay, guests))
            .buffered(AT_A_TIME)
            .try_collect()
            .await?;
        Ok(Answer::ok(Checked { results }))
    }
}

async fn check(
    app: &App,
    listing_id: ListingId,
    stay: Nights,
    guests: Option<u16>,
) -> Result<CheckedListing> {
    let found = app.store.unit(listing_id.into(), false).await?;
    // Whether there is a draft is nobody's business but its host's.
    let Some((terms, calendar)) = found.filter(|(terms, _)| terms.status != ListingStatus::Draft) else {
        return Ok(CheckedListing { listing_id, available: false, reasons: vec![Unsold::NotActive] });
    };
    let taken = app.store.taken(terms.unit, terms.capacity, stay, true).await?;
    let today = app.clock.today(&terms.zone);
    let mut reasons: Vec<Unsold> = Vec::new();
    for because in why_unsold(&terms, &calendar, &taken, stay, guests, today) {
        if !reasons.contains(&because.reason) {
            reasons.push(because.reason);
        }
    }
    Ok(CheckedListing { listing_id, available: reasons.is_empty(), reasons })
}

//! `GET /v1/search`.

use futures::future::try_join_all;
use roost::app::App;
use roost::error::Result;
use roost::http::paging::{self, Page};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::listing::{PlaceType, PropertyType};
use roost::search::matching::Match;
use roost::search::query::Query;
use serde::Serialize;

use crate::card::ListingCard;
use crate::legs::{Leg, Onward, Source};
use crate::parameters::SearchParameters;

/// Searches listings.
#[derive(Debug)]
pub struct Search;

/// Hits, and what else could be chosen.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchReply {
    /// The hits, in the order asked for. A page may be shorter than its limit: nights taken a moment
    /// ago are left out.
    #[serde(flatten)]
    pub page: Page<ListingCard>,
    /// How many hits there are on all pages.
    pub total: usize,
    /// What else could be chosen. Each facet counts without its own filter.
    pub facets: FacetsView,
    /// Which leg of search answered.
    pub source: Source,
}

/// How many hits each further choice would leave.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetsView {
    /// By place type.
    pub place_types: Vec<Choice<PlaceType>>,
    /// By property type.
    pub property_types: Vec<Choice<PropertyType>>,
    /// By amenity: the 30 most frequent.
    pub amenities: Vec<Choice<String>>,
    /// By price per night, ascending and without gaps.
    pub prices: Vec<PriceBarView>,
}

/// One choice.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Choice<T> {
    /// What could be chosen.
    pub value: T,
    /// How many hits it would leave.
    pub count: usize,
}

/// How many hits have a price per night in `[from, to)`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct PriceBarView {
    /// The least price, in minor units.
    pub from: i64,
    /// What every price is below, in minor units.
    pub to: i64,
    /// How many hits.
    pub count: usize,
}

impl Operation for Search {
    const NAME: &'static str = "search";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/search";
    const SUMMARY: &'static str = "Listings in an area that fit, with facets.";
    const PROBLEMS: &'static [u16] = &[422];
    type Caller = Anyone;
    type Path = Nothing;
    type Query = SearchParameters;
    type Body = Nothing;
    type Reply = SearchReply;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<SearchReply>> {
        let now = app.clock.now();
        let parameters = call.query()?;
        let limit = paging::limit(parameters.limit)?;
        let query = parameters.parse(now)?;
        let context = format!("search {query:?}");
        let from = parameters.cursor.as_deref().map(|cursor| paging::unseal(&app, &context, cursor));
        let from: Option<Onward> = from.transpose()?;
        let leg = Leg::of(&app, &query, from.as_ref(), limit, now).await?;
        let found = leg.hits(&query, limit, now);
        let hits = still_open(&app, found.hits, &query).await?;
        let items = hits.iter().map(|hit| ListingCard::of(hit, &query, &app.config)).collect();
        let next_cursor = found.onward.map(|onward| paging::seal(&app, &context, &onward));
        Ok(Answer::ok(SearchReply {
            page: Page { items, next_cursor },
            total: found.total,
            facets: FacetsView::of(found.facets),
            source: found.source,
        }))
    }
}

/// The hits whose nights are open in the ledger too: a page may be short, but is never wrong.
async fn still_open<'a>(app: &App, hits: Vec<Match<'a>>, query: &Query) -> Result<Vec<Match<'a>>> {
    let Some(stay) = query.stay else { return Ok(hits) };
    let taken = hits.iter().map(|hit| {
        let projection = &hit.candidate.projection;
        app.store.taken(projection.unit, projection.capacity, stay, false)
    });
    let taken = try_join_all(taken).await?;
    let open = hits.into_iter().zip(taken).filter(|(_, taken)| taken.is_empty());
    Ok(open.map(|(hit, _)| hit).collect())
}

impl FacetsView {
    fn of(facets: roost::search::facets::Facets) -> Self {
        let bar = |bar: roost::search::facets::PriceBar| {
            let roost::search::facets::PriceBar { from, to, count } = bar;
            PriceBarView { from, to, count }
        };
        Self {
            place_types: choices(facets.place_types),
            property_types: choices(facets.property_types),
            amenities: choices(facets.amenities),
            prices: facets.prices.into_iter().map(bar).collect(),
        }
    }
}

fn choices<T>(counts: Vec<(T, usize)>) -> Vec<Choice<T>> {
    counts.into_iter().map(|(value, count)| Choice { value, count }).collect()
}

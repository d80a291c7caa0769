//! `GET /v1/search/map`.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::listing::Location;
use roost::money::Money;
use roost::search::clusters::Cluster;
use roost::search::matching::Match;
use roost::search::query::Query;
use roost::search::{Found, confirmed};
use serde::Serialize;

use crate::card::ListingCard;
use crate::parameters::MapParameters;

/// Searches listings on a map.
#[derive(Debug)]
pub struct SearchMap;

/// Clusters and items together have every hit once.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct MapReply {
    /// Several hits near each other.
    pub clusters: Vec<ClusterView>,
    /// Hits alone.
    pub items: Vec<ListingCard>,
}

/// Several hits near each other.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// In their middle.
    pub location: Location,
    /// How many.
    pub count: usize,
    /// The price per night of the cheapest.
    pub min_price: Money,
}

impl Operation for SearchMap {
    const NAME: &'static str = "search-map";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/search/map";
    const SUMMARY: &'static str = "Listings in a box that fit, near ones together.";
    const PROBLEMS: &'static [u16] = &[422];
    type Caller = Anyone;
    type Path = Nothing;
    type Query = MapParameters;
    type Body = Nothing;
    type Reply = MapReply;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<MapReply>> {
        let now = app.clock.now();
        let (query, zoom) = call.query()?.parse(now)?;
        if let Some(index) = app.index()
            && let Some(map) = index.map(&query, zoom, now).await
        {
            let items = confirmed(&map.items, &query, now);
            return Ok(Answer::ok(MapReply::of(&app, &query, map.clusters, &items)));
        }
        let candidates = app.store.candidates(&query.area).await?;
        let map = Found::among(candidates.iter(), &query, now).map(zoom, &query.area);
        Ok(Answer::ok(MapReply::of(&app, &query, map.clusters, &map.items)))
    }
}

impl MapReply {
    fn of(app: &App, query: &Query, clusters: Vec<Cluster>, items: &[Match<'_>]) -> Self {
        Self {
            clusters: clusters.into_iter().map(ClusterView::of).collect(),
            items: items.iter().map(|hit| ListingCard::of(hit, query, &app.config)).collect(),
        }
    }
}

impl ClusterView {
    fn of(cluster: Cluster) -> Self {
        let Cluster { location, count, min_price } = cluster;
        Self { location, count, min_price }
    }
}

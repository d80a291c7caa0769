//! The first leg of search: OpenSearch. It finds and ranks; what it finds is judged again by the
//! rules of [`crate::search`], and its page is checked against the nights. Whatever goes wrong here
//! is no error of a search: `None` sends it to the cells.

pub mod admin;
mod answer;
mod circuit;
mod client;
mod document;
pub(crate) mod domain;
mod pages;
mod request;
mod text;
mod write;

use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Instant};
use crate::config::Config;
use crate::connector;
use crate::entropy::Entropy;
use crate::search::clusters::{self, Cluster};
use crate::search::facets::Facets;
use crate::search::projection::Candidate;
use crate::search::query::Query;
use crate::store::Store;
use answer::Answer;
use circuit::Circuit;
use client::{Client, Trouble};
use pages::Points;

pub use pages::Point;
pub use write::Filed;

/// The index, seen from one function instance.
#[derive(Debug)]
pub struct Index {
    client: Client,
    clock: Clock,
    /// The alias that searches read: the version of the index that is complete.
    read: String,
    /// The alias of every version that changes are written to.
    write: String,
    budget: Duration,
    circuit: Circuit,
    points: Points,
    written: write::Targets,
}

/// One page that the index has found.
#[derive(Debug)]
pub struct IndexPage {
    /// What it found, in the query's order.
    pub candidates: Vec<Candidate>,
    /// How many hits there are on all pages.
    pub total: usize,
    /// What else could be chosen.
    pub facets: Facets,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Continued>,
}

/// Where a list of hits goes on in the index.
///
/// The first page is answered by the index as it is now, so that what was published a second ago is
/// in it. The others read one point in time, opened a second before the first page at most: everything
/// but what that page showed, in order. So no hit comes twice, and none is lost but what became
/// searchable within that second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// When the first page was answered.
    begun: Instant,
    /// The units that it showed.
    shown: Vec<u128>,
    /// The point in time that the pages after it read.
    point: Option<String>,
    /// The sort values of the last hit of the page before, as JSON; empty after the first page.
    after: String,
}

/// What the index has found on a map.
#[derive(Debug)]
pub struct IndexMap {
    /// Several hits near each other.
    pub clusters: Vec<Cluster>,
    /// Hits alone.
    pub items: Vec<Candidate>,
}

impl Index {
    /// The index of a deployment; `None` where it has none.
    #[must_use]
    pub fn new(
        config: &Config,
        connector: SharedHttpConnector,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Option<Self> {
        let search = config.search.as_ref()?;
        Some(Self {
            client: Client::new(
                &search.url,
                &config.region,
                connector,
                connector::credentials(),
                clock,
                entropy,
            ),
            clock: clock.clone(),
            read: search.index.clone(),
            write: format!("{}-write", search.index),
            budget: search.budget,
            circuit: Circuit::new(entropy),
            points: Points::default(),
            written: write::Targets::default(),
        })
    }

    /// One page of a search; `None` when the index did not answer within its budget.
    pub async fn search(
        &self,
        store: &Store,
        query: &Query,
        from: Option<&Continued>,
        limit: usize,
        now: Instant,
    ) -> Option<IndexPage> {
        self.guarded(self.page(store, query, from, limit, now)).await
    }

    /// The hits on a map of this zoom, 0 to 22; `None` when the index did not answer within its budget.
    pub async fn map(&self, query: &Query, zoom: u8, now: Instant) -> Option<IndexMap> {
        let most_alone = clusters::most_alone(zoom);
        let body = request::map(query, now, most_alone, clusters::precision(zoom, &query.area));
        self.guarded(async {
            let answer = Answer::read(&self.client.search(Some(&self.read), &body, self.budget).await?)?;
            answer.map(query, most_alone)
        })
        .await
    }

    /// Runs a call unless the index is known not to answer, and remembers how it went.
    async fn guarded<T>(&self, call: impl Future<Output = Result<T, Trouble>>) -> Option<T> {
        if !self.circuit.lets_through(self.clock.passed()) {
            return None;
        }
        match call.await {
            Ok(found) => {
                self.circuit.answered();
                Some(found)
            }
            // It answers, though not to this. Whoever asks for such a thing must not end everybody's searches here.
            Err(trouble @ Trouble::Refused { status: 400, .. }) => {
                self.circuit.answered();
                tracing::warn!(%trouble, "the index refuses a search, which goes to the cells");
                None
            }
            Err(trouble) => {
                if self.circuit.failed(self.clock.passed()) {
                    tracing::warn!(%trouble, "searches go to the cells: the index does not answer");
                } else {
                    tracing::info!(%trouble, "the index did not answer");
                }
                None
            }
        }
    }
}

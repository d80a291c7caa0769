//! The two legs of search: the index, and the cells when it does not answer. Both end in the same hits.

use roost::app::App;
use roost::clock::Instant;
use roost::error::Result;
use roost::index::{Continued, IndexPage};
use roost::search::facets::Facets;
use roost::search::matching::Match;
use roost::search::query::Query;
use roost::search::{Found, Position, confirmed, position};
use roost::store::cells::Candidates;
use serde::{Deserialize, Serialize};

/// Which leg of search answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The search engine.
    Index,
    /// The cells of the store.
    Fallback,
}

/// Where a list of hits goes on.
#[derive(Debug, Serialize, Deserialize)]
pub enum Onward {
    /// In the index, and in the cells should it not answer.
    Index(Continued, Option<Position>),
    /// In the cells.
    Cells(Position),
}

/// What a leg has found, before it is looked at.
#[derive(Debug)]
pub enum Leg {
    /// A page of the index.
    Index(IndexPage),
    /// Every candidate of the area, and where the page begins.
    Cells(Candidates, Option<Position>),
}

/// One page.
#[derive(Debug)]
pub struct Hits<'a> {
    /// The hits.
    pub hits: Vec<Match<'a>>,
    /// How many there are on all pages.
    pub total: usize,
    /// What else could be chosen.
    pub facets: Facets,
    /// Which leg answered.
    pub source: Source,
    /// Where the list goes on; `None` at its end.
    pub onward: Option<Onward>,
}

impl Leg {
    /// Asks the index, and the cells where it does not answer or the list began there.
    pub(crate) async fn of(
        app: &App,
        query: &Query,
        from: Option<&Onward>,
        limit: usize,
        now: Instant,
    ) -> Result<Self> {
        let (continued, position) = match from {
            None => (None, None),
            Some(Onward::Index(continued, position)) => (Some(continued), *position),
            Some(Onward::Cells(position)) => (None, Some(*position)),
        };
        let began_in_cells = matches!(from, Some(Onward::Cells(_)));
        if let Some(index) = app.index().filter(|_| !began_in_cells)
            && let Some(page) = index.search(&app.store, query, continued, limit, now).await
        {
            return Ok(Self::Index(page));
        }
        Ok(Self::Cells(app.store.candidates(&query.area).await?, position))
    }

    /// The page.
    pub(crate) fn hits<'a>(&'a self, query: &'a Query, limit: usize, now: Instant) -> Hits<'a> {
        match self {
            Self::Index(page) => {
                let hits = confirmed(&page.candidates, query, now);
                let last = hits.last().map(position);
                Hits {
                    hits,
                    total: page.total,
                    facets: page.facets.clone(),
                    source: Source::Index,
                    onward: page.next.clone().map(|next| Onward::Index(next, last)),
                }
            }
            Self::Cells(candidates, from) => {
                let found = Found::among(candidates.iter(), query, now);
                let page = found.page(*from, limit);
                Hits {
                    hits: page.hits,
                    total: found.total(),
                    facets: found.facets(),
                    source: Source::Fallback,
                    onward: page.next.map(Onward::Cells),
                }
            }
        }
    }
}

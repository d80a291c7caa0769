//! Search over projections: pure, and the same whatever index fetched the candidates.

pub mod bitmap;
pub mod clusters;
pub mod facets;
pub mod matching;
pub mod projection;
pub mod query;
pub mod words;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::ids::UnitId;
use clusters::Map;
use facets::Facets;
use matching::{Fails, Match, Matcher};
use projection::Candidate;
use query::{Area, Query};

/// What a query finds among candidates.
#[derive(Debug)]
pub struct Found<'a> {
    /// Hits, and what fails only filters with facets; in the query's order, no unit twice.
    matches: Vec<Match<'a>>,
}

/// Where a list of hits goes on: after the hit of this rank and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    rank: u64,
    unit: u128,
}

/// One page of hits.
#[derive(Debug)]
pub struct HitPage<'a> {
    /// The hits.
    pub hits: Vec<Match<'a>>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Position>,
}

impl<'a> Found<'a> {
    /// Searches `candidates`, which have every unit in the query's area at least once.
    #[must_use]
    pub fn among(
        candidates: impl IntoIterator<Item = &'a Candidate>,
        query: &'a Query,
        now: Instant,
    ) -> Self {
        let mut rules = Matcher::of(query, now);
        let mut matches: Vec<Match<'a>> =
            candidates.into_iter().filter_map(|candidate| rules.judge(candidate)).collect();
        // A unit that moves stands in two cells for a moment: the newer projection counts.
        matches.sort_unstable_by_key(|found| (unit(found), Reverse(found.candidate.version)));
        matches.dedup_by_key(|found| unit(found));
        matches.sort_unstable_by_key(position);
        Self { matches }
    }

    /// How many hits.
    #[must_use]
    pub fn total(&self) -> usize {
        self.hits().count()
    }

    /// At most `limit` hits after a position, or from the start.
    #[must_use]
    pub fn page(&self, after: Option<Position>, limit: usize) -> HitPage<'a> {
        let start = after.map_or(0, |after| self.matches.partition_point(|found| position(found) <= after));
        let mut rest = self.matches[start..].iter().filter(|found| found.fails == Fails::Nothing);
        let hits: Vec<Match<'a>> = rest.by_ref().take(limit).copied().collect();
        let next = rest.next().and(hits.last().map(position));
        HitPage { hits, next }
    }

    /// How many hits each further choice would leave.
    #[must_use]
    pub fn facets(&self) -> Facets {
        Facets::of(&self.matches)
    }

    /// The hits on a map of the area that was searched, of this zoom, 0 to 22.
    #[must_use]
    pub fn map(&self, zoom: u8, area: &Area) -> Map<'a> {
        Map::of(self.hits().copied().collect(), zoom, area)
    }

    fn hits(&self) -> impl Iterator<Item = &Match<'a>> {
        self.matches.iter().filter(|found| found.fails == Fails::Nothing)
    }
}

/// The hits among candidates that an index has found, in its order: what each costs and how far away
/// it is, and none that the query's own rules refuse. Words are the index's affair: it knows typing
/// errors and synonyms.
#[must_use]
pub fn confirmed<'a>(candidates: &'a [Candidate], query: &'a Query, now: Instant) -> Vec<Match<'a>> {
    let mut rules = Matcher::but_for_words(query, now);
    let judged = candidates.iter().filter_map(|candidate| rules.judge(candidate));
    judged.filter(|found| found.fails == Fails::Nothing).collect()
}

fn unit(found: &Match<'_>) -> UnitId {
    found.candidate.projection.unit
}

/// Where the list of hits goes on after this one.
#[must_use]
pub fn position(found: &Match<'_>) -> Position {
    Position { rank: found.rank, unit: unit(found).bits() }
}

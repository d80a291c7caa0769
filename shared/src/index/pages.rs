//! Pages, and the points in time that they share: a node keeps three hundred, so every search that
//! goes on within a second of another reads the same one.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, read};
use super::client::{Call, Trouble};
use super::{Continued, Index, IndexPage, request};
use crate::clock::{Duration, Instant};
use crate::ids::UnitId;
use crate::search::query::Query;
use crate::store::Store;

/// How long a point in time is kept after its last page: at one a second, 180 at most.
const KEPT: &str = "3m";
/// Its age from which it is not given to another search, which then opens one: less than it is kept.
const SHARED_FOR: Duration = Duration::from_secs(60);
/// Points in time are not opened faster than this.
const APART: Duration = Duration::from_secs(1);

/// The newest point in time that the instance knows.
#[derive(Debug, Default)]
pub(super) struct Points(Mutex<Option<Point>>);

/// A point in time of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What the index calls it.
    pub id: String,
    /// It shows everything that was searchable then.
    pub opened: Instant,
}

impl Point {
    /// Whether a list that began at `begun` may go on in it: it was opened later, or so little
    /// earlier that the index itself lags as much; and it will be there for the pages to come.
    fn serves(&self, begun: Instant, now: Instant) -> bool {
        self.opened + APART >= begun && now < self.opened + SHARED_FOR
    }
}

#[derive(Deserialize)]
struct Opened {
    pit_id: String,
}

impl Index {
    /// One page: the first of the index as it is, the others of a point in time.
    pub(super) async fn page(
        &self,
        store: &Store,
        query: &Query,
        from: Option<&Continued>,
        limit: usize,
        now: Instant,
    ) -> Result<IndexPage, Trouble> {
        let Some(from) = from else {
            // One more than asked for tells whether the list goes on.
            let body = request::page(query, now, limit + 1);
            let answer = Answer::read(&self.client.search(Some(&self.read), &body, self.budget).await?)?;
            let shown =
                |page: &IndexPage| page.candidates.iter().map(|hit| hit.projection.unit.bits()).collect();
            return of(&answer, limit, |page, _| Continued {
                begun: now,
                shown: shown(page),
                point: None,
                after: String::new(),
            });
        };
        let shown: Vec<UnitId> = from.shown.iter().map(|bits| UnitId::from_bits(*bits)).collect();
        let mut body = request::further(query, now, limit + 1, &shown);
        if let Ok(after @ serde_json::Value::Array(_)) = serde_json::from_str(&from.after) {
            body["search_after"] = after;
        }
        let point = match &from.point {
            Some(point) => point.clone(),
            None => self.point(store, from.begun, now).await?,
        };
        let answer = match self.at(point, &body).await {
            // It was not used for too long. Another one, from the same place in the order, is the
            // best there is: what changed its place meanwhile may be missing or come again.
            Err(Trouble::Refused { status: 404, .. }) => {
                self.forget();
                let point = self.point(store, now, now).await?;
                self.at(point, &body).await?
            }
            answer => answer?,
        };
        let point = answer.pit_id.clone();
        of(&answer, limit, |_, after| Continued { point, after, ..from.clone() })
    }

    async fn at(&self, point: String, body: &serde_json::Value) -> Result<Answer, Trouble> {
        let mut body = body.clone();
        body["pit"] = json!({"id": point, "keep_alive": KEPT});
        Answer::read(&self.client.search(None, &body, self.budget).await?)
    }

    /// A point in time for a list that began at `begun`: the instance's, another instance's, or a new one.
    async fn point(&self, store: &Store, begun: Instant, now: Instant) -> Result<String, Trouble> {
        let kept = self.points.0.lock().ok().and_then(|point| point.clone());
        if let Some(point) = kept.filter(|point| point.serves(begun, now)) {
            return Ok(point.id);
        }
        let shared = store.search_point().await.map_err(|error| Trouble::Silent(error.to_string()))?;
        let point = match shared.filter(|point| point.serves(begun, now)) {
            Some(point) => point,
            None => {
                let path = format!("/{}/_search/point_in_time?keep_alive={KEPT}", self.read);
                let call = Call { method: "POST", path: &path, body: b"" };
                let opened: Opened = read(&self.client.once(call, self.budget).await?)?;
                let point = Point { id: opened.pit_id, opened: now };
                // Only sharing fails when this fails.
                if let Err(error) = store.share_search_point(&point).await {
                    tracing::warn!(%error, "a point in time is not shared");
                }
                point
            }
        };
        if let Ok(mut kept) = self.points.0.lock() {
            *kept = Some(point.clone());
        }
        Ok(point.id)
    }

    fn forget(&self) {
        if let Ok(mut kept) = self.points.0.lock() {
            *kept = None;
        }
    }
}

/// The page of an answer that was asked for one hit more than `limit`. `next` gets the page and the
/// place of its last hit.
fn of(
    answer: &Answer,
    limit: usize,
    next: impl FnOnce(&IndexPage, String) -> Continued,
) -> Result<IndexPage, Trouble> {
    let mut candidates = answer.candidates()?;
    let goes_on = candidates.len() > limit;
    candidates.truncate(limit);
    let last = candidates.len().checked_sub(1).and_then(|last| answer.place(last));
    let mut page = IndexPage { candidates, total: answer.total(), facets: answer.facets()?, next: None };
    page.next = last.filter(|_| goes_on).map(|last| next(&page, last));
    Ok(page)
}

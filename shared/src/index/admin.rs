//! Versions of the index. Each has a name of its own; changes are written to all that one
//! alias stands for, searches read the one that another stands for. A new version is created,
//! written to from then on, filled from the projections, and only then read: searches never see it
//! half full, and never stop.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::client::{Call, PATIENT};
use super::write::REMEMBERED;
use super::{Index, request};
use crate::clock;
use crate::error::Result;
use crate::search::query::{Area, Query, Sort};
use crate::stay::{Nights, add_days};
use crate::store::Store;

const MAPPING: &str = include_str!("../../../infra/search/index.json");
const SYNONYMS: &str = include_str!("../../../infra/search/synonyms.txt");

/// How many documents one call writes while the index is filled, and how many calls run at a time.
const AT_ONCE: usize = 250;
const AT_A_TIME: usize = 2;

/// What is wanted of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Order {
    /// Makes the index anew even where it is as the code wants it.
    pub anew: bool,
    /// Goes on with a filling that ran out of time; where there is none any more, it means nothing.
    pub from: Option<String>,
}

/// What has come of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The version of the index that it was about.
    pub index: String,
    /// How many projections were written.
    pub documents: usize,
    /// Whether searches read it now.
    pub done: bool,
    /// Where to go on when they do not yet.
    pub next: Option<String>,
}

/// What the index is made with: settings, analyzers, synonyms, the fields' types.
fn definition() -> Value {
    let mut definition: Value = serde_json::from_str(MAPPING).expect("infra/search/index.json is JSON");
    let groups = SYNONYMS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    definition["settings"]["analysis"]["filter"]["synonyms"]["synonyms"] = groups.collect();
    definition
}

/// Names the definition: another definition has another fingerprint. template.yaml has it too, so
/// that a deployment that changes it applies it.
#[must_use]
pub fn fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
        let hash = digest(&SHA256, definition().to_string().as_bytes());
        let mut name = String::with_capacity(12);
        for byte in &hash.as_ref()[..6] {
            let _ = write!(name, "{byte:02x}");
        }
        name
    });
    &FINGERPRINT
}

impl Index {
    /// Brings the index to the code's definition: nothing to do where searches read it already, else
    /// a new version is created, filled, and read. Gives up filling after `time`; the next call goes on.
    ///
    /// # Errors
    /// `Unavailable` when index or store did not answer; calling again is safe and goes on.
    pub async fn apply(&self, store: &Store, order: &Order, time: Duration) -> Result<Outcome> {
        let until = Instant::now() + time;
        let (read, written) =
            (self.indices_behind(&self.read).await?, self.indices_behind(&self.write).await?);
        let prefix = self.prefix();
        let is_wanted = |index: &&String| index.starts_with(&prefix);
        let begun = written.iter().filter(|index| !read.contains(index)).find(is_wanted);
        let from = order.from.clone().filter(|_| begun.is_some());
        if let Some(index) = read.iter().find(is_wanted).filter(|_| !order.anew && from.is_none()) {
            // What another definition began, and a rollback has left behind.
            let abandoned = written.iter().filter(|index| !read.contains(index) && !is_wanted(index));
            self.change_aliases(abandoned.map(removal).collect()).await?;
            return Ok(Outcome { index: index.clone(), documents: 0, done: true, next: None });
        }
        let index = match begun {
            Some(index) => index.clone(),
            None => {
                let taken =
                    written.iter().chain(&read).filter_map(|index| index.rsplit('-').next()?.parse().ok());
                let index = format!("{prefix}{}", taken.max().unwrap_or(0_u32) + 1);
                self.create(&index).await?;
                if !written.is_empty() {
                    // Until then some writers know only the versions before.
                    sleep(REMEMBERED).await;
                }
                index
            }
        };
        let (documents, next) = self.fill(store, &index, from, until).await?;
        if next.is_none() {
            let before: BTreeSet<&String> = read.iter().chain(&written).collect();
            self.read_from(&index, before, store.clock.now()).await?;
        }
        Ok(Outcome { index, documents, done: next.is_none(), next })
    }

    /// What the names of versions with the code's own definition begin with.
    pub(super) fn prefix(&self) -> String {
        format!("{}-{}-", self.read, fingerprint())
    }

    /// Makes everything that was written searchable.
    ///
    /// # Errors
    /// `Unavailable` when the index did not answer.
    pub async fn refresh(&self) -> Result<()> {
        let path = format!("/{}/_refresh", self.write);
        self.client.patiently(Call { method: "POST", path: &path, body: b"" }).await?;
        Ok(())
    }

    async fn create(&self, index: &str) -> Result<()> {
        // A late write to a version that was removed must not bring it back with guessed types.
        let settings =
            json!({"persistent": {"action.auto_create_index": format!("-{}-*,+*", self.read)}}).to_string();
        let call = Call { method: "PUT", path: "/_cluster/settings", body: settings.as_bytes() };
        self.client.patiently(call).await?;
        let mut body = definition();
        body["aliases"] = json!({self.write.as_str(): {}});
        let (path, body) = (format!("/{index}"), body.to_string());
        self.client.patiently(Call { method: "PUT", path: &path, body: body.as_bytes() }).await?;
        tracing::info!(index, "a new version of the index");
        Ok(())
    }

    /// Writes all projections to a version of the index, until time is up: how many, and where to go on.
    async fn fill(
        &self,
        store: &Store,
        index: &str,
        mut from: Option<String>,
        until: Instant,
    ) -> Result<(usize, Option<String>)> {
        let mut documents = 0;
        loop {
            let page = store.filed_page(from.as_deref()).await?;
            documents += page.filed.len();
            let writes: Vec<_> = page.filed.chunks(AT_ONCE).map(|part| self.write_to(index, part)).collect();
            // What the index refuses is in the log; the rest of the city is not kept waiting for it.
            let _: Vec<Vec<usize>> = stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect().await?;
            match page.next {
                None => return Ok((documents, None)),
                Some(next) if Instant::now() >= until => return Ok((documents, Some(next))),
                Some(next) => from = Some(next),
            }
        }
    }

    /// Makes the index compile what searches ask of it, so that no guest waits for that.
    async fn warm_up(&self, index: &str, now: clock::Instant) -> Result<()> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut query = Query::everything(Area::World);
        query.stay = Nights::between(add_days(today, 7), add_days(today, 9));
        query.min_price = Some(1);
        for sort in [Sort::Relevance, Sort::Price] {
            query.sort = sort;
            self.client.search(Some(index), &request::page(&query, now, 1), PATIENT).await?;
        }
        Ok(())
    }

    /// Lets searches read this version, and removes those that were read or written before.
    async fn read_from(&self, index: &str, before: BTreeSet<&String>, now: clock::Instant) -> Result<()> {
        self.refresh().await?;
        self.warm_up(index, now).await?;
        let mut actions = vec![json!({"add": {"index": index, "alias": self.read}})];
        actions.extend(before.into_iter().filter(|old| *old != index).map(removal));
        self.change_aliases(actions).await?;
        tracing::info!(index, "searches read it");
        Ok(())
    }

    async fn change_aliases(&self, actions: Vec<Value>) -> Result<()> {
        if actions.is_empty() {
            return Ok(());
        }
        let body = json!({"actions": actions}).to_string();
        self.client.patiently(Call { method: "POST", path: "/_aliases", body: body.as_bytes() }).await?;
        Ok(())
    }
}

fn removal(index: &String) -> Value {
    json!({"remove_index": {"index": index}})
}

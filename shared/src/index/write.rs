//! Writing projections to the index: every version of it that is being written, under the
//! projection's own version, so that a late write never overwrites a newer one.

use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Index;
use super::answer::read;
use super::client::{Call, Trouble};
use super::document::document;
use crate::error::{Error, Result};
use crate::ids::UnitId;
use crate::planted::{self, Bug};
use crate::search::projection::Projection;

/// How long an instance remembers which versions of the index are written. A new version is filled
/// only after this, when everybody writes to it.
pub(super) const REMEMBERED: Duration = Duration::from_secs(10);

/// What search knows of a unit in one place of the store.
#[derive(Clone, Debug)]
pub struct Filed {
    /// The unit.
    pub unit: UnitId,
    /// Counts the unit's projections.
    pub version: u64,
    /// Its projection; `None` for the mark that it has left the place.
    pub projection: Option<Projection>,
}

impl Filed {
    /// The version of its document. The mark that a unit leaves in one place counts less than its
    /// projection in another of the same version: whichever is written first, the unit is found.
    fn external(&self) -> u64 {
        2 * self.version + u64::from(self.projection.is_some())
    }

    fn lines(&self, index: &str, lines: &mut String) {
        let target = json!({
            "_index": index,
            "_id": self.unit,
            "version": self.external(),
            "version_type": "external",
        });
        let target = if planted::is(Bug::IndexWithoutVersion) {
            json!({ "_index": index, "_id": self.unit })
        } else {
            target
        };
        match &self.projection {
            Some(projection) => {
                lines.push_str(&json!({"index": target}).to_string());
                lines.push('\n');
                lines.push_str(&document(projection, self.version).to_string());
            }
            None => lines.push_str(&json!({"delete": target}).to_string()),
        }
        lines.push('\n');
    }
}

/// Which versions of the index are written.
#[derive(Debug, Default)]
pub(super) struct Targets(Mutex<Option<(Duration, Vec<String>)>>);

#[derive(Deserialize)]
struct Written {
    items: Vec<Value>,
}

impl Index {
    /// Brings the documents of units up to what is filed of them; the places in `filed` of those that
    /// the index refuses to take. What only a version of another definition refuses, which is on its way
    /// out or was never read, is in the log.
    ///
    /// # Errors
    /// `Unavailable` when the index did not answer; calling again is safe and finishes the work.
    pub async fn write(&self, filed: &[Filed]) -> Result<Vec<usize>> {
        let mut refused = Vec::new();
        let (targets, own) = (self.targets().await?, self.prefix());
        let is_alone = targets.len() == 1;
        for index in targets {
            let places = self.write_to(&index, filed).await?;
            if is_alone || index.starts_with(&own) {
                refused.extend(places);
            }
        }
        refused.sort_unstable();
        refused.dedup();
        Ok(refused)
    }

    /// Writes to one version of the index.
    pub(super) async fn write_to(&self, index: &str, filed: &[Filed]) -> Result<Vec<usize>> {
        if filed.is_empty() {
            return Ok(Vec::new());
        }
        let mut lines = String::new();
        for filed in filed {
            filed.lines(index, &mut lines);
        }
        let call = Call {
            method: "POST",
            path: "/_bulk?filter_path=items.*.status,items.*.error",
            body: lines.as_bytes(),
        };
        let written: Written = read(&self.client.patiently(call).await?)?;
        if written.items.len() != filed.len() {
            return Err(Error::unavailable("index: a bulk answer of another length"));
        }
        let mut refused = Vec::new();
        for (place, item) in written.items.iter().enumerate() {
            let outcome = item.as_object().and_then(|item| item.values().next()).unwrap_or(&Value::Null);
            match outcome["status"].as_u64().unwrap_or_default() {
                // 404: nothing to delete. 409: something newer is there.
                200..300 | 404 | 409 => {}
                429 | 500.. => return Err(Error::unavailable(format!("index: {outcome}"))),
                _ => {
                    tracing::error!(unit = %filed[place].unit, %outcome, "the index refuses a document");
                    refused.push(place);
                }
            }
        }
        Ok(refused)
    }

    /// The versions of the index that are written.
    async fn targets(&self) -> Result<Vec<String>> {
        let kept = self.written.0.lock().ok().and_then(|kept| kept.clone());
        if let Some((_, targets)) = kept.filter(|(since, _)| self.clock.passed() < *since + REMEMBERED) {
            return Ok(targets);
        }
        let targets = match self.indices_behind(&self.write).await {
            Ok(targets) if !targets.is_empty() => targets,
            Ok(_) => return Err(Error::unavailable("index: no version of it is there yet")),
            Err(trouble) => return Err(trouble.into()),
        };
        if let Ok(mut kept) = self.written.0.lock() {
            *kept = Some((self.clock.passed(), targets.clone()));
        }
        Ok(targets)
    }

    /// The versions of the index that an alias stands for.
    pub(super) async fn indices_behind(&self, alias: &str) -> std::result::Result<Vec<String>, Trouble> {
        let path = format!("/_alias/{alias}");
        match self.client.patiently(Call { method: "GET", path: &path, body: b"" }).await {
            Ok(body) => {
                let indices: serde_json::Map<String, Value> = read(&body)?;
                Ok(indices.into_iter().map(|(index, _)| index).collect())
            }
            Err(Trouble::Refused { status: 404, .. }) => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }
}

//! What the index is made of: projections as they are filed in the cells, read again when their
//! stream tells that they have changed, and all of them in turn when the index is made anew; and the
//! point in time that searches share.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::{Item, Store, fault, item, key_of, record};
use crate::clock::{Duration, Instant};
use crate::error::{Error, Result};
use crate::index::{Filed, Point};
use crate::search::projection::Projection;

/// The most keys that one call reads.
const MOST_AT_ONCE: usize = 100;
/// How often what the store left out is asked for again.
const TRIES: u32 = 6;

/// Projections read in turn.
#[derive(Debug)]
pub struct FiledPage {
    /// Some of them.
    pub filed: Vec<Filed>,
    /// Where to go on; `None` when these were the last.
    pub next: Option<String>,
}

/// Where a reading of all projections goes on.
#[derive(Serialize, Deserialize)]
struct Onward {
    partition: String,
    sort: String,
}

#[derive(Serialize, Deserialize)]
struct SharedPoint {
    point: String,
    opened: i64,
    expires: i64,
}

impl Store {
    /// What is filed under these keys now, read strongly. Costs one read unit for each 4 KB.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn filed(&self, places: &[Key]) -> Result<Vec<Filed>> {
        let mut filed = Vec::with_capacity(places.len());
        for some in places.chunks(MOST_AT_ONCE) {
            let keys: Vec<Item> = some.iter().map(|place| key_of(keys::PROJECTIONS, place)).collect();
            let mut waiting = keys;
            for tried in 0.. {
                let (found, left) = self.filed_once(waiting).await?;
                filed.extend(found);
                if left.is_empty() {
                    break;
                }
                if tried == TRIES {
                    return Err(Error::unavailable("store: projections are left unread"));
                }
                self.pause(tried).await;
                waiting = left;
            }
        }
        Ok(filed)
    }

    /// Some of these keys' projections, and the keys that the store left for another call.
    async fn filed_once(&self, wanted: Vec<Item>) -> Result<(Vec<Filed>, Vec<Item>)> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true);
        let read = self
            .client
            .batch_get_item()
            .request_items(&self.tables.projections, wanted.build().map_err(Error::internal)?)
            .send()
            .await
            .map_err(fault)?;
        let found = read.responses.unwrap_or_default().into_values().flatten();
        let found = found.map(|item| filed_of_item(&item)).collect::<Result<Vec<_>>>()?;
        let left = read.unprocessed_keys.unwrap_or_default().into_values();
        Ok((found.into_iter().flatten().collect(), left.flat_map(|left| left.keys).collect()))
    }

    /// All projections in turn, from the beginning or from where another page ended.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer; `Invalid` for what is no place to go on from.
    pub async fn filed_page(&self, from: Option<&str>) -> Result<FiledPage> {
        let from: Option<Onward> = from
            .map(|from| {
                serde_json::from_str(from).map_err(|_| Error::invalid("/from", "is no place to go on from"))
            })
            .transpose()?;
        let from = from.map(|Onward { partition, sort }| key_of(keys::PROJECTIONS, &Key { partition, sort }));
        let read = self
            .client
            .scan()
            .table_name(&self.tables.projections)
            .filter_expression("attribute_exists(#projection)")
            .expression_attribute_names("#projection", "projection")
            .set_exclusive_start_key(from)
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        // One that cannot be read is left out here: it must not keep all others from the index.
        let left_out = |error: &Error| tracing::error!(%error, "a projection is left out of the index");
        let filed = read.items.unwrap_or_default();
        let filed = filed.iter().filter_map(|item| filed_of_item(item).inspect_err(left_out).ok());
        let next = read.last_evaluated_key.and_then(|key| {
            let text = |name: &str| key.get(name).and_then(|value| value.as_s().ok()).cloned();
            let onward = Onward { partition: text(keys::PROJECTIONS.0)?, sort: text(keys::PROJECTIONS.1)? };
            serde_json::to_string(&onward).ok()
        });
        Ok(FiledPage { filed: filed.flatten().collect(), next })
    }

    /// The newest point in time of the index that searches share.
    pub(crate) async fn search_point(&self) -> Result<Option<Point>> {
        let found = self.directory_item(&keys::search_point()).await?;
        let shared: Option<SharedPoint> = found.map(record).transpose()?;
        Ok(shared.and_then(|shared| {
            let opened = Instant::from_millisecond(shared.opened).ok()?;
            Some(Point { id: shared.point, opened })
        }))
    }

    /// Shares a point in time with all searches that go on.
    pub(crate) async fn share_search_point(&self, point: &Point) -> Result<()> {
        let shared = SharedPoint {
            point: point.id.clone(),
            opened: point.opened.as_millisecond(),
            expires: (point.opened + Duration::from_hours(1)).as_second(),
        };
        self.client
            .put_item()
            .table_name(&self.tables.projections)
            .set_item(Some(item(keys::PROJECTIONS, &keys::search_point(), &shared)?))
            .send()
            .await
            .map_err(fault)?;
        Ok(())
    }
}

/// Where the projection is filed that a change of the projections is about; `None` for what is no
/// projection.
#[must_use]
pub fn place_of_change(changed: &serde_dynamo::Item) -> Option<Key> {
    let text = |name: &str| match changed.inner().get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    };
    let key = Key { partition: text(keys::PROJECTIONS.0)?, sort: text(keys::PROJECTIONS.1)? };
    keys::is_cell(&key.partition).then_some(key)
}

/// What an item files; `None` for items that file nothing.
fn filed_of_item(item: &Item) -> Result<Option<Filed>> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let Some(unit) = text(keys::PROJECTIONS.1).and_then(|unit| unit.parse().ok()) else { return Ok(None) };
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let version = version.ok_or_else(|| Error::internal("a projection without a version"))?;
    let bytes = item.get("projection").and_then(|bytes| bytes.as_b().ok());
    let projection = bytes.map(|bytes| Projection::from_bytes(bytes.as_ref())).transpose()?;
    Ok(Some(Filed { unit, version, projection }))
}

impl Store {
    /// A pause before what the store left out is asked for again.
    async fn pause(&self, tried: u32) {
        let longest = 50_u64 << tried.min(5);
        self.clock.sleep(std::time::Duration::from_millis(self.entropy.below(longest + 1))).await;
    }
}

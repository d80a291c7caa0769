//! Reading the cells of an area. A region's item counts how often each of its cells has changed, so
//! that an instance keeps the cells it has read and reads again only those that have changed: a
//! search of a city costs a handful of small reads however many listings it has.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::keys::{self, Key};
use super::{Item, Store, fault, key_of, text};
use crate::error::{Error, Result};
use crate::geo::Bounds;
use crate::geo::cells::{Cell, Cover, Region};
use crate::search::projection::{Candidate, Projection};
use crate::search::query::Area;

/// Every candidate of an area and its surroundings, by cell.
#[derive(Debug)]
pub struct Candidates(Vec<Arc<Vec<Candidate>>>);

impl Candidates {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.0.iter().flat_map(|cell| cell.iter())
    }
}

/// How many reads run at a time.
const AT_A_TIME: usize = 16;
/// How many regions are read without asking first which of them have listings.
const FEW_REGIONS: usize = 16;

impl Store {
    /// The candidates of every cell that the area touches.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn candidates(&self, area: &Area) -> Result<Candidates> {
        let occupied = self.occupied_cells(area).await?;
        let reads = stream::iter(occupied).map(|(cell, changes)| self.cell(cell, changes));
        Ok(Candidates(reads.buffer_unordered(AT_A_TIME).try_collect().await?))
    }

    /// The cells of an area that have or had listings, and how often each has changed.
    async fn occupied_cells(&self, area: &Area) -> Result<Vec<(Cell, u64)>> {
        let (regions, wanted): (Vec<Region>, Box<dyn Fn(Cell) -> bool + Send + Sync>) = match area {
            Area::Town(town) => {
                let mut cells = BTreeSet::new();
                for city in town.cities() {
                    cells.extend(self.directory::<Cell>(&keys::city(city)).await?);
                }
                let regions: BTreeSet<Region> = cells.iter().map(|cell| cell.region()).collect();
                (regions.into_iter().collect(), Box::new(move |cell| cells.contains(&cell)))
            }
            area => {
                let cover = Cover::of(area.bounds().unwrap_or(Bounds::WORLD));
                let regions = match cover.regions(FEW_REGIONS) {
                    Some(regions) => regions,
                    None => {
                        let known = self.directory(&keys::regions()).await?;
                        known.into_iter().filter(|region| cover.has_region(*region)).collect()
                    }
                };
                (regions, Box::new(move |cell| cover.has(cell)))
            }
        };
        let reads = stream::iter(regions).map(|region| self.region(region));
        let cells: Vec<Vec<(Cell, u64)>> = reads.buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(cells.into_iter().flatten().filter(|(cell, _)| wanted(*cell)).collect())
    }

    /// The squares that a directory item lists.
    async fn directory<S: FromStr>(&self, key: &Key) -> Result<Vec<S>> {
        let item = self.directory_item(key).await?.unwrap_or_default();
        squares(&item)
    }

    /// The cells of a region, and how often each has changed.
    async fn region(&self, region: Region) -> Result<Vec<(Cell, u64)>> {
        let item = self.directory_item(&keys::region(region)).await?.unwrap_or_default();
        let cell = |(name, changes): (&String, &aws_sdk_dynamodb::types::AttributeValue)| {
            Some((name.parse().ok()?, changes.as_n().ok()?.parse().ok()?))
        };
        Ok(item.iter().filter_map(cell).collect())
    }

    pub(super) async fn directory_item(&self, key: &Key) -> Result<Option<Item>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, key)))
            .send()
            .await
            .map_err(fault)?;
        Ok(found.item)
    }

    /// The candidates of a cell, at least as new as its `changes`th change.
    async fn cell(&self, cell: Cell, changes: u64) -> Result<Arc<Vec<Candidate>>> {
        if let Some(kept) = self.cells.kept(cell, changes) {
            return Ok(kept);
        }
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.projections)
            .key_condition_expression("#place = :place")
            .expression_attribute_names("#place", keys::PROJECTIONS.0)
            .expression_attribute_values(":place", text(keys::cell(cell)))
            // What is kept under a count of changes must have all of them.
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let (mut candidates, mut unreadable) = (Vec::new(), 0);
        while let Some(item) = pages.next().await {
            match candidate_of_item(&item.map_err(fault)?) {
                Ok(candidate) => candidates.extend(candidate),
                // Its neighbours are found all the same.
                Err(error) => {
                    tracing::error!(%cell, %error, "a projection is left out of searches");
                    unreadable += 1;
                }
            }
        }
        if unreadable > 0 && candidates.is_empty() {
            return Err(Error::unavailable("no projection of a cell can be read"));
        }
        let candidates = Arc::new(candidates);
        self.cells.keep(cell, changes, &candidates);
        Ok(candidates)
    }
}

/// The squares that a directory item lists in its set.
pub(super) fn squares<S: FromStr>(item: &Item) -> Result<Vec<S>> {
    let listed = item.get("squares").and_then(|squares| squares.as_ss().ok());
    let square = |name: &String| name.parse().map_err(|_| Error::internal(format!("{name} is no square")));
    listed.into_iter().flatten().map(square).collect()
}

/// The candidate of an item; `None` for the mark that a projection has left.
fn candidate_of_item(item: &Item) -> Result<Option<Candidate>> {
    let Some(projection) = item.get("projection").and_then(|bytes| bytes.as_b().ok()) else {
        return Ok(None);
    };
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let version = version.ok_or_else(|| Error::internal("a projection without a version"))?;
    Ok(Some(Candidate::of(Projection::from_bytes(projection.as_ref())?, version)))
}

/// The cells that an instance has read, each with the count of changes it had then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    cells: HashMap<Cell, (u64, Arc<Vec<Candidate>>)>,
    candidates: usize,
}

/// How many candidates an instance keeps: 60 MB with thirty amenities each.
const MOST_KEPT: usize = 20_000;

impl Cells {
    fn kept(&self, cell: Cell, changes: u64) -> Option<Arc<Vec<Candidate>>> {
        let kept = self.0.lock().ok()?;
        // More changes than asked for: the directory was read a moment before.
        kept.cells.get(&cell).filter(|(had, _)| *had >= changes).map(|(_, candidates)| Arc::clone(candidates))
    }

    fn keep(&self, cell: Cell, changes: u64, candidates: &Arc<Vec<Candidate>>) {
        let Ok(mut kept) = self.0.lock() else { return };
        if kept.cells.get(&cell).is_some_and(|(had, _)| *had >= changes) {
            return;
        }
        if kept.candidates + candidates.len() > MOST_KEPT {
            *kept = Kept::default();
        }
        kept.candidates += candidates.len();
        if let Some((_, replaced)) = kept.cells.insert(cell, (changes, Arc::clone(candidates))) {
            kept.candidates -= replaced.len();
        }
    }
}

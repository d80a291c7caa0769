//! The daily reconciliation's side of the store: whole tables, read in parallel, and what came of it.

use std::mem;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::booking_record::booking_of_item;
use super::keys::{self, BOOKINGS, NIGHTS, USERS};
use super::ledger::entry_of_item;
use super::nights::night_of_item;
use super::{Item, Store, fault, item, record, text};
use crate::clock::Duration;
use crate::error::{Error, Result};
use crate::ids::UnitId;
use crate::night::Night;
use crate::reconciliation::{Filed, Report};

/// In how many parts a table is read at a time.
const SEGMENTS: i32 = 8;
/// How long reports are kept.
const MEMORY: Duration = Duration::from_hours(400 * 24);

#[derive(Serialize, Deserialize)]
struct ReportRecord {
    /// JSON: a list of differences is a third of the size of DynamoDB's own.
    report: String,
    /// Seconds since 1970: from then on the table may drop the item.
    expires: i64,
}

impl Store {
    /// Hands over every booking with its ledger, in no order, while the table may change: what is told of
    /// one id is of one moment or of several. Costs half a read unit for 4 KB, which is 130,000 for a
    /// million bookings of 1 KB.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn scan_bookings(&self, each: &(dyn Fn(Filed) + Send + Sync)) -> Result<()> {
        let of_segment = |segment: i32| async move {
            let mut items = self
                .client
                .scan()
                .table_name(&self.tables.bookings)
                .segment(segment)
                .total_segments(SEGMENTS)
                .into_paginator()
                .items()
                .send();
            // The items of one id follow each other, over the end of a page too.
            let mut group: Vec<Item> = Vec::new();
            while let Some(item) = items.next().await {
                let item = item.map_err(fault)?;
                if group.last().is_some_and(|last| last.get(BOOKINGS.0) != item.get(BOOKINGS.0)) {
                    each(filed(mem::take(&mut group)));
                }
                group.push(item);
            }
            if !group.is_empty() {
                each(filed(group));
            }
            Ok::<_, Error>(())
        };
        stream::iter(0..SEGMENTS).map(of_segment).buffer_unordered(8).try_collect().await
    }

    /// Hands over every night that has an item, or why it cannot be read; likewise. Costs half a read unit
    /// for 4 KB, which is 15,000 for a million nights of a home.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn scan_nights(&self, each: &(dyn Fn(Result<(UnitId, Night)>) + Send + Sync)) -> Result<()> {
        let of_segment = |segment: i32| async move {
            let mut items = self
                .client
                .scan()
                .table_name(&self.tables.nights)
                .segment(segment)
                .total_segments(SEGMENTS)
                .into_paginator()
                .items()
                .send();
            while let Some(item) = items.next().await {
                each(night_with_unit(&item.map_err(fault)?));
            }
            Ok::<_, Error>(())
        };
        stream::iter(0..SEGMENTS).map(of_segment).buffer_unordered(8).try_collect().await
    }

    /// Keeps what a run found. Costs a write unit for each KB: one where nothing differs, a hundred for a
    /// full report.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn keep_reconciliation(&self, report: &Report) -> Result<()> {
        let kept = ReportRecord {
            report: serde_json::to_string(report).map_err(Error::internal)?,
            expires: (report.at + MEMORY).as_second(),
        };
        self.client
            .put_item()
            .table_name(&self.tables.users)
            .set_item(Some(item(USERS, &keys::reconciliation(report.at), &kept)?))
            .send()
            .await
            .map_err(fault)?;
        Ok(())
    }

    /// What the latest run found; `None` before the first. Costs one read unit for each 4 KB of it.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn latest_reconciliation(&self) -> Result<Option<Report>> {
        let found = self
            .client
            .query()
            .table_name(&self.tables.users)
            .key_condition_expression("#owner = :reconciliations")
            .expression_attribute_names("#owner", USERS.0)
            .expression_attribute_values(":reconciliations", text(keys::RECONCILIATIONS))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        let Some(latest) = found.items.unwrap_or_default().into_iter().next() else { return Ok(None) };
        let kept: ReportRecord = record(latest)?;
        serde_json::from_str(&kept.report).map(Some).map_err(Error::internal)
    }
}

/// What the items of one id are: a booking, its ledger, and what is beside them.
fn filed(items: Vec<Item>) -> Filed {
    let name =
        |item: &Item, attribute: &str| item.get(attribute).and_then(|value| value.as_s().ok()).cloned();
    let id = items.first().and_then(|first| name(first, BOOKINGS.0)?.parse().ok());
    let mut filed = Filed { id, ..Filed::default() };
    for item in items {
        let sort = name(&item, BOOKINGS.1).unwrap_or_default();
        let read = if sort.starts_with(keys::LEDGER) {
            entry_of_item(item).map(|entry| filed.entries.push(entry))
        } else if id.is_some_and(|id| sort == keys::booking(id).sort) {
            booking_of_item(item).map(|booking| filed.booking = Some(booking))
        } else {
            Ok(())
        };
        if let Err(why) = read {
            return Filed::unreadable(id, &why);
        }
    }
    filed
}

fn night_with_unit(item: &Item) -> Result<(UnitId, Night)> {
    let unit = item.get(NIGHTS.0).map(AttributeValue::as_s);
    let unit = unit.and_then(std::result::Result::ok).and_then(|unit| unit.parse().ok());
    let unit =
        unit.ok_or_else(|| Error::internal(format!("a night of no unit: {:?}", item.get(NIGHTS.0))))?;
    Ok((unit, night_of_item(item)?))
}

//! The ledger's entries, beside their booking: each is written once, in the transaction of the change
//! that it belongs to, and never again.

use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::bookings::Advance;
use super::debts::Debt;
use super::take::MOST_TRIES;
use super::{Item, Store, fault, item, keys, record, text};
use crate::booking::Booking;
use crate::booking::trouble::PaymentIssue;
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{BookingId, PaymentId};
use crate::ledger::{Account, Entry, Movement};
use crate::money::Currency;
use crate::planted::{self, Bug};

/// What is written in the transaction of a booking's change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The entries of the money that moved.
    pub entries: &'a [Entry],
    /// What an operator has to know.
    pub issue: Option<&'a PaymentIssue>,
    /// What the host owes from then on.
    pub debt: Option<Debt>,
}

#[derive(Serialize, Deserialize)]
struct EntryRecord {
    movement: Movement,
    payment: PaymentId,
    at: i64,
    currency: Currency,
    amounts: Vec<(Account, i64)>,
}

impl Store {
    /// Writes a change of a booking with the entries of the money that it is about, all or nothing.
    /// Costs two write units for each.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer: it may have written, and then what stands is `after`.
    pub async fn advance_entering(
        &self,
        before: &Booking,
        after: Booking,
        entries: &[Entry],
    ) -> Result<Advance> {
        self.advance_with(before, after, &Beside { entries, ..Beside::default() }).await
    }

    /// The same with whatever else belongs to the change. Costs two write units for each.
    ///
    /// # Errors
    /// As [`Self::advance_entering`].
    pub async fn advance_with(
        &self,
        before: &Booking,
        after: Booking,
        beside: &Beside<'_>,
    ) -> Result<Advance> {
        let Beside { entries, issue, debt } = *beside;
        if entries.is_empty() && issue.is_none() && debt.is_none() {
            return self.advance(before, after).await;
        }
        if !entries.iter().all(Entry::is_balanced) {
            return Err(Error::internal(format!("an entry that does not sum to zero: {entries:?}")));
        }
        if planted::is(Bug::EntryOutsideTransaction) {
            let written = self.advance(before, after).await?;
            let entries = entries.iter().map(|entry| self.entering(entry)).collect::<Result<_>>()?;
            self.transact(entries).await?;
            return Ok(written);
        }
        let after = super::bookings::allowed(before, after)?;
        for tried in 0..MOST_TRIES {
            let mut items = vec![self.replace(before, &after)?];
            for entry in entries {
                items.push(self.entering(entry)?);
            }
            if let Some(issue) = issue {
                items.push(self.keeping_issue(issue)?);
            }
            if let Some(debt) = &debt {
                items.push(self.owing(debt)?);
            }
            let Some(cancelled) = self.transact(items).await? else { return Ok(Advance::Done(after)) };
            let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
            if cancelled.iter().any(failed) {
                // Another has written, or an earlier try of ours whose answer was lost.
                let standing = self.booking(before.id).await?;
                let ours = standing.as_ref() == Some(&after);
                return Ok(if ours { Advance::Done(after) } else { Advance::Lost });
            }
            self.wait(tried).await;
        }
        Err(Error::unavailable("the store did not take a ledger's entry"))
    }

    fn entering(&self, entry: &Entry) -> Result<TransactWriteItem> {
        let record = EntryRecord {
            movement: entry.movement,
            payment: entry.payment,
            at: entry.at.as_millisecond(),
            currency: entry.currency,
            amounts: entry.amounts.clone(),
        };
        let key = keys::ledger_entry(entry.booking, entry.number);
        let put = Put::builder()
            .table_name(&self.tables.bookings)
            .set_item(Some(item(keys::BOOKINGS, &key, &record)?))
            .condition_expression("attribute_not_exists(booking)");
        Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
    }

    /// A booking's ledger, oldest entry first, read strongly. Costs one read unit for about 20 entries.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn ledger_entries(&self, booking: BookingId) -> Result<Vec<Entry>> {
        let items: Vec<_> = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .key_condition_expression("booking = :booking AND begins_with(#item, :ledger)")
            .expression_attribute_names("#item", keys::BOOKINGS.1)
            .expression_attribute_values(":booking", text(booking))
            .expression_attribute_values(":ledger", text(keys::LEDGER))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(fault)?;
        items.into_iter().map(entry_of_item).collect()
    }
}

/// The entry of an item.
pub(super) fn entry_of_item(item: Item) -> Result<Entry> {
    let shape = || Error::internal("an entry of a ledger has another key");
    let named = |attribute: &str| item.get(attribute).and_then(|value| value.as_s().ok());
    let booking = named(keys::BOOKINGS.0).and_then(|id| id.parse().ok()).ok_or_else(shape)?;
    let number = named(keys::BOOKINGS.1).and_then(|sort| keys::number_of_entry(sort)).ok_or_else(shape)?;
    let record: EntryRecord = record(item)?;
    Ok(Entry {
        booking,
        number,
        movement: record.movement,
        payment: record.payment,
        at: Instant::from_millisecond(record.at).map_err(Error::internal)?,
        currency: record.currency,
        amounts: record.amounts,
    })
}

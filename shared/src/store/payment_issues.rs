//! What stands in the way of bookings' money, beside each booking. Those that an operator has to look at
//! wait in the index of what is due, oldest first.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::{Store, fault, item, key_of, keys, number, record, text};
use crate::booking::trouble::PaymentIssue;
use crate::error::{Error, Result};
use crate::ids::BookingId;

#[derive(Serialize, Deserialize)]
struct IssueRecord {
    issue: PaymentIssue,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
}

/// Where an issue stands in the list of the open ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuePosition {
    /// Whose money.
    pub booking: BookingId,
    /// Milliseconds since 1970: since when, which the list is sorted by.
    pub due_at: i64,
}

impl Store {
    /// What stands, or stood, in the way of a booking's money, read strongly. Costs a read unit for 4 KB.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn payment_issue(&self, booking: BookingId) -> Result<Option<PaymentIssue>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(keys::BOOKINGS, &keys::payment_issue(booking))))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        Ok(found.item.map(record::<IssueRecord>).transpose()?.map(|record| record.issue))
    }

    /// A page of the open issues, oldest first, after `after`: at most `limit`, and where the list goes on.
    /// Costs half a read unit, and one for each issue.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn open_issues(
        &self,
        after: Option<&IssuePosition>,
        limit: usize,
    ) -> Result<(Vec<PaymentIssue>, Option<IssuePosition>)> {
        let start = after.map(|position| {
            let mut start = key_of(keys::BOOKINGS, &keys::payment_issue(position.booking));
            start.insert("due".to_owned(), text(keys::OPEN_ISSUES));
            start.insert("due_at".to_owned(), number(position.due_at));
            start
        });
        let page = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .index_name(keys::BOOKINGS_BY_DUE)
            .key_condition_expression("due = :due")
            .expression_attribute_values(":due", text(keys::OPEN_ISSUES))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(fault)?;
        let positions: Vec<IssuePosition> =
            page.items.unwrap_or_default().into_iter().map(record).collect::<Result<_>>()?;
        let mut issues = Vec::with_capacity(positions.len());
        for position in &positions {
            // Closed since, or the index is behind: then it is none.
            issues.extend(self.payment_issue(position.booking).await?.filter(|issue| issue.is_open));
        }
        let last = positions.into_iter().last().filter(|_| page.last_evaluated_key.is_some());
        Ok((issues, last))
    }

    /// Keeps an issue, if nobody else has changed it since it was read; whether it is kept. Costs a write
    /// unit a KB, and up to two more for the index.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn keep_issue(&self, issue: &PaymentIssue) -> Result<bool> {
        Ok(self.transact(vec![self.keeping_issue(issue)?]).await?.is_none())
    }

    /// The write of an issue as part of a transaction: on condition that it is the next version.
    pub(super) fn keeping_issue(&self, issue: &PaymentIssue) -> Result<TransactWriteItem> {
        let record = IssueRecord {
            issue: issue.clone(),
            version: issue.version,
            due: issue.is_open.then(|| keys::OPEN_ISSUES.to_owned()),
            due_at: issue.is_open.then(|| issue.since.as_millisecond()),
        };
        let put = Put::builder()
            .table_name(&self.tables.bookings)
            .set_item(Some(item(keys::BOOKINGS, &keys::payment_issue(issue.booking), &record)?))
            .condition_expression("attribute_not_exists(booking) OR version = :version")
            .expression_attribute_values(":version", number(issue.version.saturating_sub(1)));
        Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
    }
}

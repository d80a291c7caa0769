//! What hosts owe the platform over all their stays, in each currency: penalties that are taken off payouts
//! to come. It changes only in the transaction of the booking's change that it belongs to, so that it is what
//! the entries on [`crate::ledger::Account::Debt`] sum to.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use serde::{Deserialize, Serialize};

use super::keys::{self, BOOKINGS};
use super::{Store, fault, item, key_of, number, record};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::money::Currency;

/// What a host owes, as it was read, and what he is to owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debt {
    host: UserId,
    currency: Currency,
    /// As it was read; `None` where nothing was ever owed.
    read: Option<i64>,
    owed: i64,
}

#[derive(Serialize, Deserialize)]
struct DebtRecord {
    /// Minor units.
    owed: i64,
}

impl Debt {
    /// How much is owed, in minor units; never below zero.
    #[must_use]
    pub const fn owed(&self) -> i64 {
        self.owed
    }

    /// The same with so much more owed, or less.
    #[must_use]
    pub const fn changed(self, by: i64) -> Self {
        Self { owed: self.owed + by, ..self }
    }
}

impl Store {
    /// What a host owes in a currency, read strongly. Costs one read unit.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn debt(&self, host: UserId, currency: Currency) -> Result<Debt> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(BOOKINGS, &keys::debt(host, currency))))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        let read = found.item.map(record::<DebtRecord>).transpose()?.map(|debt| debt.owed);
        Ok(Debt { host, currency, read, owed: read.unwrap_or_default() })
    }

    /// The write of a debt as part of a transaction: on condition that it is as it was read.
    pub(super) fn owing(&self, debt: &Debt) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.tables.bookings).set_item(Some(item(
            BOOKINGS,
            &keys::debt(debt.host, debt.currency),
            &DebtRecord { owed: debt.owed },
        )?));
        let put = match debt.read {
            None => put.condition_expression("attribute_not_exists(booking)"),
            Some(read) => {
                put.condition_expression("owed = :read").expression_attribute_values(":read", number(read))
            }
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
    }
}

//! Nights that a host keeps.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::nights::night_key;
use super::take::{Mark, Take};
use super::{Store, keys, text};
use crate::error::{Because, Error, Result};
use crate::listing::Terms;
use crate::night::{Night, Taken};
use crate::stay::{Date, Nights};

/// How many items a transaction of the store takes.
pub(super) const MOST_IN_A_TRANSACTION: u32 = 100;

impl Store {
    /// Blocks every night of `range` for the host's `reason`.
    ///
    /// # Errors
    /// `Conflict` `nights_booked` with the dates that are booked or held; then nothing is changed:
    /// what this call had blocked is as it was.
    pub async fn block(&self, terms: &Terms, range: Nights, reason: &str) -> Result<()> {
        let before = self.nights(terms.unit, range, true).await?;
        let mut blocked: Vec<Nights> = Vec::new();
        for chunk in range.chunks(MOST_IN_A_TRANSACTION) {
            let taken = self.take(terms.unit, chunk, None, Mark::Block(reason), &|| Ok(Vec::new())).await;
            let refused = match taken {
                Ok(Take::Done) => {
                    blocked.push(chunk);
                    continue;
                }
                Ok(Take::Refused(taken)) => {
                    let booked = |night: &crate::night::TakenNight| matches!(night.by, Taken::Booked(_));
                    let dates = taken.iter().filter(|night| booked(night)).map(|night| night.date).collect();
                    nights_booked(self.all_booked(terms, range, dates).await?)
                }
                Ok(Take::Overtaken) => Error::internal("a block has no companions"),
                Err(error) => error,
            };
            for chunk in blocked {
                self.restore(terms, chunk, &before, reason).await?;
            }
            return Err(refused);
        }
        Ok(())
    }

    /// Opens every night of `range` that the host keeps.
    pub async fn unblock(&self, terms: &Terms, range: Nights) -> Result<()> {
        let nights = self.nights(terms.unit, range, true).await?;
        let blocked: Vec<&Night> = nights.iter().filter(|night| night.blocked.is_some()).collect();
        for chunk in blocked.chunks(MOST_IN_A_TRANSACTION as usize) {
            let open = |night: &&Night| self.write_block(terms, night.date, None, None);
            let items = chunk.iter().map(open).collect::<Result<Vec<_>>>()?;
            self.transact_until_done(items).await?;
        }
        Ok(())
    }

    /// Every booked night of `range`, so that the host learns of all at once.
    async fn all_booked(&self, terms: &Terms, range: Nights, found: Vec<Date>) -> Result<Vec<Date>> {
        let taken = self.taken(terms.unit, 1, range, true).await?;
        let booked =
            taken.iter().filter(|night| matches!(night.by, Taken::Booked(_))).map(|night| night.date);
        let mut dates: Vec<Date> = booked.chain(found).collect();
        dates.sort_unstable();
        dates.dedup();
        Ok(dates)
    }

    /// Puts back what stood in nights that this call had blocked for `reason`, each by its own
    /// condition: where the host has changed a night meanwhile, the later word stands.
    async fn restore(&self, terms: &Terms, chunk: Nights, before: &[Night], reason: &str) -> Result<()> {
        for date in chunk.iter() {
            let old =
                before.iter().find(|night| night.date == date).and_then(|night| night.blocked.as_deref());
            let item = self.write_block(terms, date, old, Some(reason))?;
            self.transact_until_done(vec![item]).await?;
        }
        Ok(())
    }

    fn write_block(
        &self,
        terms: &Terms,
        date: Date,
        reason: Option<&str>,
        only_if: Option<&str>,
    ) -> Result<TransactWriteItem> {
        let mut update = Update::builder()
            .table_name(&self.tables.nights)
            .set_key(Some(night_key(&keys::night(terms.unit, date))));
        update = match reason {
            Some(reason) => update
                .update_expression("SET blocked = :reason")
                .expression_attribute_values(":reason", text(reason)),
            None => update.update_expression("REMOVE blocked"),
        };
        if let Some(only_if) = only_if {
            update = update
                .condition_expression("blocked = :only_if")
                .expression_attribute_values(":only_if", text(only_if));
        }
        let update = update.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes `items` again while they meet other transactions; where a condition fails, not at all.
    async fn transact_until_done(&self, items: Vec<TransactWriteItem>) -> Result<()> {
        for tried in 0..super::take::MOST_TRIES {
            match self.transact(items.clone()).await? {
                None => return Ok(()),
                Some(reasons)
                    if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) =>
                {
                    return Ok(());
                }
                Some(_) => self.wait(tried).await,
            }
        }
        Err(Error::unavailable("the nights were contended"))
    }
}

fn nights_booked(dates: Vec<Date>) -> Error {
    Error::Conflict {
        code: "nights_booked",
        detail: "Some of these nights are booked or held; nothing was blocked.".into(),
        because: Because::Dates(dates),
    }
}

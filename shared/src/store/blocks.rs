//! Nights that a host keeps.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::nights::night_key;
use super::take::{Mark, Take};
use super::{Store, keys, text};
use crate::error::{Because, Error, Result};
use crate::ids::base62;
use crate::listing::Terms;
use crate::night::{Night, Taken};
use crate::stay::{Date, Nights};

/// How many items a transaction of the store takes.
pub(super) const MOST_IN_A_TRANSACTION: u32 = 100;

/// What is written into the nights that a host keeps.
#[derive(Clone, Debug)]
pub struct Block {
    /// Why, for the host's calendar.
    pub reason: String,
    /// The host's note; an empty one is taken away, none given leaves what is there.
    pub note: Option<String>,
}

impl Block {
    /// Without a note.
    #[must_use]
    pub fn because(reason: &str) -> Self {
        Self { reason: reason.to_owned(), note: None }
    }
}

/// A call's own mark in the nights that it has blocked, by which it finds them again, and what stood in them before.
#[derive(Debug)]
pub(super) struct Blocked {
    id: String,
    before: Vec<Night>,
}

impl Store {
    /// Blocks every night of `range`.
    ///
    /// # Errors
    /// `Conflict` `nights_booked` with the dates that are booked or held; then nothing is changed:
    /// what this call had blocked is as it was.
    pub async fn block(&self, terms: &Terms, range: Nights, block: &Block) -> Result<()> {
        self.keep(terms, range, block).await.map(|_| ())
    }

    /// The same, and what it takes to undo it. All nights are read before the first is written, and so the undoing
    /// is for a booking that comes in between, in a range that is more than one transaction.
    pub(super) async fn keep(&self, terms: &Terms, range: Nights, block: &Block) -> Result<Blocked> {
        let mut ledger = self.ledger(terms.unit, range, true).await?;
        let booked = ledger.booked();
        if !booked.is_empty() {
            return Err(nights_booked(booked));
        }
        let id = base62(u128::from_be_bytes(self.entropy.bytes()));
        let blocked = Blocked { id, before: std::mem::take(&mut ledger.nights) };
        for chunk in range.chunks(MOST_IN_A_TRANSACTION) {
            let seen = ledger.with(blocked.before.iter().filter(|night| chunk.contains(night.date)));
            let mark = Mark::Block(block, &blocked.id);
            let (refused, end) =
                match self.take(terms.unit, chunk, Some(seen), mark, &|| Ok(Vec::new())).await {
                    Ok(Take::Done) => continue,
                    Ok(Take::Refused(taken)) => {
                        let mut dates = self.ledger(terms.unit, range, true).await?.booked();
                        let booked = taken.iter().filter(|night| matches!(night.by, Taken::Booked(_)));
                        dates.extend(booked.map(|night| night.date));
                        dates.sort_unstable();
                        dates.dedup();
                        (nights_booked(dates), chunk.first())
                    }
                    Ok(Take::Overtaken) => (Error::internal("a block has no companions"), chunk.first()),
                    // Where no answer came these are blocked too, perhaps.
                    Err(error) => (error, chunk.end()),
                };
            if let Some(done) = Nights::between(range.first(), end) {
                self.restore(terms, done, &blocked).await?;
            }
            return Err(refused);
        }
        Ok(blocked)
    }

    /// Opens every night of `range` that the host keeps.
    pub async fn unblock(&self, terms: &Terms, range: Nights) -> Result<()> {
        let nights = self.nights(terms.unit, range, true).await?;
        let blocked: Vec<&Night> = nights.iter().filter(|night| night.blocked.is_some()).collect();
        for chunk in blocked.chunks(MOST_IN_A_TRANSACTION as usize) {
            let open = |night: &&Night| self.write_block(terms, night.date, None, None);
            let items = chunk.iter().map(open).collect::<Result<Vec<_>>>()?;
            self.transact_if_free(items).await?;
        }
        Ok(())
    }

    /// Puts back what stood in nights of `range` before this call had blocked them: where the host has written
    /// to a night meanwhile, the later word stands.
    pub(super) async fn restore(&self, terms: &Terms, range: Nights, blocked: &Blocked) -> Result<()> {
        for chunk in range.chunks(MOST_IN_A_TRANSACTION) {
            let items = |range: Nights| -> Result<Vec<TransactWriteItem>> {
                let before = |date| blocked.before.iter().find(|night| night.date == date);
                range
                    .iter()
                    .map(|date| self.write_block(terms, date, before(date), Some(&blocked.id)))
                    .collect()
            };
            if !self.transact_if_free(items(chunk)?).await? {
                for item in items(chunk)? {
                    self.transact_if_free(vec![item]).await?;
                }
            }
        }
        Ok(())
    }

    /// What the host has to say of a night, as it stood `before`; `only_if` a call's mark is in it.
    fn write_block(
        &self,
        terms: &Terms,
        date: Date,
        before: Option<&Night>,
        only_if: Option<&str>,
    ) -> Result<TransactWriteItem> {
        let mut update = Update::builder()
            .table_name(&self.tables.nights)
            .set_key(Some(night_key(&keys::night(terms.unit, date))));
        let (mut set, mut remove) = (Vec::new(), vec!["block_id"]);
        let kept =
            [("blocked", before.map(|night| &night.blocked)), ("note", before.map(|night| &night.note))];
        for (name, value) in kept {
            match value.and_then(Option::as_ref) {
                Some(value) => {
                    set.push(format!("{name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), text(value));
                }
                None => remove.push(name),
            }
        }
        let set = if set.is_empty() { String::new() } else { format!("SET {} ", set.join(", ")) };
        update = update.update_expression(format!("{set}REMOVE {}", remove.join(", ")));
        if let Some(only_if) = only_if {
            update = update
                .condition_expression("block_id = :only_if")
                .expression_attribute_values(":only_if", text(only_if));
        }
        let update = update.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn nights_booked(dates: Vec<Date>) -> Error {
    Error::Conflict {
        code: "nights_booked",
        detail: "Some of these nights are booked or held; nothing was blocked.".into(),
        because: Because::Dates(dates),
    }
}

//! Taking nights: one transaction of conditional updates, one a night, with whatever belongs to
//! them. What stands in the way is answered by reason, and never half done.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::blocks::Block;
use super::bookings::Advance;
use super::nights::{Ledger, claims_value, night_key};
use super::{Store, fault, keys, text};
use crate::booking::Booking;
use crate::error::{Error, Reason, Result, Unsold};
use crate::ids::UnitId;
use crate::night::{Claim, Night, Taken, TakenNight};
use crate::planted::{self, Bug};
use crate::stay::Nights;

/// How often a transaction that met another is tried before the honest 503.
pub(super) const MOST_TRIES: u32 = 5;

/// What became of an attempt to take nights.
#[derive(Debug)]
pub(super) enum Take {
    /// Every night is taken, and everything that came along is written.
    Done,
    /// Nothing is: these nights are another's.
    Refused(Vec<TakenNight>),
    /// Nothing is: the condition of a companion failed.
    Overtaken,
}

/// What shall stand in the nights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark<'a> {
    /// A booking's claim, where no more than this many stand.
    Claim(Claim, u16),
    /// The host's word and the mark of the call, where no claim stands.
    Block(&'a Block, &'a str),
}

impl Store {
    /// Takes every night of `nights` or none. `companions` are written in the same transaction; they
    /// are asked for anew at each try. Reads before it writes, so that a loser who comes late writes
    /// nothing: eventually at first, unless the caller has `seen` the nights just now, strongly once a condition
    /// has failed.
    pub(super) async fn take(
        &self,
        unit: UnitId,
        nights: Nights,
        mut seen: Option<Ledger>,
        mark: Mark<'_>,
        companions: &(dyn Fn() -> Result<Vec<TransactWriteItem>> + Send + Sync),
    ) -> Result<Take> {
        let mark = match mark {
            Mark::Claim(claim, capacity) if planted::is(Bug::CapacityOffByOne) => {
                Mark::Claim(claim, capacity + 1)
            }
            mark => mark,
        };
        for tried in 0..MOST_TRIES {
            let ledger = match seen.take() {
                Some(seen) => seen,
                None => self.ledger(unit, nights, tried > 0).await?,
            };
            let taken = ledger.taken(match mark {
                Mark::Claim(_, capacity) => capacity,
                Mark::Block(..) => 1,
            });
            let in_the_way = |night: &TakenNight| {
                matches!((mark, &night.by), (Mark::Claim(..), _) | (_, Taken::Booked(_)))
            };
            let taken: Vec<TakenNight> = taken.into_iter().filter(in_the_way).collect();
            if !taken.is_empty() {
                return Ok(Take::Refused(taken));
            }
            if !self.expire_lapsed(&ledger, mark).await? {
                continue;
            }
            let mut items = companions()?;
            let companion_count = items.len();
            for date in nights.iter() {
                let night = ledger.nights.iter().find(|night| night.date == date);
                items.push(self.mark(unit, date, night, &ledger, mark)?);
            }
            match self.transact(items).await? {
                None => return Ok(Take::Done),
                Some(reasons) => {
                    let failed =
                        |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                    if reasons.iter().take(companion_count).any(failed) {
                        return Ok(Take::Overtaken);
                    }
                    if !reasons.iter().any(failed) {
                        self.wait(tried).await;
                    }
                }
            }
        }
        Err(Error::unavailable("the nights were contended"))
    }

    /// Writes that a lapsed booking has lapsed, where its claim has to be replaced: the first of the
    /// two steps, since a transaction may not touch an item twice. Not so of one that is no longer as it was
    /// read: it may have been paid meanwhile, which its nights do not show, and they must be looked at again.
    async fn expire_lapsed(&self, ledger: &Ledger, mark: Mark<'_>) -> Result<bool> {
        let replaced = ledger.nights.iter().filter(|night| must_replace(night, mark));
        let mut done = Vec::new();
        for claim in replaced.flat_map(|night| &night.claims).filter(|claim| !ledger.is_live(claim)) {
            if done.contains(&claim.booking) {
                continue;
            }
            done.push(claim.booking);
            if let Some(Some(booking)) = ledger.asked.get(&claim.booking)
                && let Some(after) = booking.lapsed(ledger.now)
                && let Advance::Lost = self.advance(booking, after).await?
                && !planted::is(Bug::LostLapseIgnored)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The update of one night.
    fn mark(
        &self,
        unit: UnitId,
        date: crate::stay::Date,
        seen: Option<&Night>,
        ledger: &Ledger,
        mark: Mark<'_>,
    ) -> Result<TransactWriteItem> {
        let update = Update::builder()
            .table_name(&self.tables.nights)
            .set_key(Some(night_key(&keys::night(unit, date))))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let replaced = seen.filter(|night| must_replace(night, mark));
        let update = match (mark, replaced) {
            (Mark::Claim(claim, capacity), None) => update
                .update_expression("ADD bookings :claim")
                .condition_expression(
                    "attribute_not_exists(blocked) AND (attribute_not_exists(bookings) OR size(bookings) < :capacity)",
                )
                .expression_attribute_values(":claim", claims_value([&claim]))
                .expression_attribute_values(":capacity", super::number(capacity)),
            (Mark::Claim(claim, _), Some(night)) => {
                let live = night.claims.iter().filter(|claim| ledger.is_live(claim));
                update
                    .update_expression("SET bookings = :new")
                    .condition_expression("attribute_not_exists(blocked) AND bookings = :seen")
                    .expression_attribute_values(":new", claims_value(live.chain([&claim])))
                    .expression_attribute_values(":seen", claims_value(&night.claims))
            }
            (Mark::Block(block, id), replaced) => blocked(update, block, id, replaced),
        };
        let update = update.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Gives back what a booking still has of `nights`, each by its own condition.
    pub(super) async fn release_leftovers(&self, booking: &Booking) -> Result<()> {
        let Some(claim) = booking.claim() else { return Ok(()) };
        let standing = self.nights(booking.unit, booking.stay, true).await?;
        for night in standing.iter().filter(|night| night.claims.contains(&claim)) {
            let update = self
                .client
                .update_item()
                .table_name(&self.tables.nights)
                .set_key(Some(night_key(&keys::night(booking.unit, night.date))))
                .update_expression("DELETE bookings :claim")
                .condition_expression("contains(bookings, :name)")
                .expression_attribute_values(":claim", claims_value([&claim]))
                .expression_attribute_values(":name", text(claim));
            if let Err(error) = self.past_transactions(|| update.clone().send()).await
                && !error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception())
            {
                return Err(fault(error));
            }
        }
        Ok(())
    }

    /// The updates that give back a booking's claim on every night of its stay.
    pub(super) fn releases(&self, booking: &Booking, claim: Claim) -> Result<Vec<TransactWriteItem>> {
        let release = |date| {
            let update = Update::builder()
                .table_name(&self.tables.nights)
                .set_key(Some(night_key(&keys::night(booking.unit, date))));
            if planted::is(Bug::ReleaseWithoutCondition) {
                let update = update.update_expression("REMOVE bookings").build().map_err(Error::internal)?;
                return Ok(TransactWriteItem::builder().update(update).build());
            }
            let update = update
                .update_expression("DELETE bookings :claim")
                .condition_expression("contains(bookings, :name)")
                .expression_attribute_values(":claim", claims_value([&claim]))
                .expression_attribute_values(":name", text(claim))
                .build()
                .map_err(Error::internal)?;
            Ok(TransactWriteItem::builder().update(update).build())
        };
        booking.stay.iter().map(release).collect()
    }

    /// Writes all of `items` or none. `Some` are the reasons of a transaction that was cancelled,
    /// one for each item.
    pub(super) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>> {
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(None) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons().to_vec();
                if reasons.iter().any(|reason| reason.code() == Some("ValidationError")) {
                    return Err(Error::internal(format!("a malformed transaction: {reasons:?}")));
                }
                Ok(Some(reasons))
            }
            // Another try of this very transaction, by the same token, is under way.
            Some(error) if error.code() == Some("TransactionInProgressException") => Ok(Some(Vec::new())),
            _ => Err(fault(error)),
        }
    }

    /// Writes all of `items`, again while they meet other transactions or are refused for a moment; `false`, and
    /// nothing, where a condition fails.
    ///
    /// # Errors
    /// `Unavailable` when they kept being refused.
    pub(super) async fn transact_if_free(&self, items: Vec<TransactWriteItem>) -> Result<bool> {
        for tried in 0..MOST_TRIES {
            match self.transact(items.clone()).await? {
                None => return Ok(true),
                Some(reasons)
                    if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) =>
                {
                    return Ok(false);
                }
                Some(_) => self.wait(tried).await,
            }
        }
        Err(Error::unavailable("what was to be written was contended"))
    }

    /// What a write of one item is answered, once no transaction is at that item or the tries are used up: the
    /// SDK takes that for final.
    pub(super) async fn past_transactions<T, E, R, F>(
        &self,
        write: impl Fn() -> F,
    ) -> std::result::Result<T, SdkError<E, R>>
    where
        F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
        E: ProvideErrorMetadata,
    {
        let mut tried = 0;
        loop {
            match Box::pin(write()).await {
                Err(error)
                    if error.code() == Some("TransactionConflictException") && tried + 1 < MOST_TRIES =>
                {
                    self.wait(tried).await;
                    tried += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Waits a little longer at each try, and not as long as the others do.
    pub(super) async fn wait(&self, tried: u32) {
        let longest = 20u64 << tried;
        self.clock.sleep(Duration::from_millis(longest / 2 + self.entropy.below(longest))).await;
    }
}

/// The update that blocks a night where no claim stands but those that are replaced.
fn blocked(update: UpdateBuilder, block: &Block, id: &str, replaced: Option<&Night>) -> UpdateBuilder {
    let (mut set, mut remove) = (vec!["blocked = :reason", "block_id = :id"], Vec::new());
    let mut update = update
        .expression_attribute_values(":reason", text(&block.reason))
        .expression_attribute_values(":id", text(id));
    match block.note.as_deref() {
        None => {}
        Some("") => remove.push("note"),
        Some(note) => {
            set.push("note = :note");
            update = update.expression_attribute_values(":note", text(note));
        }
    }
    update = match replaced {
        None => update.condition_expression("attribute_not_exists(bookings)"),
        Some(night) => {
            remove.push("bookings");
            update
                .condition_expression("bookings = :seen")
                .expression_attribute_values(":seen", claims_value(&night.claims))
        }
    };
    let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
    update.update_expression(format!("SET {}{remove}", set.join(", ")))
}

/// Whether the night's claims have to be replaced, since there is no room to add to them.
fn must_replace(night: &Night, mark: Mark<'_>) -> bool {
    match mark {
        Mark::Claim(_, capacity) => night.claims.len() >= usize::from(capacity),
        Mark::Block(..) => !night.claims.is_empty(),
    }
}

/// Taken nights as reasons why a stay cannot be sold.
pub(super) fn reasons(taken: &[TakenNight]) -> Vec<Reason> {
    let reason = |night: &TakenNight| Reason {
        date: Some(night.date),
        reason: match night.by {
            Taken::Booked(_) => Unsold::Booked,
            Taken::Blocked(_) => Unsold::Blocked,
        },
    };
    taken.iter().map(reason).collect()
}

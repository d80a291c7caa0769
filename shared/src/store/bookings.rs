//! Bookings in their table: made with their nights in one transaction, changed by one conditional
//! write a transition.

use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::blocks::MOST_IN_A_TRANSACTION;
pub use super::booking_reads::ListPosition;
pub use super::booking_record::booking_of_image;
use super::booking_record::{booking_item, booking_of_item};
pub use super::due::Due;
use super::keys::Key;
use super::nights::Ledger;
use super::take::{Mark, Take, reasons};
use super::{Store, fault, item, key_of, keys, number};
use crate::booking::answer::Details;
use crate::booking::{Booking, State};
use crate::error::{Error, Reason, Result};
use crate::ids::BookingId;
use crate::night::{Taken, TakenNight};
use crate::planted::{self, Bug};
use crate::stay::Nights;

/// What became of making a booking.
#[derive(Debug)]
pub enum Made {
    /// It is made, and has its nights.
    Done(Booking),
    /// Its nights are another's; nothing is made.
    Refused(Vec<Reason>),
    /// The same key has made one already, or is making it.
    Exists,
}

/// What became of a transition.
#[derive(Debug)]
pub enum Advance {
    /// It is written.
    Done(Booking),
    /// The booking is no longer as it was read; nothing is written.
    Lost,
}

impl Store {
    /// Makes a booking in the state it is given in. A request takes no nights; another takes all of
    /// its nights or none, in one transaction while they fit in one, else in chunks as
    /// [`State::Assembling`], invisible until the last. `seen` are its nights as they were read just now.
    pub async fn make(
        &self,
        booking: Booking,
        details: &Details,
        capacity: u16,
        seen: Ledger,
    ) -> Result<Made> {
        let Some(claim) = booking.claim() else {
            return self.make_request(booking, details, capacity).await;
        };
        let mark = Mark::Claim(claim, capacity);
        let own = if details.is_empty() { 1 } else { 2 };
        let chunks = booking.stay.chunks(MOST_IN_A_TRANSACTION - own);
        let first = match chunks.len() {
            1 => booking.clone(),
            _ => Booking { state: State::Assembling, ..booking.clone() },
        };
        let companions = || self.companions_of_new(&first, details);
        match self.take(booking.unit, chunks[0], Some(seen), mark, &companions).await? {
            Take::Done => {}
            Take::Refused(taken) => return Ok(refused(booking.id, &taken)),
            Take::Overtaken => return Ok(Made::Exists),
        }
        if chunks.len() == 1 {
            return Ok(Made::Done(booking));
        }
        self.assemble(first, &chunks[1..], booking.state, capacity).await
    }

    /// A request takes no night, but for nights that are gone there is nothing to ask.
    async fn make_request(&self, booking: Booking, details: &Details, capacity: u16) -> Result<Made> {
        let taken = self.taken(booking.unit, capacity, booking.stay, true).await?;
        if !taken.is_empty() {
            return Ok(refused(booking.id, &taken));
        }
        match self.transact(self.companions_of_new(&booking, details)?).await? {
            None => Ok(Made::Done(booking)),
            Some(_) => Ok(Made::Exists),
        }
    }

    fn companions_of_new(&self, booking: &Booking, details: &Details) -> Result<Vec<TransactWriteItem>> {
        let put = Put::builder()
            .table_name(&self.tables.bookings)
            .set_item(Some(booking_item(booking)?))
            .condition_expression("attribute_not_exists(booking)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut items = vec![TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build()];
        if !details.is_empty() {
            let put = Put::builder().table_name(&self.tables.bookings).set_item(Some(item(
                keys::BOOKINGS,
                &keys::booking_details(booking.id),
                details,
            )?));
            items.push(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        }
        Ok(items)
    }

    /// Takes the nights that a long stay still lacks, in ascending order; with the last of them it
    /// becomes visible in state `to`. Any refusal gives back all.
    async fn assemble(&self, booking: Booking, rest: &[Nights], to: State, capacity: u16) -> Result<Made> {
        let claim = booking.claim().ok_or_else(|| Error::internal("a long stay has a claim"))?;
        let complete = Booking { state: to, version: booking.version + 1, ..booking.clone() };
        for (index, chunk) in rest.iter().enumerate() {
            let last = index + 1 == rest.len();
            let companions = || {
                let now = self.clock.now();
                if booking.lapses_at <= now {
                    return Err(Error::unavailable("a long stay lapsed before it had its nights"));
                }
                Ok(vec![if last { self.replace(&booking, &complete)? } else { self.still(&booking)? }])
            };
            match self.take(booking.unit, *chunk, None, Mark::Claim(claim, capacity), &companions).await {
                Ok(Take::Done) => {}
                Ok(Take::Refused(taken)) => {
                    self.abandon(&booking).await?;
                    return Ok(refused(booking.id, &taken));
                }
                // Another has taken it over as lapsed; giving the rest back is its business now,
                // and the stream's.
                Ok(Take::Overtaken) => {
                    return Err(Error::unavailable("a long stay lapsed before it had its nights"));
                }
                Err(error) => {
                    self.abandon(&booking).await?;
                    return Err(error);
                }
            }
        }
        Ok(Made::Done(complete))
    }

    /// Gives up a long stay that did not get its nights: first its state, so that no chunk of it can
    /// still arrive, then its nights, then, unless it is a request, the booking itself; its key is
    /// free again.
    pub async fn abandon(&self, booking: &Booking) -> Result<()> {
        let after = if booking.mode == crate::booking::Mode::Requested {
            Booking {
                state: State::Requested,
                lapses_at: booking.created_at + crate::booking::TIME_TO_RESPOND,
                attempts: Vec::new(),
                ..booking.clone()
            }
        } else {
            Booking { state: State::Abandoned, ..booking.clone() }
        };
        let given_up = match booking.state {
            State::Assembling => match self.advance(booking, after).await? {
                Advance::Done(given_up) => given_up,
                Advance::Lost => return Ok(()),
            },
            _ => booking.clone(),
        };
        if !planted::is(Bug::ChunkLeftBehind) {
            self.release_leftovers(&given_up).await?;
        }
        if given_up.state == State::Abandoned {
            self.forget(&given_up).await?;
        }
        Ok(())
    }

    /// Removes an abandoned booking with its details: nobody has seen it, and its key may be used anew. It may have
    /// been since, for a booking of the same id and in time of the same version: its claim is another.
    async fn forget(&self, booking: &Booking) -> Result<()> {
        let of = |key: &Key| {
            Delete::builder().table_name(&self.tables.bookings).set_key(Some(key_of(keys::BOOKINGS, key)))
        };
        let itself = of(&keys::booking(booking.id))
            .condition_expression("#state = :abandoned AND version = :version AND claim_until = :until")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(
                ":abandoned",
                serde_dynamo::to_attribute_value(State::Abandoned).map_err(Error::internal)?,
            )
            .expression_attribute_values(":version", number(booking.version))
            .expression_attribute_values(
                ":until",
                number(booking.claim_until.map_or(0, crate::clock::Instant::as_millisecond)),
            );
        let mut deletes = vec![itself];
        if booking.has_details {
            deletes.push(of(&keys::booking_details(booking.id)));
        }
        let items = deletes.into_iter().map(|delete| {
            let delete = delete.build().map_err(Error::internal)?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        });
        // Where the condition fails it is gone already, or made anew.
        self.transact_if_free(items.collect::<Result<_>>()?).await.map(|_| ())
    }

    /// Accepts a request: takes its nights and starts its payment, all or nothing.
    pub async fn accept(&self, request: &Booking, accepted: Booking, capacity: u16) -> Result<Made> {
        let claim = accepted.claim().ok_or_else(|| Error::internal("an accepted request has a claim"))?;
        let chunks = accepted.stay.chunks(MOST_IN_A_TRANSACTION - 1);
        let to = accepted.state;
        let state = if chunks.len() == 1 { to } else { State::Assembling };
        let first = Booking { state, version: request.version + 1, ..accepted };
        let companions = || Ok(vec![self.replace(request, &first)?]);
        match self.take(first.unit, chunks[0], None, Mark::Claim(claim, capacity), &companions).await? {
            Take::Done if chunks.len() == 1 => Ok(Made::Done(first)),
            Take::Done => self.assemble(first, &chunks[1..], to, capacity).await,
            Take::Refused(taken) => Ok(refused(first.id, &taken)),
            Take::Overtaken => Ok(Made::Exists),
        }
    }

    /// Writes a transition that leaves the nights as they are. An answer that was lost is found
    /// again: what stands is then what we meant to write.
    pub async fn advance(&self, before: &Booking, after: Booking) -> Result<Advance> {
        let after = allowed(before, after)?;
        let put =
            self.client.put_item().table_name(&self.tables.bookings).set_item(Some(booking_item(&after)?));
        if planted::is(Bug::ConfirmWithoutFence) && after.state == State::Confirmed {
            put.send().await.map_err(fault)?;
            return Ok(Advance::Done(after));
        }
        let put = put
            .condition_expression("#state = :state AND version = :version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(
                ":state",
                serde_dynamo::to_attribute_value(before.state).map_err(Error::internal)?,
            )
            .expression_attribute_values(":version", number(before.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = self.past_transactions(|| put.clone().send()).await else {
            return Ok(Advance::Done(after));
        };
        match error.as_service_error() {
            Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
                failed,
            )) => {
                let standing = failed.item().cloned().map(booking_of_item).transpose()?;
                Ok(if standing.as_ref() == Some(&after) { Advance::Done(after) } else { Advance::Lost })
            }
            _ => Err(fault(error)),
        }
    }

    /// Writes a transition to a final state and gives all nights back, in one transaction while they
    /// fit in one. Otherwise the state comes first: from then on the claims are dead, and whoever
    /// meets one may take its night.
    pub async fn end(&self, before: &Booking, after: Booking) -> Result<Advance> {
        let Some(claim) = before.claim() else { return self.advance(before, after).await };
        if before.stay.count() < MOST_IN_A_TRANSACTION {
            let ended = allowed(before, after.clone())?;
            for tried in 0..super::take::MOST_TRIES {
                let mut items = vec![self.replace(before, &ended)?];
                items.extend(self.releases(before, claim)?);
                let Some(cancelled) = self.transact(items).await? else { return Ok(Advance::Done(ended)) };
                let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                if let Some(reason) = cancelled.first().filter(|reason| failed(reason)) {
                    // An earlier try may have been done, and its answer lost.
                    let standing = reason.item().cloned().map(booking_of_item).transpose()?;
                    let is_done = standing.as_ref() == Some(&ended);
                    return Ok(if is_done { Advance::Done(ended) } else { Advance::Lost });
                }
                if cancelled.iter().any(failed) {
                    // A night is no longer its own: give back the others one by one.
                    break;
                }
                self.wait(tried).await;
            }
        }
        let ended = self.advance(before, after).await?;
        if let Advance::Done(ended) = &ended {
            self.release_leftovers(ended).await?;
        }
        Ok(ended)
    }

    /// The write of a transition as part of a transaction.
    pub(super) fn replace(&self, before: &Booking, after: &Booking) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.tables.bookings).set_item(Some(booking_item(after)?));
        let unfenced = planted::is(Bug::SweeperWithoutStateCheck) && after.state == State::Expired
            || planted::is(Bug::ConfirmWithoutFence) && after.state == State::Confirmed;
        if unfenced {
            return Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        }
        let put = put
            .condition_expression("#state = :state AND version = :version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(
                ":state",
                serde_dynamo::to_attribute_value(before.state).map_err(Error::internal)?,
            )
            .expression_attribute_values(":version", number(before.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
    }

    /// The check, as part of a transaction, that a booking is as it was read.
    fn still(&self, booking: &Booking) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(keys::BOOKINGS, &keys::booking(booking.id))))
            .condition_expression("#state = :state AND version = :version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(
                ":state",
                serde_dynamo::to_attribute_value(booking.state).map_err(Error::internal)?,
            )
            .expression_attribute_values(":version", number(booking.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(Error::internal)?).build())
    }

    /// Gives back the nights that a booking no longer has a right to: what takers and crashes left.
    pub async fn release(&self, booking: &Booking) -> Result<()> {
        self.release_leftovers(booking).await
    }
}

/// Nights that this very key holds are no refusal: another call with it is at work.
fn refused(id: BookingId, taken: &[TakenNight]) -> Made {
    let own = |night: &TakenNight| matches!(night.by, Taken::Booked(by) if by == id);
    if taken.iter().any(own) { Made::Exists } else { Made::Refused(reasons(taken)) }
}

/// `after` as the next version, if the table has that way.
pub(super) fn allowed(before: &Booking, after: Booking) -> Result<Booking> {
    if before.state != after.state && !before.state.may_become(after.state) {
        return Err(Error::internal(format!("no way from {:?} to {:?}", before.state, after.state)));
    }
    Ok(Booking { version: before.version + 1, ..after })
}

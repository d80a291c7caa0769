//! Bookings as they are found: by id, by guest and host, by what is asked of a unit, and by what is due.

use super::booking_record::booking_of_item;
use super::due::Due;
use super::{Item, Store, fault, key_of, keys, number, record, text};
use crate::booking::answer::Details;
use crate::booking::{Booking, State};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{BookingId, ListingId, UnitId, UserId};

/// How many bookings a filter may look through for one page.
const MOST_LOOKED_AT: usize = 500;

impl Store {
    /// A booking, whatever its state, read strongly.
    pub async fn booking(&self, id: BookingId) -> Result<Option<Booking>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(keys::BOOKINGS, &keys::booking(id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        found.item.map(booking_of_item).transpose()
    }

    /// A booking that the contract knows, for one of its two parties.
    ///
    /// # Errors
    /// `NotFound` for one that does not exist, and for another's.
    pub async fn booking_of(&self, party: UserId, id: BookingId) -> Result<Booking> {
        self.booking(id)
            .await?
            .filter(|booking| booking.is_visible() && (booking.guest == party || booking.host == party))
            .ok_or(Error::NotFound)
    }

    /// Who stays and what they wrote, read strongly: they were written with the booking, which has been read.
    ///
    /// # Errors
    /// `Unavailable` when they are not there: the booking has just been given up.
    pub async fn details(&self, booking: &Booking) -> Result<Details> {
        if !booking.has_details {
            return Ok(Details::default());
        }
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.bookings)
            .set_key(Some(key_of(keys::BOOKINGS, &keys::booking_details(booking.id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault)?;
        found.item.map_or_else(|| Err(Error::unavailable("the booking is being given up")), record)
    }

    /// The bookings of these ids that exist, in no order.
    pub async fn bookings(&self, ids: &[BookingId], strong: bool) -> Result<Vec<Booking>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(100) {
            let keys: Vec<Item> =
                chunk.iter().map(|id| key_of(keys::BOOKINGS, &keys::booking(*id))).collect();
            for item in self.batch(&self.tables.bookings, keys, strong).await? {
                found.push(booking_of_item(item)?);
            }
        }
        Ok(found)
    }

    /// A page of the bookings of a guest or a host, latest check-in first: the ids with their
    /// position in the list, after `after`.
    pub async fn booking_ids_of(
        &self,
        party: UserId,
        as_host: bool,
        after: Option<&ListPosition>,
        limit: usize,
    ) -> Result<Vec<ListPosition>> {
        let (index, attribute) =
            if as_host { (keys::BOOKINGS_BY_HOST, "host") } else { (keys::BOOKINGS_BY_GUEST, "guest") };
        let start = after.map(|position| {
            let mut start = key_of(keys::BOOKINGS, &keys::booking(position.booking));
            start.insert(attribute.to_owned(), text(party));
            start.insert("check_in".to_owned(), text(&position.check_in));
            start
        });
        let page = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .index_name(index)
            .key_condition_expression("#party = :party")
            .expression_attribute_names("#party", attribute)
            .expression_attribute_values(":party", text(party))
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(fault)?;
        page.items.unwrap_or_default().into_iter().map(record).collect()
    }

    /// The next of a guest's or a host's bookings that `keep` makes something of, at most `wanted`, latest
    /// check-in first, and where the list goes on after them. Looks through [`MOST_LOOKED_AT`] of them or a
    /// few more: then there may be fewer, and the list goes on all the same.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer.
    pub async fn bookings_of<T>(
        &self,
        party: UserId,
        as_host: bool,
        mut after: Option<ListPosition>,
        wanted: usize,
        keep: impl Fn(Booking) -> Option<T>,
    ) -> Result<(Vec<T>, Option<ListPosition>)> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let left = wanted - found.len();
            let positions = self.booking_ids_of(party, as_host, after.as_ref(), left).await?;
            let ids: Vec<_> = positions.iter().map(|position| position.booking).collect();
            let mut bookings = self.bookings(&ids, true).await?;
            bookings.sort_by_key(|booking| ids.iter().position(|id| *id == booking.id));
            found.extend(bookings.into_iter().filter_map(&keep));
            looked_at += positions.len();
            let ended = positions.len() < left;
            after = positions.into_iter().last().or(after);
            if ended {
                return Ok((found, None));
            }
            if found.len() >= wanted || looked_at >= MOST_LOOKED_AT {
                return Ok((found, after));
            }
        }
    }

    /// Whether a guest has a stay at a listing that is confirmed or going on.
    pub async fn has_confirmed_stay(&self, guest: UserId, listing: ListingId) -> Result<bool> {
        let mut after = None;
        loop {
            let page = self.booking_ids_of(guest, false, after.as_ref(), 100).await?;
            let ids: Vec<BookingId> = page.iter().map(|position| position.booking).collect();
            let stays = |booking: &Booking| {
                booking.listing == listing && matches!(booking.state, State::Confirmed | State::CheckedIn)
            };
            if self.bookings(&ids, false).await?.iter().any(stays) {
                return Ok(true);
            }
            if page.len() < 100 {
                return Ok(false);
            }
            after = page.into_iter().last();
        }
    }

    /// The open requests for a unit whose stay arrives before `end`: each read strongly, found by an index that may
    /// not have the latest.
    pub async fn requests_of(&self, unit: UnitId, end: crate::stay::Date) -> Result<Vec<Booking>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .index_name(keys::BOOKINGS_BY_REQUEST)
            .key_condition_expression("requested_unit = :unit AND check_in < :end")
            .expression_attribute_values(":unit", text(unit))
            .expression_attribute_values(":end", text(end))
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(found) = pages.next().await {
            let position: ListPosition = record(found.map_err(fault)?)?;
            ids.push(position.booking);
        }
        self.bookings(&ids, true).await
    }

    /// The bookings that wait in a list for something due by `until`, read strongly.
    pub async fn due(&self, list: Due, until: Instant) -> Result<Vec<Booking>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.bookings)
            .index_name(keys::BOOKINGS_BY_DUE)
            .key_condition_expression("due = :due AND due_at <= :until")
            .expression_attribute_values(":due", text(list.word()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .into_paginator()
            .items()
            .send();
        let mut ids = Vec::new();
        while let Some(found) = pages.next().await {
            let waiting: Waiting = record(found.map_err(fault)?)?;
            ids.push(waiting.booking);
        }
        self.bookings(&ids, true).await
    }
}

/// Where a booking stands in its guest's or host's list.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ListPosition {
    /// Which booking.
    pub booking: BookingId,
    /// Its date of check-in, which the list is sorted by.
    pub check_in: String,
}

#[derive(serde::Deserialize)]
struct Waiting {
    booking: BookingId,
}

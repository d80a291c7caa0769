//! What a change of an item, as a table's stream tells it, means to others.

use super::bookings::booking_of_image;
use super::keys::{BOOKINGS, LISTINGS};
use super::listing_record::terms_of_image;
use crate::error::Result;
use crate::event::DomainEvent;
use crate::function::Record;

/// The event of a change of a booking or a listing; `None` for changes that are nobody else's
/// business.
///
/// # Errors
/// When an item has another shape than this version knows.
pub fn event_of_change(record: &Record) -> Result<Option<DomainEvent>> {
    let has = |attribute: &str| record.keys.inner().get(attribute).is_some();
    if has(BOOKINGS.0) {
        let Some(after) = record.new.as_ref().map(booking_of_image).transpose()?.flatten() else {
            return Ok(None);
        };
        let before = record.old.as_ref().map(booking_of_image).transpose()?.flatten();
        return Ok(DomainEvent::of_booking(before.as_ref(), &after));
    }
    if has(LISTINGS.0) {
        let before = record.old.as_ref().map(terms_of_image).transpose()?.flatten();
        let after = record.new.as_ref().map(terms_of_image).transpose()?.flatten();
        if before.is_none() && after.is_none() {
            return Ok(None);
        }
        // Terms have no version of their own: their changes are told apart by their place in the stream.
        return Ok(DomainEvent::of_terms(before.as_ref(), after.as_ref(), &record.sequence));
    }
    Ok(None)
}

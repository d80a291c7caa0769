//! The nights that a calendar call is about.

use roost::error::{Error, Fields, Result};
use roost::stay::{BOOKING_WINDOW, Date, Nights, add_days, parse_date};

/// How many nights a call takes at most: a leap year.
const MOST_NIGHTS: u32 = 366;

/// The nights from `start` up to `end`, as clients write them; every wrong field is noted.
pub fn parse_range(start: &str, end: &str, fields: &mut Fields) -> Option<Nights> {
    let first = fields.take("/startDate", parse_date(start));
    let end = fields.take("/endDate", parse_date(end));
    let range = Nights::between(first?, end?);
    fields.check(range.is_some(), "/endDate", "must be after startDate");
    let is_short = range.is_none_or(|range| range.count() <= MOST_NIGHTS);
    fields.check(is_short, "/endDate", "must be at most 366 nights after startDate");
    range.filter(|_| is_short)
}

/// As [`parse_range`], for nights that can still be set: from the listing's today on, and no later
/// than guests may book.
pub fn parse_settable_range(start: &str, end: &str, today: Date, fields: &mut Fields) -> Option<Nights> {
    let range = parse_range(start, end, fields)?;
    fields.check(range.first() >= today, "/startDate", "is in the past at the listing");
    let last_end = add_days(today, BOOKING_WINDOW.into());
    fields.check(range.end() <= last_end, "/endDate", "is more than 730 days ahead");
    Some(range)
}

/// The range that was read, once every other field has been looked at too.
///
/// # Errors
/// `Invalid` when any field was refused.
pub fn accepted(range: Option<Nights>, fields: Fields) -> Result<Nights> {
    fields.finish()?;
    range.ok_or_else(|| Error::internal("a range was neither read nor refused"))
}

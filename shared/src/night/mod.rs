//! The night ledger: who sleeps where, one item per taken night, and whether a stay can be sold.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::clock::Instant;
use crate::error::{Reason, Unsold};
use crate::ids::{BookingId, base62, from_base62};
use crate::listing::calendar::Calendar;
use crate::listing::{ListingStatus, Terms};
use crate::stay::{BOOKING_WINDOW, Date, Nights, add_days};

/// Every reason why `stay` cannot be sold; none when it can. `taken` are the unit's taken nights,
/// `today` is the listing's, `guests` are those who need a place.
#[must_use]
pub fn why_unsold(
    terms: &Terms,
    calendar: &Calendar,
    taken: &[TakenNight],
    stay: Nights,
    guests: Option<u16>,
    today: Date,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut because = |holds: bool, date: Option<Date>, reason: Unsold| {
        if holds {
            reasons.push(Reason { date, reason });
        }
    };
    because(terms.status != ListingStatus::Active, None, Unsold::NotActive);
    because(stay.first() < today, Some(stay.first()), Unsold::InThePast);
    let window_ends = add_days(today, i64::from(BOOKING_WINDOW));
    because(
        stay.end() > window_ends,
        Some(stay.end().min(stay.first().max(window_ends))),
        Unsold::TooFarAhead,
    );
    because(guests.is_some_and(|guests| guests > terms.max_guests), None, Unsold::TooManyGuests);
    let arrival = calendar.rules(terms, stay.first());
    because(stay.count() < u32::from(arrival.min_nights), Some(stay.first()), Unsold::MinNights);
    because(stay.count() > u32::from(arrival.max_nights), Some(stay.first()), Unsold::MaxNights);
    because(arrival.closed_to_arrival, Some(stay.first()), Unsold::ClosedToArrival);
    let departure = calendar.rules(terms, stay.end());
    because(departure.closed_to_departure, Some(stay.end()), Unsold::ClosedToDeparture);
    if let Some(open_until) = terms.open_until {
        let closed = Nights::between(open_until.max(stay.first()), stay.end());
        for date in closed.into_iter().flat_map(Nights::iter) {
            because(true, Some(date), Unsold::Blocked);
        }
    }
    for night in taken.iter().filter(|night| stay.contains(night.date)) {
        let reason = match night.by {
            Taken::Booked(_) => Unsold::Booked,
            Taken::Blocked(_) => Unsold::Blocked,
        };
        because(true, Some(night.date), reason);
    }
    reasons
}

/// A night as the ledger keeps it. A night without an item is open, and so is a bare one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// Which.
    pub date: Date,
    /// Whose claims stand in it, live or lapsed.
    pub claims: BTreeSet<Claim>,
    /// Why the host keeps it.
    pub blocked: Option<String>,
}

/// A night that cannot be sold, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenNight {
    /// Which.
    pub date: Date,
    /// By what.
    pub by: Taken,
}

/// What takes a night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// As many live bookings as fit; one of them.
    Booked(BookingId),
    /// The host, for this reason.
    Blocked(String),
}

/// A booking's claim on a night: written `<booking>@<until>`, 31 characters, so that thirty of them
/// stay within one write unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// Whose.
    pub booking: BookingId,
    /// Until when nobody needs to ask the booking whether the claim is live. Later the booking's
    /// own state says.
    pub until: Instant,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut milliseconds = self.until.as_millisecond().max(0);
        let mut digits = Vec::with_capacity(8);
        while milliseconds > 0 {
            let digit = u32::try_from(milliseconds % 36).expect("below 36");
            digits.push(char::from_digit(digit, 36).expect("below 36"));
            milliseconds /= 36;
        }
        let until: String = digits.iter().rev().collect();
        write!(f, "{}@{until}", base62(self.booking.bits()))
    }
}

impl FromStr for Claim {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (booking, until) = text.split_once('@').ok_or("a claim names its end")?;
        let booking = from_base62(booking).map(BookingId::from_bits).ok_or("a claim names its booking")?;
        let until = i64::from_str_radix(until, 36).map_err(|_| "a claim's end is a number")?;
        let until = Instant::from_millisecond(until).map_err(|_| "a claim's end is an instant")?;
        Ok(Self { booking, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_claim_reads_back_and_thirty_of_them_are_one_write_unit(bits: u128, until in 0i64..4_000_000_000_000) {
            let claim = Claim { booking: BookingId::from_bits(bits), until: Instant::from_millisecond(until).unwrap() };
            prop_assert_eq!(claim.to_string().parse(), Ok(claim));
            // Names and key of the item: unit (26), date (10), and the attributes' names.
            prop_assert!(30 * claim.to_string().len() + 26 + 10 + 4 + 4 + 8 <= 1024);
        }
    }
}

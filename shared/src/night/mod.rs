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
    for date in closed(terms, stay) {
        because(true, Some(date), Unsold::Blocked);
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

/// The nights of `stay` from the date on which the host has closed the calendar, which no night's item shows.
pub fn closed(terms: &Terms, stay: Nights) -> impl Iterator<Item = Date> {
    terms.open_until.and_then(|until| stay.from_date(until)).into_iter().flat_map(Nights::iter)
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
    /// The host's note on why.
    pub note: Option<String>,
}

impl Night {
    /// Whether it is closed to search where it takes so many bookings: claims count that have lapsed, until they are
    /// swept.
    #[must_use]
    pub fn is_closed(&self, capacity: u16) -> bool {
        self.blocked.is_some() || self.claims.len() >= usize::from(capacity)
    }
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
    use crate::listing::calendar::Rules;
    use crate::listing::draft::tests::example;
    use crate::stay::date_of_epoch_day;
    use proptest::prelude::*;

    const TODAY: i32 = 21_000;

    fn day(days: i32) -> Date {
        date_of_epoch_day(TODAY + days)
    }

    /// On sale for 2 to 7 nights and 4 guests.
    fn terms() -> Terms {
        let (_, terms) = example();
        Terms { status: ListingStatus::Active, min_nights: 2, max_nights: 7, max_guests: 4, ..terms }
    }

    fn stay(first: i32, nights: i32) -> Nights {
        Nights::between(day(first), day(first + nights)).unwrap()
    }

    #[test]
    fn each_rule_refuses_from_its_own_bound_on_and_no_sooner() {
        let why = |terms: &Terms, first, nights, guests| -> Vec<(Unsold, Option<Date>)> {
            let reasons = why_unsold(terms, &Calendar::empty(), &[], stay(first, nights), guests, day(0));
            reasons.into_iter().map(|reason| (reason.reason, reason.date)).collect()
        };
        let (sold, terms) = (Vec::new(), terms());
        assert_eq!(why(&terms, 0, 2, Some(4)), sold);
        assert_eq!(why(&terms, 0, 7, None), sold);
        assert_eq!(why(&terms, 3, 1, None), [(Unsold::MinNights, Some(day(3)))]);
        assert_eq!(why(&terms, 3, 8, None), [(Unsold::MaxNights, Some(day(3)))]);
        assert_eq!(why(&terms, 3, 2, Some(5)), [(Unsold::TooManyGuests, None)]);
        assert_eq!(why(&terms, -1, 2, None), [(Unsold::InThePast, Some(day(-1)))]);
        // The last night of the window is sold, and the first after it is named.
        let window = BOOKING_WINDOW;
        assert_eq!(why(&terms, window - 2, 2, None), sold);
        assert_eq!(why(&terms, window - 1, 2, None), [(Unsold::TooFarAhead, Some(day(window)))]);
        assert_eq!(why(&terms, window + 3, 2, None), [(Unsold::TooFarAhead, Some(day(window + 3)))]);
        let draft = Terms { status: ListingStatus::Draft, ..terms.clone() };
        assert_eq!(why(&draft, 3, 2, None), [(Unsold::NotActive, None)]);
        let closes = Terms { open_until: Some(day(5)), ..terms };
        assert_eq!(why(&closes, 3, 2, None), sold);
        let blocked =
            |days: &[i32]| days.iter().map(|n| (Unsold::Blocked, Some(day(*n)))).collect::<Vec<_>>();
        assert_eq!(why(&closes, 3, 4, None), blocked(&[5, 6]));
        assert_eq!(why(&closes, 6, 2, None), blocked(&[6, 7]));
    }

    #[test]
    fn a_day_closed_to_arrivals_or_departures_and_a_taken_night_bind_only_stays_that_meet_them() {
        let mut calendar = Calendar::empty();
        calendar.rules.set(stay(3, 1), &Rules { closed_to_arrival: true, ..Rules::default() });
        calendar.rules.set(stay(9, 1), &Rules { closed_to_departure: true, ..Rules::default() });
        let taken = [
            TakenNight { date: day(20), by: Taken::Booked(BookingId::from_bits(1)) },
            TakenNight { date: day(21), by: Taken::Blocked("mine".into()) },
        ];
        let why = |first, nights| -> Vec<(Unsold, Option<Date>)> {
            let reasons = why_unsold(&terms(), &calendar, &taken, stay(first, nights), None, day(0));
            reasons.into_iter().map(|reason| (reason.reason, reason.date)).collect()
        };
        assert_eq!(why(2, 4), []);
        assert_eq!(why(1, 2), []);
        assert_eq!(why(3, 2), [(Unsold::ClosedToArrival, Some(day(3)))]);
        assert_eq!(why(7, 2), [(Unsold::ClosedToDeparture, Some(day(9)))]);
        assert_eq!(why(9, 2), []);
        assert_eq!(why(18, 2), []);
        assert_eq!(why(22, 2), []);
        let both = [(Unsold::Booked, Some(day(20))), (Unsold::Blocked, Some(day(21)))];
        assert_eq!(why(19, 4), both);
    }

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

//! Stays and nights: half-open ranges of civil dates in the listing's zone. A night has no instant.

use std::fmt;

use crate::error::Fields;

use jiff::ToSpan as _;
pub use jiff::civil::Date;

/// The longest stay, in nights.
pub const LONGEST_STAY: u16 = 365;

/// How many days ahead of the listing's today a night can be booked, blocked or priced.
pub const BOOKING_WINDOW: i32 = 730;

/// The half-open range `[first, end)` of civil dates: at least one night.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nights {
    first: Date,
    end: Date,
}

impl Nights {
    /// The nights from `first` up to, not including, `end`; `None` when that is no night.
    #[must_use]
    pub fn between(first: Date, end: Date) -> Option<Self> {
        (first < end).then_some(Self { first, end })
    }

    /// The first night; of a stay, the date of check-in.
    #[must_use]
    pub const fn first(self) -> Date {
        self.first
    }

    /// The date after the last night; of a stay, the date of check-out.
    #[must_use]
    pub const fn end(self) -> Date {
        self.end
    }

    /// How many nights.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(epoch_day(self.end) - epoch_day(self.first)).expect("end comes after first")
    }

    /// Whether the night of `date` is one of them.
    #[must_use]
    pub fn contains(self, date: Date) -> bool {
        self.first <= date && date < self.end
    }

    /// The nights that both ranges have.
    #[must_use]
    pub fn overlap(self, other: Self) -> Option<Self> {
        Self::between(self.first.max(other.first), self.end.min(other.end))
    }

    /// The nights from `date` on.
    #[must_use]
    pub fn from_date(self, date: Date) -> Option<Self> {
        Self::between(self.first.max(date), self.end)
    }

    /// Every night, in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Date> + Clone {
        (epoch_day(self.first)..epoch_day(self.end)).map(date_of_epoch_day)
    }

    /// The nights in groups of at most `size`, in ascending order.
    #[must_use]
    pub fn chunks(self, size: u32) -> Vec<Self> {
        let mut chunks = Vec::new();
        let mut first = self.first;
        while first < self.end {
            let end = add_days(first, i64::from(size)).min(self.end);
            chunks.push(Self { first, end });
            first = end;
        }
        chunks
    }
}

impl fmt::Debug for Nights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.first, self.end)
    }
}

/// The number of a date in days since 1970-01-01.
#[must_use]
pub fn epoch_day(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}

/// The date of a number of days since 1970-01-01; the calendar's own ends outside of it.
#[must_use]
pub fn date_of_epoch_day(day: i32) -> Date {
    add_days(Date::constant(1970, 1, 1), i64::from(day))
}

/// How many days the calendar has from its first to its last: no span of it is longer.
const MOST_DAYS: i64 = 7_304_483;

/// `date` and `days` more, negative for earlier; the calendar's own ends where that leaves it.
#[must_use]
pub fn add_days(date: Date, days: i64) -> Date {
    date.saturating_add(days.clamp(-MOST_DAYS, MOST_DAYS).days())
}

/// A date written `YYYY-MM-DD`, and nothing else that a date parser might take.
///
/// # Errors
/// A sentence for the caller that says what is wrong.
pub fn parse_date(text: &str) -> Result<Date, &'static str> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return Err("a date is written YYYY-MM-DD");
    }
    text.parse().map_err(|_| "there is no such date")
}

/// The stay from `check_in` up to `check_out`, as clients write them; every wrong field is noted.
pub fn parse_stay(check_in: &str, check_out: &str, fields: &mut Fields) -> Option<Nights> {
    let first = fields.take("/checkIn", parse_date(check_in));
    let end = fields.take("/checkOut", parse_date(check_out));
    let stay = Nights::between(first?, end?);
    match stay {
        None => fields.refuse("/checkOut", "must be after checkIn"),
        Some(stay) if stay.count() > u32::from(LONGEST_STAY) => {
            fields.refuse("/checkOut", "a stay has at most 365 nights");
            return None;
        }
        Some(_) => {}
    }
    stay
}

/// How dates travel in JSON: `#[serde(with = "stay::date")]` refuses what [`parse_date`] refuses.
pub mod date {
    use super::{Date, parse_date};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes `YYYY-MM-DD`.
    pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    /// Reads `YYYY-MM-DD`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        parse_date(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_are_the_nights_in_order_and_none_twice(first in 0i32..40_000, count in 1i32..400, size in 1u32..120) {
            let nights = Nights::between(date_of_epoch_day(first), date_of_epoch_day(first + count)).unwrap();
            let chunks = nights.chunks(size);
            prop_assert!(chunks.iter().all(|chunk| chunk.count() <= size));
            let joined: Vec<Date> = chunks.into_iter().flat_map(Nights::iter).collect();
            prop_assert_eq!(joined, nights.iter().collect::<Vec<_>>());
            prop_assert_eq!(nights.count(), u32::try_from(count).unwrap());
        }
    }

    #[test]
    fn a_stay_has_a_night_and_at_most_a_year_of_them() {
        let read = |check_in: &str, check_out: &str| {
            let mut fields = Fields::default();
            let stay = parse_stay(check_in, check_out, &mut fields).map(Nights::count);
            (stay, fields.finish().err().map(|refused| format!("{refused:?}")).unwrap_or_default())
        };
        assert_eq!(read("2027-01-01", "2027-01-02"), (Some(1), String::new()));
        assert_eq!(read("2027-01-01", "2028-01-01").0, Some(365));
        for (check_in, check_out, pointer) in [
            ("2027-01-01", "2027-01-01", "/checkOut"),
            ("2027-01-02", "2027-01-01", "/checkOut"),
            ("2027-01-01", "2028-01-02", "/checkOut"),
            ("2027-13-01", "2028-01-02", "/checkIn"),
        ] {
            let (stay, refused) = read(check_in, check_out);
            assert!(stay.is_none() && refused.contains(pointer), "{check_in} {check_out}: {refused}");
        }
    }

    #[test]
    fn what_leaves_the_calendar_stays_at_its_ends() {
        assert_eq!(MOST_DAYS, i64::from(epoch_day(Date::MAX)) - i64::from(epoch_day(Date::MIN)));
        for (days, end) in [(i64::MAX, Date::MAX), (i64::MIN, Date::MIN)] {
            assert_eq!(add_days(Date::constant(2027, 1, 1), days), end);
        }
        assert_eq!(date_of_epoch_day(i32::MAX), Date::MAX);
        assert_eq!(date_of_epoch_day(i32::MIN), Date::MIN);
    }

    #[test]
    fn only_real_dates_in_the_one_notation_are_dates() {
        assert!(parse_date("2028-02-29").is_ok());
        for text in
            ["2027-02-30", "2027-02-29", "20270201", "2027-2-1", "2027-02-01T00:00", "+002027-02-01", ""]
        {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}

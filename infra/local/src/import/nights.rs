//! The calendar file: a row a night, made into the few runs that a home's year is.

use std::collections::HashMap;

use csv::ByteRecord;
use roost::money::Currency;
use roost::stay::{epoch_day, parse_date};

use super::price::{Price, median};
use super::report::Problems;
use super::table::Table;

/// The nights of every listing, and the first date of all.
pub(super) struct Calendars {
    by_listing: HashMap<String, Calendar>,
    first_day: Option<i32>,
    rows: u64,
}

/// The nights of one listing, as its rows tell them.
#[derive(Default)]
pub(super) struct Calendar {
    nights: Vec<Night>,
    first_line: u64,
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Night {
    day: i32,
    line: u64,
    open: bool,
    price: Option<Price>,
    rules: Rules,
}

/// The shortest and the longest stay, where the row says.
type Rules = (Option<u16>, Option<u16>);

/// A home's year in runs: dates in days since 1970-01-01, half-open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Year {
    /// A night's price where no run has one, in minor units; `None` when no night has any.
    pub base_price: Option<i64>,
    /// Nights that are closed.
    pub blocked: Vec<(i32, i32)>,
    /// Nights at another price than the base price.
    pub prices: Vec<(i32, i32, i64)>,
    /// Arrival nights with other rules than the listing's.
    pub rules: Vec<(i32, i32, Option<u16>, Option<u16>)>,
    /// The day after the last night.
    pub open_until: i32,
}

impl Calendars {
    /// Reads the whole file. `read` hears of every row, for the progress bar.
    ///
    /// # Errors
    /// A sentence when the file cannot be read or lacks a column; single rows are noted instead.
    pub(super) fn read(
        table: &mut Table,
        problems: &mut Problems,
        read: &dyn Fn(u64),
    ) -> Result<Self, String> {
        let columns = Columns::of(table)?;
        let mut dates = HashMap::new();
        let mut calendars = Self { by_listing: HashMap::new(), first_day: None, rows: 0 };
        let (mut current, mut of) = (Calendar::default(), String::new());
        let mut row = ByteRecord::new();
        while let Some(line) = table.next(&mut row)? {
            calendars.rows += 1;
            if calendars.rows.is_multiple_of(10_000) {
                read(10_000);
            }
            let night = table.misshapen(&row).map_or_else(|| columns.night(&row, line, &mut dates), Err);
            match night {
                Err(reason) => problems.note(table.file(), line, reason),
                Ok((listing, night)) => {
                    // A listing's rows mostly follow each other.
                    if listing != of {
                        let next = calendars.by_listing.remove(listing).unwrap_or_default();
                        let done = std::mem::replace(&mut current, next);
                        calendars.by_listing.insert(std::mem::replace(&mut of, listing.to_owned()), done);
                    }
                    if current.nights.is_empty() {
                        current.first_line = line;
                    }
                    current.nights.push(night);
                    calendars.first_day =
                        Some(calendars.first_day.map_or(night.day, |day| day.min(night.day)));
                }
            }
        }
        calendars.by_listing.insert(of, current);
        calendars.by_listing.remove("");
        for calendar in calendars.by_listing.values_mut() {
            calendar.sort(table.file(), problems);
        }
        read(calendars.rows % 10_000);
        Ok(calendars)
    }

    /// The earliest date of all rows; `None` when there are none.
    pub(super) const fn first_day(&self) -> Option<i32> {
        self.first_day
    }

    /// Takes the nights of a listing.
    pub(super) fn take(&mut self, listing: &str) -> Option<Calendar> {
        self.by_listing.remove(listing)
    }

    /// Notes the nights that no listing took: once a listing.
    pub(super) fn note_rest(self, file: &str, problems: &mut Problems) {
        for (listing, calendar) in self.by_listing {
            let count = calendar.nights.len();
            let reason =
                format!("{count} nights of listing {listing}, which no row of the listings describes");
            problems.note(file, calendar.first_line, reason);
        }
    }
}

impl Calendar {
    /// Brings the nights into order; of two rows for one night the first counts.
    fn sort(&mut self, file: &str, problems: &mut Problems) {
        if self.nights.is_sorted_by(|a, b| a.day < b.day) {
            return;
        }
        self.nights.sort_by_key(|night| night.day);
        self.nights.dedup_by(|later, earlier| {
            let twice = later.day == earlier.day;
            if twice {
                problems.note(file, later.line, format!("line {} has the same night", earlier.line));
            }
            twice
        });
    }

    /// How many nights have a row.
    pub(super) fn len(&self) -> usize {
        self.nights.len()
    }

    /// The year in runs. It begins on `first_day`, the first of the whole file; from there to the
    /// last row a night without a row is closed. `own` price and `rules` are the listing's.
    pub(super) fn year(
        mut self,
        file: &str,
        first_day: i32,
        currency: Currency,
        own_price: Option<i64>,
        own_rules: (u16, u16),
        problems: &mut Problems,
    ) -> Year {
        let mut prices = Vec::with_capacity(self.nights.len());
        self.nights.retain(|night| match night.price.map(|price| price.minor_units(currency)).transpose() {
            Ok(price) => {
                prices.push(price);
                true
            }
            // Without a usable row the night is closed.
            Err(reason) => {
                problems.note(file, night.line, reason);
                false
            }
        });
        let base_price = own_price.or_else(|| median(prices.iter().flatten().copied().collect()));
        let mut year =
            Year { base_price, blocked: vec![], prices: vec![], rules: vec![], open_until: first_day };
        for (night, price) in self.nights.iter().zip(prices) {
            let (day, next) = (night.day, night.day + 1);
            if year.open_until < day {
                extend(&mut year.blocked, year.open_until, day);
            }
            if !night.open {
                extend(&mut year.blocked, day, next);
            }
            if let Some(price) = price.filter(|price| Some(*price) != base_price) {
                match year.prices.last_mut() {
                    Some((_, end, same)) if *end == day && *same == price => *end = next,
                    _ => year.prices.push((day, next, price)),
                }
            }
            let (least, most) = night.rules;
            let (least, most) =
                (least.filter(|least| *least != own_rules.0), most.filter(|most| *most != own_rules.1));
            if least.is_some() || most.is_some() {
                match year.rules.last_mut() {
                    Some((_, end, a, b)) if *end == day && (*a, *b) == (least, most) => *end = next,
                    _ => year.rules.push((day, next, least, most)),
                }
            }
            year.open_until = next;
        }
        year
    }
}

fn extend(runs: &mut Vec<(i32, i32)>, first: i32, end: i32) {
    match runs.last_mut() {
        Some((_, last)) if *last == first => *last = end,
        _ => runs.push((first, end)),
    }
}

/// Where the columns stand.
struct Columns {
    listing: usize,
    date: usize,
    available: usize,
    price: Option<usize>,
    min_nights: Option<usize>,
    max_nights: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, String> {
        Ok(Self {
            listing: table.column("listing_id")?,
            date: table.column("date")?,
            available: table.column("available")?,
            price: table.optional("price"),
            min_nights: table.optional("minimum_nights"),
            max_nights: table.optional("maximum_nights"),
        })
    }

    /// The listing and the night of a row.
    fn night<'a>(
        &self,
        row: &'a ByteRecord,
        line: u64,
        dates: &mut HashMap<Vec<u8>, i32>,
    ) -> Result<(&'a str, Night), String> {
        let text = |at: usize| {
            std::str::from_utf8(row.get(at).unwrap_or_default()).map_err(|_| "it is not UTF-8".to_owned())
        };
        let listing = text(self.listing)?;
        if listing.is_empty() {
            return Err("it has no listing_id".into());
        }
        // The same few hundred dates come back for every listing.
        let written = row.get(self.date).unwrap_or_default();
        let day = if let Some(day) = dates.get(written) {
            *day
        } else {
            let date = text(self.date)?;
            let day = parse_date(date).map(epoch_day).map_err(|why| format!("the date {date:?}: {why}"))?;
            dates.insert(written.to_vec(), day);
            day
        };
        let open = match text(self.available)? {
            "t" => true,
            "f" => false,
            other => return Err(format!("available is {other:?}, neither t nor f")),
        };
        let price = self.price.map(text).transpose()?.map_or(Ok(None), Price::read)?;
        let limit = |at: Option<usize>, name: &str| {
            at.map(text).transpose()?.map_or(Ok(None), |text| nights(text, name))
        };
        let rules = (limit(self.min_nights, "minimum_nights")?, limit(self.max_nights, "maximum_nights")?);
        Ok((listing, Night { day, line, open, price, rules }))
    }
}

/// A number of nights; `None` when nothing is written. What is longer than any stay is kept as the
/// largest number there is: it allows, or forbids, the same stays.
pub(super) fn nights(text: &str, name: &str) -> Result<Option<u16>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let number: u64 = whole.parse().map_err(|_| format!("{name} {text:?} is not a number of nights"))?;
    Ok(Some(u16::try_from(number).unwrap_or(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(day: i32, open: bool, price: &str, least: u16) -> Night {
        let price = Price::read(price).unwrap();
        Night { day, line: 2, open, price, rules: (Some(least), Some(30)) }
    }

    #[test]
    fn a_night_without_a_row_is_closed() {
        // The file begins on day 100, this listing on day 102; day 104 has no row.
        let calendar = Calendar {
            nights: vec![
                night(102, true, "$50.00", 2),
                night(103, false, "$50.00", 2),
                night(105, true, "$80.00", 3),
                night(106, true, "$80.00", 3),
            ],
            first_line: 2,
        };
        let mut problems = Problems::default();
        let euro = Currency::of("EUR").unwrap();
        let year = calendar.year("calendar.csv", 100, euro, Some(5_000), (2, 30), &mut problems);
        assert_eq!(
            year,
            Year {
                base_price: Some(5_000),
                blocked: vec![(100, 102), (103, 105)],
                prices: vec![(105, 107, 8_000)],
                rules: vec![(105, 107, Some(3), None)],
                open_until: 107,
            }
        );
        let empty = Calendar::default().year("calendar.csv", 100, euro, None, (1, 30), &mut problems);
        assert_eq!((empty.open_until, empty.base_price), (100, None));
    }
}

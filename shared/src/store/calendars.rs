//! Calendars in the listings table: one item per unit and year, its runs written as short texts, so
//! that a year of 300 changes is still a few kilobytes and a month view reads little.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::listing_record::terms_of_item;
use super::take::MOST_TRIES;
use super::{Item, Store, fault, item, record, text};
use crate::error::{Error, Result};
use crate::http::Host;
use crate::ids::UnitId;
use crate::listing::Terms;
use crate::listing::calendar::{Calendar, Rules};
use crate::listing::runs::Runs;
use crate::stay::{Date, Nights, add_days};

impl Store {
    /// The terms of a unit and its whole calendar, in one query: half a read unit, unless it is
    /// read strongly or its calendar has hundreds of runs.
    pub async fn unit(&self, unit: UnitId, strong: bool) -> Result<Option<(Terms, Calendar)>> {
        unit_of_items(self.unit_items(unit, strong).await?)
    }

    /// The terms and the calendar of a host's unit, as they are now.
    ///
    /// # Errors
    /// `NotFound` when there is none, or it is another's.
    pub async fn own_unit(&self, host: &Host, unit: UnitId) -> Result<(Terms, Calendar)> {
        self.unit(unit, true).await?.filter(|(terms, _)| terms.host == host.id).ok_or(Error::NotFound)
    }

    /// Writes what `change` makes of a unit's calendar in the years that `range` touches, all years
    /// or none, and again on what another has written meanwhile.
    ///
    /// # Errors
    /// `Unavailable` when others kept writing.
    pub async fn update_calendar(
        &self,
        terms: &Terms,
        range: Nights,
        change: impl Fn(&mut Calendar),
    ) -> Result<()> {
        let last = add_days(range.end(), -1);
        for tried in 0..MOST_TRIES {
            let (mut calendar, versions) = calendar_of_items(self.unit_items(terms.unit, true).await?)?;
            let before = calendar.clone();
            change(&mut calendar);
            let mut puts = Vec::new();
            for year in range.first().year()..=last.year() {
                let in_year = year_of(year);
                if calendar.within(in_year) == before.within(in_year) {
                    continue;
                }
                let version = versions.iter().find(|(of, _)| *of == year).map(|(_, version)| *version);
                let item = year_item(terms, &calendar, year, version.unwrap_or(0) + 1);
                puts.push(match version {
                    None => self.put_if(item, "attribute_not_exists(#item)", None)?,
                    Some(version) => {
                        self.put_if(item, "#version = :before", Some(AttributeValue::N(version.to_string())))?
                    }
                });
            }
            if puts.is_empty() || self.transact(puts).await?.is_none() {
                return Ok(());
            }
            self.wait(tried).await;
        }
        Err(Error::unavailable("the calendar was contended"))
    }

    /// The items of a unit: its terms and the years of its calendar.
    pub(super) async fn unit_items(&self, unit: UnitId, strong: bool) -> Result<Vec<Item>> {
        let Key { partition, sort } = keys::terms(unit.into(), unit);
        self.items_of(&partition, Some(&sort), strong).await
    }

    /// The items of a listing, or those whose sort keys begin so.
    pub(super) async fn items_of(
        &self,
        listing: &str,
        beginning: Option<&str>,
        strong: bool,
    ) -> Result<Vec<Item>> {
        let (partition, sort) = keys::LISTINGS;
        let mut query = self
            .client
            .query()
            .table_name(&self.tables.listings)
            .key_condition_expression("#listing = :listing")
            .expression_attribute_names("#listing", partition)
            .expression_attribute_values(":listing", text(listing))
            .consistent_read(strong);
        if let Some(beginning) = beginning {
            query = query
                .key_condition_expression("#listing = :listing AND begins_with(#item, :unit)")
                .expression_attribute_names("#item", sort)
                .expression_attribute_values(":unit", text(beginning));
        }
        let mut pages = query.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(fault)?);
        }
        Ok(items)
    }
}

/// The terms and the calendar of a unit's items; `None` when its terms are not among them.
pub fn unit_of_items(items: Vec<Item>) -> Result<Option<(Terms, Calendar)>> {
    let (terms, years): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| year_of_item(item).is_none());
    let Some(terms) = terms.into_iter().next() else { return Ok(None) };
    Ok(Some((terms_of_item(terms)?, calendar_of_items(years)?.0)))
}

/// A whole calendar as the items of its years, each in its first version.
#[must_use]
pub fn calendar_items(terms: &Terms, calendar: &Calendar) -> Vec<Item> {
    let mut years: Vec<i16> = Vec::new();
    let mut touch = |nights: &Nights| years.extend(nights.first().year()..=add_days(nights.end(), -1).year());
    calendar.prices.iter().for_each(|(nights, _)| touch(nights));
    calendar.rules.iter().for_each(|(nights, _)| touch(nights));
    years.sort_unstable();
    years.dedup();
    years.into_iter().map(|year| year_item(terms, calendar, year, 1)).collect()
}

/// A year of a calendar. Runs are written `MMDD+count=value` and kept apart by spaces.
#[derive(Serialize, Deserialize)]
struct YearRecord {
    version: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prices: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    rules: String,
}

fn year_item(terms: &Terms, calendar: &Calendar, year: i16, version: u64) -> Item {
    let calendar = calendar.within(year_of(year));
    let record = YearRecord {
        version,
        prices: write_runs(&calendar.prices, ToString::to_string),
        rules: write_runs(&calendar.rules, write_rules),
    };
    item(keys::LISTINGS, &keys::calendar(terms.listing, terms.unit, year), &record)
        .expect("a year has plain fields")
}

fn year_of_item(item: &Item) -> Option<i16> {
    keys::unit_of_sort(item.get(keys::LISTINGS.1)?.as_s().ok()?)?.1
}

/// The calendar of its years' items, and the version of each year; other items are passed over.
pub(super) fn calendar_of_items(items: Vec<Item>) -> Result<(Calendar, Vec<(i16, u64)>)> {
    let (mut prices, mut rules, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let Some(year) = year_of_item(&item) else { continue };
        let record: YearRecord = record(item)?;
        let shape = || Error::internal(format!("a calendar of {year} has another shape"));
        prices.extend(read_runs(year, &record.prices, |price| price.parse().ok()).ok_or_else(shape)?);
        rules.extend(read_runs(year, &record.rules, read_rules).ok_or_else(shape)?);
        versions.push((year, record.version));
    }
    let calendar = Calendar { prices: prices.into_iter().collect(), rules: rules.into_iter().collect() };
    Ok((calendar, versions))
}

fn year_of(year: i16) -> Nights {
    // A run ends within the calendar's own last year at the latest.
    let end = Date::new(year.saturating_add(1), 1, 1).unwrap_or(Date::MAX);
    Date::new(year, 1, 1)
        .ok()
        .and_then(|first| Nights::between(first, end))
        .expect("a year of a date has nights")
}

fn write_runs<T: Clone + PartialEq>(runs: &Runs<T>, write: impl Fn(&T) -> String) -> String {
    let runs: Vec<String> =
        runs.iter().map(|(nights, value)| format!("{}={}", write_nights(*nights), write(value))).collect();
    runs.join(" ")
}

fn read_runs<T>(year: i16, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<(Nights, T)>> {
    let runs = text.split(' ').filter(|_| !text.is_empty()).map(|run| {
        let (nights, value) = run.split_once('=')?;
        Some((read_nights(year, nights)?, read(value)?))
    });
    runs.collect()
}

fn write_nights(nights: Nights) -> String {
    format!("{:02}{:02}+{}", nights.first().month(), nights.first().day(), nights.count())
}

fn read_nights(year: i16, text: &str) -> Option<Nights> {
    let (first, count) = text.split_once('+')?;
    let (month, day) = first.split_at_checked(2)?;
    let first = Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?;
    let nights = Nights::between(first, add_days(first, count.parse::<u16>().ok()?.into()))?;
    (nights.end() <= year_of(year).end() && write_nights(nights) == text).then_some(nights)
}

/// Stay rules as `min..max`, either of which may be missing, `a` for closed to arrival and `d` for
/// closed to departure.
fn write_rules(rules: &Rules) -> String {
    let bound = |nights: Option<u16>| nights.map(|nights| nights.to_string()).unwrap_or_default();
    let flag = |is_set: bool, letter| if is_set { letter } else { "" };
    format!(
        "{}..{}{}{}",
        bound(rules.min_nights),
        bound(rules.max_nights),
        flag(rules.closed_to_arrival, "a"),
        flag(rules.closed_to_departure, "d"),
    )
}

fn read_rules(text: &str) -> Option<Rules> {
    let (min, rest) = text.split_once("..")?;
    let (rest, closed_to_departure) = rest.strip_suffix('d').map_or((rest, false), |rest| (rest, true));
    let (max, closed_to_arrival) = rest.strip_suffix('a').map_or((rest, false), |rest| (rest, true));
    let bound = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    let rules =
        Rules { min_nights: bound(min)?, max_nights: bound(max)?, closed_to_arrival, closed_to_departure };
    (write_rules(&rules) == text).then_some(rules)
}

#[cfg(test)]
mod tests {
    use super::super::listing_record::tests::size;
    use super::*;
    use crate::listing::draft::tests::example;
    use crate::stay::{date_of_epoch_day, epoch_day};
    use crate::store::listings::terms_item;
    use proptest::prelude::*;

    fn runs<T: Clone + PartialEq + std::fmt::Debug>(
        value: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Runs<T>> {
        // Three years from 2026-12-01: many runs lie over a change of year, one of them of a leap year.
        let first = epoch_day(Date::constant(2026, 12, 1));
        let edit = (0i32..1100, 1i32..500, value);
        prop::collection::vec(edit, 0..40).prop_map(move |edits| {
            let mut runs = Runs::none();
            for (start, count, value) in edits {
                let (start, end) =
                    (date_of_epoch_day(first + start), date_of_epoch_day(first + start + count));
                runs.set(Nights::between(start, end).unwrap(), &value);
            }
            runs
        })
    }

    fn rules() -> impl Strategy<Value = Rules> {
        (prop::option::of(1u16..366), prop::option::of(1u16..1126), any::<bool>(), any::<bool>()).prop_map(
            |(min_nights, max_nights, closed_to_arrival, closed_to_departure)| Rules {
                min_nights,
                max_nights,
                closed_to_arrival,
                closed_to_departure,
            },
        )
    }

    proptest! {
        #[test]
        fn a_calendar_reads_back_over_changes_of_year(
            prices in runs(0i64..100_000_000), rules in runs(rules()),
        ) {
            let (_, terms) = example();
            let calendar = Calendar { prices, rules };
            let mut items = calendar_items(&terms, &calendar);
            items.reverse();
            items.insert(items.len() / 2, terms_item(&terms, 1));
            prop_assert_eq!(unit_of_items(items).unwrap(), Some((terms, calendar)));
        }

        #[test]
        fn only_what_was_written_reads(text in "[0-9ad.+=]{0,12}") {
            if let Some(nights) = read_nights(2027, &text) {
                prop_assert_eq!(write_nights(nights), text.clone());
            }
            if let Some(rules) = read_rules(&text) {
                prop_assert_eq!(write_rules(&rules), text);
            }
        }
    }

    #[test]
    fn runs_that_no_year_has_are_refused() {
        for text in ["0230+1", "1231+2", "0101+366", "0701+0", "701+62", "0701-62", "0701+062", ""] {
            assert_eq!(read_nights(2027, text), None, "{text}");
        }
        assert_eq!(read_nights(2027, "1231+1").map(Nights::count), Some(1));
        for text in ["3", "3..14da", "03..14", "3..14x", "-3..14"] {
            assert_eq!(read_rules(text), None, "{text}");
        }
    }

    #[test]
    fn three_hundred_changes_a_year_stay_small() {
        let (_, terms) = example();
        let mut calendar = Calendar::empty();
        for day in 0..300 {
            let first = add_days(Date::constant(2027, 1, 1), day);
            let night = Nights::between(first, add_days(first, 1)).unwrap();
            let rules = Rules {
                min_nights: Some(u16::try_from(day % 7 + 1).unwrap()),
                max_nights: Some(1125),
                ..Rules::default()
            };
            calendar.rules.set(night, &rules);
        }
        let items = calendar_items(&terms, &calendar);
        assert_eq!(items.len(), 1);
        assert!(size(&items[0]) < 5_000, "{}", size(&items[0]));
    }
}

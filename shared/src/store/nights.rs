//! The night ledger in its table: reading it, and the host's own nights.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{self, Key};
use super::{Item, Store, fault, key_of, text};
use crate::booking::Booking;
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{BookingId, UnitId};
use crate::night::{Claim, Night, Taken, TakenNight};
use crate::stay::{Date, Nights, parse_date};

/// Bookings once found confirmed. A cancellation takes their claims off the nights in the same
/// transaction, or, of stays too long for one, soon after, so a claim of theirs counts as live for as long as it
/// stands, and costs no second look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Confirmed(Arc<Mutex<HashSet<BookingId>>>);

/// How many bookings an instance remembers: 160 KB.
const MOST_REMEMBERED: usize = 10_000;

impl Confirmed {
    fn has(&self, booking: BookingId) -> bool {
        self.0.lock().is_ok_and(|remembered| remembered.contains(&booking))
    }

    fn remember(&self, booking: BookingId) {
        if let Ok(mut remembered) = self.0.lock() {
            if remembered.len() >= MOST_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(booking);
        }
    }
}

/// The nights of a range as they stand, and what their lapsed claims' bookings say.
#[derive(Debug)]
pub struct Ledger {
    pub(super) nights: Vec<Night>,
    /// The bookings behind claims past their time; `None` for one that no longer exists.
    pub(super) asked: HashMap<BookingId, Option<Booking>>,
    pub(super) now: Instant,
}

impl Ledger {
    /// Whether a claim still takes its night.
    pub(super) fn is_live(&self, claim: &Claim) -> bool {
        match self.asked.get(&claim.booking) {
            _ if self.now < claim.until => true,
            // Not asked: it is remembered as confirmed.
            None => true,
            Some(None) => false,
            Some(Some(booking)) => booking.claim_until == Some(claim.until) && booking.is_live(self.now),
        }
    }

    /// The dates on which somebody has booked, however many more a night takes.
    pub(super) fn booked(&self) -> Vec<Date> {
        let live = |night: &&Night| night.claims.iter().any(|claim| self.is_live(claim));
        self.nights.iter().filter(live).map(|night| night.date).collect()
    }

    /// What its bookings say of these nights.
    pub(super) fn with<'a>(&self, nights: impl Iterator<Item = &'a Night>) -> Self {
        Self { nights: nights.cloned().collect(), asked: self.asked.clone(), now: self.now }
    }

    /// The host's note on a night kept back.
    #[must_use]
    pub fn note(&self, date: Date) -> Option<&str> {
        self.nights.iter().find(|night| night.date == date)?.note.as_deref()
    }

    /// The nights that take no further booking.
    #[must_use]
    pub fn taken(&self, capacity: u16) -> Vec<TakenNight> {
        let taken = |night: &Night| {
            if let Some(reason) = &night.blocked {
                return Some(TakenNight { date: night.date, by: Taken::Blocked(reason.clone()) });
            }
            let mut live = night.claims.iter().filter(|claim| self.is_live(claim));
            let last = live.nth(usize::from(capacity).saturating_sub(1))?;
            Some(TakenNight { date: night.date, by: Taken::Booked(last.booking) })
        };
        self.nights.iter().filter_map(taken).collect()
    }
}

impl Store {
    /// The nights of `range` that have an item, in ascending order, as the table keeps them.
    pub async fn nights(&self, unit: UnitId, range: Nights, strong: bool) -> Result<Vec<Night>> {
        let (partition, sort) = keys::NIGHTS;
        let first = keys::night(unit, range.first());
        let last = keys::night(unit, crate::stay::add_days(range.end(), -1));
        let query = self
            .client
            .query()
            .table_name(&self.tables.nights)
            .key_condition_expression("#unit = :unit AND #date BETWEEN :first AND :last")
            .expression_attribute_names("#unit", partition)
            .expression_attribute_names("#date", sort)
            .expression_attribute_values(":unit", text(&first.partition))
            .expression_attribute_values(":first", text(&first.sort))
            .expression_attribute_values(":last", text(&last.sort))
            .consistent_read(strong);
        let (mut nights, mut from) = (Vec::new(), None);
        // The call that is made most, twenty times a search: the SDK's paginator would make each dearer.
        loop {
            let page = query.clone().set_exclusive_start_key(from).send().await.map_err(fault)?;
            for item in page.items() {
                nights.push(night_of_item(item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(nights)
    }

    /// The nights of `range` that take no further booking, and what takes them. Costs one query,
    /// and half a read unit for each booking whose claim is past its time and not remembered.
    pub async fn taken(
        &self,
        unit: UnitId,
        capacity: u16,
        range: Nights,
        strong: bool,
    ) -> Result<Vec<TakenNight>> {
        Ok(self.ledger(unit, range, strong).await?.taken(capacity))
    }

    /// The nights of `range` and what their lapsed claims' bookings say. Costs what [`Store::taken`] costs.
    pub async fn ledger(&self, unit: UnitId, range: Nights, strong: bool) -> Result<Ledger> {
        let nights = self.nights(unit, range, strong).await?;
        let now = self.clock.now();
        let lapsed: BTreeSet<BookingId> = nights
            .iter()
            .flat_map(|night| &night.claims)
            .filter(|claim| claim.until <= now && !self.confirmed.has(claim.booking))
            .map(|claim| claim.booking)
            .collect();
        let mut asked: HashMap<BookingId, Option<Booking>> = lapsed.iter().map(|id| (*id, None)).collect();
        let lapsed: Vec<BookingId> = lapsed.into_iter().collect();
        for booking in self.bookings(&lapsed, strong).await? {
            if booking.state.is_stay() {
                self.confirmed.remember(booking.id);
            }
            asked.insert(booking.id, Some(booking));
        }
        Ok(Ledger { nights, asked, now })
    }
}

/// A blocked night as an item.
#[must_use]
pub fn blocked_item(unit: UnitId, date: Date, reason: &str) -> Item {
    let mut item = key_of(keys::NIGHTS, &keys::night(unit, date));
    item.insert("blocked".to_owned(), text(reason));
    item
}

/// The night of an item.
pub(super) fn night_of_item(item: &Item) -> Result<Night> {
    let (_, sort) = keys::NIGHTS;
    let shape = || Error::internal("a night has another shape");
    let attribute = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let claims = match item.get("bookings").and_then(|value| value.as_ss().ok()) {
        None => BTreeSet::new(),
        Some(claims) => claims
            .iter()
            .map(|claim| claim.parse())
            .collect::<std::result::Result<_, _>>()
            .map_err(Error::internal)?,
    };
    Ok(Night {
        date: attribute(sort).and_then(|date| parse_date(date).ok()).ok_or_else(shape)?,
        claims,
        blocked: attribute("blocked").cloned(),
        note: attribute("note").cloned(),
    })
}

/// What of a night closes it, as a stream's image has it: whether the host keeps it, and how many claims it has. See
/// [`Night::is_closed`].
pub(super) fn closing(image: Option<&serde_dynamo::Item>) -> (bool, usize) {
    use serde_dynamo::AttributeValue::{S, Ss};
    let attribute = |name| image.and_then(|image| image.inner().get(name));
    let claims = match attribute("bookings") {
        Some(Ss(claims)) => claims.len(),
        _ => 0,
    };
    (matches!(attribute("blocked"), Some(S(_))), claims)
}

/// Claims as the set that the table keeps.
pub(super) fn claims_value<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> AttributeValue {
    // A second call with the same key, in the same moment, may have taken the night for the same booking: a set
    // of the store's names nothing twice.
    let names: BTreeSet<String> = claims.into_iter().map(ToString::to_string).collect();
    AttributeValue::Ss(names.into_iter().collect())
}

/// The key of a night as the store wants it.
pub(super) fn night_key(key: &Key) -> Item {
    key_of(keys::NIGHTS, key)
}

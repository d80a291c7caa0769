//! The meter: the request units that the store reports, by table, by index and by function.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dynoxide::types::{CapacityDetail, ConsumedCapacity};
use serde::Serialize;

tokio::task_local! {
    /// The function whose code is running. Calls from elsewhere are nobody's.
    pub static FUNCTION: &'static str;
}

/// Whether a call's units are read or written ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// Request units of both kinds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// The units of a table, its indexes apart.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableUnits {
    /// The table's own.
    #[serde(flatten)]
    pub own: Units,
    /// Its indexes', by name.
    pub indexes: BTreeMap<String, Units>,
}

/// The units since the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reading {
    /// All of them.
    pub total: Units,
    /// By table.
    pub tables: BTreeMap<String, TableUnits>,
    /// By function, index units included.
    pub functions: BTreeMap<String, Units>,
}

/// Adds up request units.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Reading>);

impl Meter {
    /// Adds what one call consumed, to the function that runs.
    pub fn add(&self, direction: Direction, consumed: &ConsumedCapacity) {
        // The replay of an idempotent transaction reads, whatever the first call did.
        let direction = if consumed.read_capacity_units.is_some() { Direction::Read } else { direction };
        let own = consumed.table.as_ref().map_or(consumed.capacity_units, |table| table.capacity_units);
        let indexes = [&consumed.global_secondary_indexes, &consumed.local_secondary_indexes];
        let indexes = indexes.into_iter().flatten().flatten().map(|(name, detail)| (name.as_str(), detail));
        self.add_units(direction, &consumed.table_name, own, indexes);
    }

    /// Adds what a write that the store refused for its condition is charged: the store does not
    /// report it, so it counts as the least that DynamoDB takes for it.
    pub fn add_refused(&self, table: &str, units: f64) {
        self.add_units(Direction::Write, table, units, std::iter::empty());
    }

    /// The units since the last reset.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins anew.
    pub fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reading::default();
    }

    fn add_units<'a>(
        &self,
        direction: Direction,
        table: &str,
        own: f64,
        indexes: impl Iterator<Item = (&'a str, &'a CapacityDetail)>,
    ) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = reading.tables.entry(table.to_owned()).or_default();
        let mut all = own;
        of_table.own.add(direction, own);
        for (name, detail) in indexes {
            all += detail.capacity_units;
            of_table.indexes.entry(name.to_owned()).or_default().add(direction, detail.capacity_units);
        }
        reading.total.add(direction, all);
        if let Ok(function) = FUNCTION.try_with(|function| *function) {
            reading.functions.entry(function.to_owned()).or_default().add(direction, all);
        }
    }
}

impl Units {
    fn add(&mut self, direction: Direction, units: f64) {
        match direction {
            Direction::Read => self.read += units,
            Direction::Write => self.write += units,
        }
    }
}

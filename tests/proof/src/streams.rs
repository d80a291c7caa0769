//! The streams of the tables. The store is asked for each change once, however many read of it.

use std::sync::{Arc, Mutex, PoisonError};

use roost::function::Record;
use roost_local::engine::Engine;
use roost_local::streams::batch;

use crate::executor::Bell;

/// The streams of every table that has one.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Vec<Stream>>);

/// The stream of a table.
#[derive(Clone, Debug)]
pub(crate) struct Stream(Arc<Parts>);

struct Parts {
    table: String,
    engine: Engine,
    /// Rung after each call that may have changed the table.
    changes: Bell,
    read: Mutex<Read>,
}

/// What has been read of a stream.
struct Read {
    records: Vec<Record>,
    /// Where the next is.
    position: String,
    /// How often the table had been changed then; `None` before anything is read.
    at: Option<u64>,
}

/// The most records that the store gives at once.
const PAGE: usize = 1_000;

impl Streams {
    /// The streams of these tables, from their first record on.
    pub(crate) fn of<'a>(engine: &Engine, tables: impl Iterator<Item = &'a str>) -> Self {
        let streams = tables.filter_map(|table| {
            let position = engine.stream_start(table).ok()?;
            let read = Mutex::new(Read { records: Vec::new(), position, at: None });
            let (table, engine) = (table.to_owned(), engine.clone());
            Some(Stream(Arc::new(Parts { table, engine, changes: Bell::default(), read })))
        });
        Self(Arc::new(streams.collect()))
    }

    /// The stream of a table.
    pub(crate) fn of_table(&self, name: &str) -> Stream {
        self.0.iter().find(|stream| stream.0.table == name).expect("the table has a stream").clone()
    }

    /// Tells whoever waits for a change of a table that this call names, and gives the tables' names.
    pub(crate) fn changed(&self, call: &str) -> Vec<&str> {
        let changed = self.0.iter().filter(|stream| call.contains(stream.0.table.as_str()));
        changed.inspect(|stream| stream.0.changes.ring()).map(|stream| stream.0.table.as_str()).collect()
    }
}

impl Stream {
    /// Rung after each call that may have changed the table.
    pub(crate) fn changes(&self) -> &Bell {
        &self.0.changes
    }

    /// The records after the first `place`, so many at most.
    pub(crate) fn after(&self, place: usize, most: usize) -> Vec<Record> {
        let mut read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        let times = self.0.changes.times();
        while read.at != Some(times) {
            // Reading awaits nothing but the store's turn, which is free: one thread.
            let page = futures::executor::block_on(self.0.engine.records(&read.position, PAGE));
            let page = page.expect("the stream is read");
            if page.records.len() < PAGE {
                read.at = Some(times);
            }
            read.records.extend(batch(&page).expect("records"));
            read.position = page.next_shard_iterator.expect("a stream has no end");
        }
        read.records.iter().skip(place).take(most).cloned().collect()
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.table)
    }
}

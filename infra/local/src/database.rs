//! The database under the store: opened, and filled with the template's tables.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use serde_json::{Value, json};

use crate::template::Table;

/// Where the database is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In memory, gone at the end.
    Memory,
    /// A file that is gone at the end: written without waiting for the disk.
    Passing(&'a Path),
    /// A file that is kept.
    Kept(&'a Path),
}

/// A database in memory of which others are made, sooner than by creating tables in each.
#[derive(Debug)]
pub struct Blueprint {
    path: String,
    kept: Mutex<Connection>,
}

impl Blueprint {
    /// One with these tables, empty.
    ///
    /// # Errors
    /// As [`open`].
    pub fn of(tables: &[Table]) -> Result<Self, String> {
        let path = in_memory();
        let kept = connected(&path)?;
        opened(&path, Place::Memory, tables)?;
        Ok(Self { path, kept: Mutex::new(kept) })
    }

    /// The database itself: what it is given, every later copy has.
    ///
    /// # Errors
    /// As [`open`].
    pub fn original(&self) -> Result<Database, String> {
        opened(&self.path, Place::Memory, &[])
    }

    /// Another database with the same tables and items.
    ///
    /// # Errors
    /// As [`open`].
    pub fn copy(&self) -> Result<Database, String> {
        let path = in_memory();
        let mut copy = connected(&path)?;
        let blueprint = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let all = Backup::new(&blueprint, &mut copy);
        let copied = all.and_then(|all| all.run_to_completion(i32::MAX, Duration::ZERO, None));
        copied.map_err(|error| format!("{path}: {error}"))?;
        opened(&path, Place::Memory, &[])
    }
}

/// Named, so that a second connection finds it; by a name of its own, so that none other does.
fn in_memory() -> String {
    format!("file:/roost-{}?vfs=memdb", uuid::Uuid::new_v4())
}

fn connected(path: &str) -> Result<Connection, String> {
    Connection::open(path).map_err(|error| format!("{path}: {error}"))
}

/// Opens the database and creates the tables that it lacks.
///
/// # Errors
/// A sentence that says which file or table, and why.
pub fn open(place: Place, tables: &[Table]) -> Result<Database, String> {
    let path = match place {
        Place::Memory => in_memory(),
        Place::Passing(file) | Place::Kept(file) => file.display().to_string(),
    };
    opened(&path, place, tables)
}

fn opened(path: &str, place: Place, tables: &[Table]) -> Result<Database, String> {
    // Held until ours has opened, so that a database in memory is not forgotten in between.
    let side = connected(path)?;
    let database = Database::new(path).map_err(|error| format!("{path}: {error}"))?;
    let tuned = match place {
        Place::Kept(_) => database.disable_bulk_loading(),
        Place::Memory | Place::Passing(_) => database.enable_bulk_loading(),
    };
    tuned.map_err(|error| format!("{path}: {error}"))?;
    // Each change looks the stream's last sequence number up; without this it would read them all.
    side.execute_batch(
        "CREATE INDEX IF NOT EXISTS roost_stream_sequence
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
    .map_err(|error| format!("{path}: {error}"))?;
    for table in tables {
        create(&database, table).map_err(|error| format!("table {}: {error}", table.name))?;
    }
    Ok(database)
}

/// The place in a table's stream before its first record.
///
/// # Errors
/// A sentence when the table has no stream.
pub fn stream_start(database: &Database, table: &str) -> Result<String, String> {
    use dynoxide::actions::{describe_table, get_shard_iterator};
    let request = describe_table::DescribeTableRequest { table_name: table.to_owned() };
    let described = database.describe_table(request).map_err(|error| format!("table {table}: {error}"))?;
    let arn = described.table.latest_stream_arn.ok_or_else(|| format!("table {table} has no stream"))?;
    let request = get_shard_iterator::GetShardIteratorRequest {
        stream_arn: arn,
        shard_id: dynoxide::streams::shard_id(table),
        shard_iterator_type: "TRIM_HORIZON".into(),
        sequence_number: None,
    };
    let iterator =
        database.get_shard_iterator(request).map_err(|error| format!("stream of {table}: {error}"))?;
    iterator.shard_iterator.ok_or_else(|| format!("the stream of {table} has no records to read"))
}

fn create(database: &Database, table: &Table) -> Result<(), DynoxideError> {
    if database.get_table_metadata(&table.name)?.is_some() {
        return Ok(());
    }
    let invalid = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    database.create_table(serde_json::from_value(description(table)).map_err(invalid)?)?;
    let lifetime = &table.properties["TimeToLiveSpecification"];
    if !lifetime.is_null() {
        let request = json!({ "TableName": table.name, "TimeToLiveSpecification": lifetime });
        database.update_time_to_live(serde_json::from_value(request).map_err(invalid)?)?;
    }
    Ok(())
}

/// A table as `CreateTable` takes it.
#[must_use]
pub fn description(table: &Table) -> Value {
    let properties = &table.properties;
    let mut request = json!({ "TableName": table.name, "BillingMode": "PAY_PER_REQUEST" });
    for name in ["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        if !properties[name].is_null() {
            request[name] = properties[name].clone();
        }
    }
    if let Some(view) = properties["StreamSpecification"]["StreamViewType"].as_str() {
        request["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
    }
    request
}

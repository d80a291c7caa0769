//! The store in this process: takes DynamoDB's wire format, runs it on the embedded database, and
//! meters what it consumed.

use std::sync::{Arc, PoisonError};

use dynoxide::actions::get_records::{GetRecordsRequest, GetRecordsResponse};
use dynoxide::types::Item;
use dynoxide::{Database, DynoxideError, ImportOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};

use crate::faults::Faults;
use crate::meter::{Direction, Meter};

/// The embedded store. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

struct Parts {
    database: Database,
    /// The database runs one call at a time. Who waits for his turn here leaves his thread to others.
    turn: Mutex<()>,
    meter: Meter,
    faults: Faults,
    writes: watch::Sender<u64>,
    /// The calls since somebody asked for them to be kept.
    record: std::sync::Mutex<Option<Vec<Call>>>,
}

/// A call of the store, and what it answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// As the header `x-amz-target` names it, without the interface.
    pub operation: String,
    /// JSON.
    pub body: Vec<u8>,
    /// What it answered.
    pub reply: Reply,
}

/// What the store answers on the wire.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

type Outcome = Result<String, DynoxideError>;

impl Engine {
    /// The store on this database.
    #[must_use]
    pub fn on(database: Database) -> Self {
        let (writes, _) = watch::channel(0);
        let parts = Parts {
            database,
            turn: Mutex::default(),
            meter: Meter::default(),
            faults: Faults::default(),
            writes,
            record: std::sync::Mutex::default(),
        };
        Self(Arc::new(parts))
    }

    /// Answers one call, named as the header `x-amz-target` names it.
    pub async fn answer(&self, target: &str, body: &[u8]) -> Reply {
        let operation = operation_of(target);
        let turn = self.0.turn.lock().await;
        let outcome = self.perform(operation, body);
        let succeeded = outcome.is_ok();
        let reply = match outcome {
            Ok(body) => Reply { status: 200, body },
            Err(error) => {
                self.meter_refusal(operation, body, &error);
                Reply { status: error.status_code(), body: error.to_json() }
            }
        };
        if let Some(calls) = self.0.record.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let (operation, body) = (operation.to_owned(), body.to_vec());
            calls.push(Call { operation, body, reply: reply.clone() });
        }
        drop(turn);
        if succeeded && changes_items(operation) {
            self.0.writes.send_modify(|writes| *writes += 1);
        }
        reply
    }

    /// Keeps every call from here on, for [`Engine::recorded`].
    pub fn record(&self) {
        *self.0.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// The calls since [`Engine::record`], in the order in which they took effect. None is kept after it.
    #[must_use]
    pub fn recorded(&self) -> Vec<Call> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// The next records of a stream.
    ///
    /// # Errors
    /// The store's sentence when there is no such place in a stream.
    pub async fn records(&self, iterator: &str, limit: usize) -> Result<GetRecordsResponse, String> {
        let request = GetRecordsRequest { shard_iterator: iterator.to_owned(), limit: Some(limit) };
        let _turn = self.0.turn.lock().await;
        self.0.database.get_records(request).map_err(|error| error.to_string())
    }

    /// The place in a table's stream before its first record.
    ///
    /// # Errors
    /// A sentence when the table has no stream.
    pub fn stream_start(&self, table: &str) -> Result<String, String> {
        crate::database::stream_start(&self.0.database, table)
    }

    /// Puts items into a table in one go: all or none, unmetered, and only when asked with a record
    /// each in the table's stream. How the importer loads a year of nights in a moment.
    ///
    /// # Errors
    /// The store's sentence when an item is not one of the table's.
    pub async fn import(&self, table: &str, items: Vec<Item>, record: bool) -> Result<(), String> {
        let options = ImportOptions { record_streams: record, ..ImportOptions::default() };
        let imported = {
            let _turn = self.0.turn.lock().await;
            self.0.database.import_items(table, items, options)
        };
        imported.map_err(|error| error.to_string())?;
        self.0.writes.send_modify(|writes| *writes += 1);
        Ok(())
    }

    /// Deletes items past their time to live, as DynamoDB does in its own time.
    pub fn sweep(&self) {
        if let Err(error) = self.0.database.sweep_ttl() {
            tracing::warn!(%error, "expired items could not be deleted");
        }
    }

    /// How often items were changed; it tells when that grows.
    #[must_use]
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.0.writes.subscribe()
    }

    /// The meter of this store.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Which calls of this store fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn perform(&self, operation: &str, body: &[u8]) -> Outcome {
        let database = &self.0.database;
        // What consumes request units says how many, whether or not the caller wants to know.
        macro_rules! metered {
            ($call:ident, $direction:ident, $($all:ident)?) => {{
                let mut request = read(body, |request| database.$call(request))?;
                let wanted = request.return_consumed_capacity.as_deref().is_some_and(|mode| mode != "NONE");
                request.return_consumed_capacity = Some("INDEXES".to_owned());
                let mut response = database.$call(request)?;
                for consumed in response.consumed_capacity.iter()$(.$all())? {
                    self.0.meter.add(Direction::$direction, consumed);
                }
                if !wanted {
                    response.consumed_capacity = None;
                }
                write(&response)
            }};
        }
        macro_rules! plain {
            ($call:ident) => {
                write(&database.$call(read(body, |request| database.$call(request))?)?)
            };
        }
        match operation {
            "GetItem" => metered!(get_item, Read,),
            "Query" => metered!(query, Read,),
            "Scan" => metered!(scan, Read,),
            "BatchGetItem" => metered!(batch_get_item, Read, flatten),
            "TransactGetItems" => metered!(transact_get_items, Read, flatten),
            "PutItem" => metered!(put_item, Write,),
            "UpdateItem" => metered!(update_item, Write,),
            "DeleteItem" => metered!(delete_item, Write,),
            "BatchWriteItem" => metered!(batch_write_item, Write, flatten),
            "TransactWriteItems" => metered!(transact_write_items, Write, flatten),
            "CreateTable" => plain!(create_table),
            "DescribeTable" => plain!(describe_table),
            "ListTables" => plain!(list_tables),
            "UpdateTimeToLive" => plain!(update_time_to_live),
            "DescribeTimeToLive" => plain!(describe_time_to_live),
            "ListStreams" => plain!(list_streams),
            "DescribeStream" => plain!(describe_stream),
            "GetShardIterator" => plain!(get_shard_iterator),
            "GetRecords" => plain!(get_records),
            "ExecuteStatement" => plain!(execute_statement),
            _ => Err(DynoxideError::ValidationException(format!(
                "{operation}: the local store does not do this"
            ))),
        }
    }

    /// A write whose condition failed is charged all the same: at least one unit, and two for each
    /// item of a transaction. The database reports nothing for it.
    fn meter_refusal(&self, operation: &str, body: &[u8], error: &DynoxideError) {
        let units = match error {
            DynoxideError::ConditionalCheckFailedException(..) => 1.0,
            DynoxideError::TransactionCanceledException(..) => 2.0,
            _ => return,
        };
        let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        if operation == "TransactWriteItems" {
            let items = request["TransactItems"].as_array().into_iter().flatten();
            let actions = items.filter_map(serde_json::Value::as_object).flat_map(serde_json::Map::values);
            for table in actions.filter_map(|action| action["TableName"].as_str()) {
                self.0.meter.add_refused(table, units);
            }
        } else if let Some(table) = request["TableName"].as_str() {
            self.0.meter.add_refused(table, units);
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// The operation of a header `x-amz-target`: what follows the interface's name and version.
#[must_use]
pub fn operation_of(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or(target)
}

fn changes_items(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "BatchWriteItem"
            | "TransactWriteItems"
            | "ExecuteStatement"
    )
}

/// A request as the database takes it. `_of` names the call, so that the type follows from it.
fn read<Q: DeserializeOwned, R>(
    body: &[u8],
    _of: impl FnOnce(Q) -> Result<R, DynoxideError>,
) -> Result<Q, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        // The database marks its own sentences, and the parser adds where it was.
        let text = error.to_string();
        let sentence = text.split(" at line ").next().unwrap_or(&text);
        let sentence = sentence.split_once(':').filter(|(mark, _)| mark.starts_with("VALIDATION"));
        let sentence = sentence.map_or_else(|| text.clone(), |(_, sentence)| sentence.trim().to_owned());
        DynoxideError::ValidationException(sentence)
    })
}

fn write<R: Serialize>(response: &R) -> Outcome {
    serde_json::to_string(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

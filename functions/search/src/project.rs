//! Fed by the streams of listings and nights: keeps what search knows of each unit.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use roost::app::App;
use roost::function::{Consumer, Record};
use roost::ids::UnitId;
use roost::store::projections::unit_of_change;

/// The function.
pub const PROJECT: Consumer = Consumer { name: "project", handle };

/// How many units are projected at a time.
const AT_A_TIME: usize = 8;

/// Projects each unit of a batch once, however many of its items have changed.
fn handle(app: App, records: Vec<Record>) -> BoxFuture<'static, Vec<String>> {
    Box::pin(async move {
        let mut changes: BTreeMap<UnitId, Vec<String>> = BTreeMap::new();
        for record in records {
            if let Some(unit) = unit_of_change(&record) {
                changes.entry(unit).or_default().push(record.sequence);
            }
        }
        futures::stream::iter(changes)
            .map(|(unit, sequences)| project(&app, unit, sequences))
            .buffer_unordered(AT_A_TIME)
            .concat()
            .await
    })
}

/// The records to deliver again.
async fn project(app: &App, unit: UnitId, sequences: Vec<String>) -> Vec<String> {
    match app.store.project(unit).await {
        Ok(()) => Vec::new(),
        Err(error) => {
            tracing::warn!(%unit, %error, "a unit was not projected");
            sequences
        }
    }
}

//! Fed by the projections' own stream: keeps the index as the cells are. An index that does not
//! answer stalls nothing but this.

use futures::future::BoxFuture;
use roost::app::App;
use roost::function::{Consumer, Record};
use roost::store::filed::place_of_change;

/// The function.
pub const INDEX: Consumer = Consumer { name: "index", handle };

/// Writes what is filed now of every projection that the batch tells of: a record is a hint, and a
/// late or repeated one writes nothing old.
fn handle(app: App, records: Vec<Record>) -> BoxFuture<'static, Vec<String>> {
    Box::pin(async move {
        let Some(index) = app.index() else { return Vec::new() };
        let mut places: Vec<_> = records.iter().filter_map(|record| place_of_change(&record.keys)).collect();
        places.sort_unstable();
        places.dedup();
        let written = async {
            let filed = app.store.filed(&places).await?;
            let refused = index.write(&filed).await?;
            Ok::<_, roost::error::Error>(
                refused.into_iter().map(|place| filed[place].unit).collect::<Vec<_>>(),
            )
        };
        let is_of = |record: &Record, units: &[_]| {
            place_of_change(&record.keys).is_some_and(|place| units.iter().any(|unit| place.is_of(*unit)))
        };
        let sequences = |records: Vec<Record>| records.into_iter().map(|record| record.sequence).collect();
        match written.await {
            Ok(units) => sequences(records.into_iter().filter(|record| is_of(record, &units)).collect()),
            Err(error) => {
                tracing::warn!(%error, "a batch was not indexed");
                sequences(records)
            }
        }
    })
}

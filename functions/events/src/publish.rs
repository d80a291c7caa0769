//! Fed by the streams of listings and bookings: publishes what others may want to know.

use futures::future::BoxFuture;
use roost::app::App;
use roost::event::DomainEvent;
use roost::function::{Consumer, Record};
use roost::store::changes::event_of_change;

/// The function.
pub const PUBLISH: Consumer = Consumer { name: "publish", handle };

/// Publishes the events of a batch. Only the records whose events the bus did not take are delivered
/// again; Lambda begins at the first of them, so some events come twice, under the same id.
fn handle(app: App, records: Vec<Record>) -> BoxFuture<'static, Vec<String>> {
    Box::pin(async move {
        let (events, mut failed) = told(records);
        let (sequences, events): (Vec<String>, Vec<DomainEvent>) = events.into_iter().unzip();
        if events.is_empty() {
            return failed;
        }
        let outcomes = match app.bus() {
            Ok(bus) => bus.publish(&events).await,
            Err(error) => {
                tracing::error!(%error, "there is no event bus");
                failed.extend(sequences);
                return failed;
            }
        };
        for (sequence, outcome) in sequences.into_iter().zip(outcomes) {
            if let Err(error) = outcome {
                tracing::warn!(sequence, %error, "an event was not published");
                failed.push(sequence);
            }
        }
        failed
    })
}

/// The events that the records tell, each with its record's place in the stream, and the records
/// that cannot be understood.
fn told(records: Vec<Record>) -> (Vec<(String, DomainEvent)>, Vec<String>) {
    let (mut events, mut failed) = (Vec::new(), Vec::new());
    for record in records {
        match event_of_change(&record) {
            Ok(Some(event)) => events.push((record.sequence, event)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(sequence = record.sequence, %error, "a change was not understood");
                failed.push(record.sequence);
            }
        }
    }
    (events, failed)
}

//! Streams: each consumer reads its table's stream in order, in batches, at least once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use dynoxide::actions::get_records::GetRecordsResponse;
use roost::app::App;
use roost::function::{Consumer, Record, records};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::failures;
use crate::faults::StreamFaults;
use crate::invoke::invoke;
use crate::saved::Saved;
use crate::template::Stream;

/// How long a reader waits for company after a change, so that a burst becomes one batch.
const GATHERING: Duration = Duration::from_millis(3);
/// How many rounds a drain waits: more than any chain of consumers that cause each other's records.
const LONGEST_CHAIN: usize = 8;

/// One consumer of one stream.
pub(crate) struct Reader {
    /// Who handles the records.
    pub(crate) consumer: Consumer,
    /// With what.
    pub(crate) app: App,
    /// Which stream, and how it is read.
    pub(crate) stream: Stream,
    /// The place to begin at.
    pub(crate) position: String,
    /// The store that has the stream.
    pub(crate) engine: Engine,
    /// Where the position is kept.
    pub(crate) saved: Arc<Saved>,
    /// What goes wrong, in tests.
    pub(crate) faults: Arc<StreamFaults>,
    /// Whose bucket takes what is given up: not the function's own, since Lambda puts it there.
    pub(crate) keeper: App,
    /// How long it waits before the first retry; the next waits are longer.
    pub(crate) pause: Duration,
}

/// How far a reader has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The consumer's name.
    pub(crate) consumer: &'static str,
    /// Every change up to this count of [`Engine::writes`] is handled.
    pub(crate) handled: watch::Receiver<u64>,
}

impl Reader {
    /// The name that the position is kept under.
    #[must_use]
    pub(crate) fn key(&self) -> String {
        key(self.consumer.name, &self.stream.table)
    }

    /// Reads until the task is ended.
    pub(crate) async fn run(mut self, progress: watch::Sender<u64>) {
        let mut writes = self.engine.writes();
        loop {
            let seen = *writes.borrow_and_update();
            if self.catch_up().await {
                progress.send_replace(seen);
            }
            // The wait is bounded because the store sweeps what has expired without telling.
            let _ = tokio::time::timeout(Duration::from_secs(1), writes.changed()).await;
            tokio::time::sleep(GATHERING).await;
        }
    }

    /// Handles what is in the stream; `false` when the stream could not be read to its end.
    async fn catch_up(&mut self) -> bool {
        let began = self.position.clone();
        let reached_end = loop {
            let page = match self.engine.records(&self.position, self.stream.batch).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(consumer = self.consumer.name, error, "the stream cannot be read");
                    break false;
                }
            };
            if page.records.is_empty() {
                break true;
            }
            match batch(&page) {
                Ok(batch) => self.handle(batch, &page).await,
                Err(error) => {
                    let all: Vec<usize> = (0..page.records.len()).collect();
                    self.give_up(&page, &all, 0, &error).await;
                }
            }
            let Some(next) = page.next_shard_iterator else { break true };
            self.position = next;
        };
        if self.position != began {
            let (key, position) = (self.key(), self.position.clone());
            self.saved.change(|state| {
                state.positions.insert(key, position);
            });
        }
        reached_end
    }

    /// Handles a batch as Lambda does with partial failures and bisection: what came before the
    /// first failure is done; the rest is halved until the record that fails stands alone, is tried
    /// again, and put into the failure bucket when its tries are used up.
    async fn handle(&self, batch: Vec<Record>, page: &GetRecordsResponse) {
        let places: HashMap<String, usize> =
            (0..).zip(&batch).map(|(place, record)| (record.sequence.clone(), place)).collect();
        let mut waiting = vec![batch];
        let mut tries = 0;
        while let Some(batch) = waiting.pop() {
            let failed = self.deliver(batch.clone()).await;
            let Some(first) = batch.iter().position(|record| failed.contains(&record.sequence)) else {
                tries = 0;
                continue;
            };
            let mut rest = batch;
            rest.drain(..first);
            if rest.len() > 1 {
                let later = rest.split_off(rest.len() / 2);
                waiting.extend([later, rest]);
            } else if self.stream.retries.is_some_and(|most| tries >= most) {
                let given_up: Vec<usize> =
                    rest.iter().filter_map(|record| places.get(&record.sequence).copied()).collect();
                self.give_up(page, &given_up, tries + 1, "the function failed on it").await;
                tries = 0;
            } else {
                tokio::time::sleep(self.pause * (1 << tries.min(5))).await;
                tries += 1;
                waiting.push(rest);
            }
        }
    }

    /// Hands a batch over once: the sequence numbers of the records that failed.
    async fn deliver(&self, batch: Vec<Record>) -> Vec<String> {
        let all: Vec<String> = batch.iter().map(|record| record.sequence.clone()).collect();
        let (arriving, mut failed) = self.faults.of(self.consumer.name, batch);
        let handled = (self.consumer.handle)(self.app.clone(), arriving);
        failed.extend(invoke(self.consumer.name, handled).await.unwrap_or(all));
        failed
    }

    /// Puts records into the failure bucket, whole, so that they can be replayed.
    async fn give_up(&self, page: &GetRecordsResponse, places: &[usize], tries: u32, why: &str) {
        let consumer = self.consumer.name;
        let records: Vec<_> = places.iter().filter_map(|place| page.records.get(*place)).collect();
        let payload = serde_json::json!({ "Records": records });
        match failures::keep(&self.keeper, consumer, &self.stream.table, &payload, tries).await {
            Ok(key) => tracing::error!(consumer, why, key, "records are given up, and kept"),
            Err(error) => tracing::error!(consumer, why, %error, %payload, "records are given up, and lost"),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} of {})", self.consumer.name, self.stream.table)
    }
}

/// The name that a consumer's position in a table's stream is kept under.
#[must_use]
pub(crate) fn key(consumer: &str, table: &str) -> String {
    format!("{consumer} {table}")
}

/// Returns when every change so far has been handled, and those that handling it caused.
pub(crate) async fn drain(engine: &Engine, readers: &[&Progress]) {
    let writes = engine.writes();
    for _ in 0..LONGEST_CHAIN {
        let so_far = *writes.borrow();
        for reader in readers {
            // An ended reader means an ending stack: there is nothing to wait for.
            let _ = reader.handled.clone().wait_for(|handled| *handled >= so_far).await;
        }
        if *writes.borrow() == so_far {
            return;
        }
    }
}

/// A page of a stream as the event that Lambda makes of it.
///
/// # Errors
/// When a record is not one.
pub fn batch(page: &GetRecordsResponse) -> Result<Vec<Record>, String> {
    let event = serde_json::json!({ "Records": page.records });
    let event: Event = serde_json::from_value(event).map_err(|error| error.to_string())?;
    Ok(records(event))
}

//! Streams: each consumer reads its table's stream in order, in batches, at least once.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use dynoxide::actions::get_records::GetRecordsResponse;
use roost::app::App;
use roost::function::{Consumer, Record, records};
use tokio::sync::watch;

use crate::engine::Engine;
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
                Ok(batch) => self.handle(batch).await,
                Err(error) => {
                    tracing::error!(
                        consumer = self.consumer.name,
                        error,
                        "records of another shape: given up"
                    );
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
    /// again, and given up when its tries are used up.
    async fn handle(&self, batch: Vec<Record>) {
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
                tracing::error!(consumer = self.consumer.name, records = ?rest, "given up");
                tries = 0;
            } else {
                tokio::time::sleep(Duration::from_millis(50 << tries.min(5))).await;
                tries += 1;
                waiting.push(rest);
            }
        }
    }

    /// Hands a batch over once: the sequence numbers of the records that failed.
    async fn deliver(&self, batch: Vec<Record>) -> Vec<String> {
        let all: Vec<String> = batch.iter().map(|record| record.sequence.clone()).collect();
        let handled = (self.consumer.handle)(self.app.clone(), batch);
        invoke(self.consumer.name, handled).await.unwrap_or(all)
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
fn batch(page: &GetRecordsResponse) -> Result<Vec<Record>, String> {
    let event = serde_json::json!({ "Records": page.records });
    let event: Event = serde_json::from_value(event).map_err(|error| error.to_string())?;
    Ok(records(event))
}

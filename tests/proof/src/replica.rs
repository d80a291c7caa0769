//! A copy of the store that is behind it: what a read may be answered from that does not ask for more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roost_local::engine::{Engine, Reply, operation_of};

/// The copy of one history, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replica(Option<Arc<Behind>>);

#[derive(Debug)]
struct Behind {
    engine: Engine,
    lag: Duration,
    /// Writes that the store has done, in its order, each with the time from which on everybody sees it.
    waiting: Mutex<VecDeque<(Duration, String, Vec<u8>)>>,
}

impl Replica {
    /// The copy on `engine`, which has what the store had in the beginning.
    pub(crate) fn of(engine: Engine, lag: Duration) -> Self {
        Self(Some(Arc::new(Behind { engine, lag, waiting: Mutex::default() })))
    }

    /// Whether it may answer this call.
    pub(crate) fn may_answer(&self, target: &str, body: &[u8]) -> bool {
        const STRONG: &[u8] = br#""ConsistentRead":true"#;
        let reads = matches!(operation_of(target), "GetItem" | "BatchGetItem" | "Query" | "Scan");
        self.0.is_some() && reads && !body.windows(STRONG.len()).any(|part| part == STRONG)
    }

    /// Takes note of a write that the store has done; at once for everybody where it is from `before` the history.
    pub(crate) fn note(&self, now: Duration, before: bool, target: &str, body: &[u8]) {
        let Some(behind) = &self.0 else { return };
        let seen_from = if before { Duration::ZERO } else { now + behind.lag };
        let mut waiting = behind.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back((seen_from, target.to_owned(), body.to_vec()));
    }

    /// What a read is answered that sees nothing newer than the lag.
    pub(crate) async fn answer(&self, now: Duration, target: &str, body: &[u8]) -> Option<Reply> {
        let behind = self.0.as_ref()?;
        while let Some((target, body)) = behind.next_write(now) {
            behind.engine.answer(&target, &body).await;
        }
        Some(behind.engine.answer(target, body).await)
    }
}

impl Behind {
    fn next_write(&self, now: Duration) -> Option<(String, Vec<u8>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front_if(|(seen_from, ..)| *seen_from <= now).map(|(_, target, body)| (target, body))
    }
}

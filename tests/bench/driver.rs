//! The driver of every load: a number of callers, each one call after another, until a number of calls
//! is made.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;

/// What a load came to.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub calls: usize,
    pub refused: usize,
    pub per_second: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// Makes calls, which say whether they were granted.
pub(crate) async fn load<F>(callers: usize, calls: usize, call: impl Fn(usize) -> F) -> Load
where
    F: Future<Output = bool>,
{
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let callers = (0..callers).map(|_| async {
        let mut taken: Vec<(Duration, bool)> = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= calls {
                return taken;
            }
            let begun = Instant::now();
            let granted = call(number).await;
            taken.push((begun.elapsed(), granted));
        }
    });
    let mut taken: Vec<(Duration, bool)> = join_all(callers).await.into_iter().flatten().collect();
    let elapsed = began.elapsed().as_secs_f64();
    taken.sort_unstable();
    let at = |percent: usize| {
        let place = taken.len().saturating_sub(1) * percent / 100;
        taken.get(place).map_or(0.0, |(time, _)| time.as_secs_f64() * 1_000.0)
    };
    Load {
        calls: taken.len(),
        refused: taken.iter().filter(|(_, granted)| !granted).count(),
        per_second: taken.len() as f64 / elapsed,
        p50: at(50),
        p99: at(99),
    }
}

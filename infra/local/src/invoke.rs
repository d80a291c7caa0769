//! Runs functions as Lambda does: each apart, so that a panic ends one invocation and no more.

use std::future::Future;
use std::time::Duration;

use crate::meter::FUNCTION;

/// Runs one invocation of a function under its name. It goes on to its end even when nobody waits
/// for it any more.
///
/// # Errors
/// When the function panicked, or the stack is stopping.
pub(crate) async fn invoke<T: Send + 'static>(
    function: &'static str,
    invocation: impl Future<Output = T> + Send + 'static,
) -> Result<T, Ended> {
    let run = tokio::spawn(FUNCTION.scope(function, invocation)).await;
    run.map_err(|error| {
        tracing::error!(function, %error, "the function ended without an answer");
        Ended
    })
}

/// The same for one that may take so long; `None` when it took longer, and was ended where it was.
///
/// # Errors
/// As [`invoke`].
pub(crate) async fn invoke_within<T: Send + 'static>(
    function: &'static str,
    time: Duration,
    invocation: impl Future<Output = T> + Send + 'static,
) -> Result<Option<T>, Ended> {
    let done = invoke(function, async move { tokio::time::timeout(time, invocation).await.ok() }).await?;
    if done.is_none() {
        tracing::error!(function, seconds = time.as_secs(), "the function took longer than it may");
    }
    Ok(done)
}

/// A function ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_invocation_ends_with_its_time_or_its_panic_alone() {
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        let endless = async move {
            let _held = held;
            std::future::pending::<()>().await;
        };
        assert_eq!(invoke_within("endless", Duration::ZERO, endless).await, Ok(None));
        assert!(dropped.await.is_err(), "it does not go on");
        let hour = Duration::from_hours(1);
        assert_eq!(invoke_within("quick", hour, async { 7 }).await, Ok(Some(7)));
        let broken = async move { assert!(hour.is_zero(), "broken on purpose") };
        assert_eq!(invoke_within("broken", hour, broken).await, Err(Ended));
    }
}

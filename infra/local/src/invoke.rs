//! Runs functions as Lambda does: each apart, so that a panic ends one invocation and no more.

use std::future::Future;

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

/// A function ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

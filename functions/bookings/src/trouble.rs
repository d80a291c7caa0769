//! Steps of a booking's money that come to nothing: tried again after longer and longer pauses, told to an
//! operator when that has not helped or cannot, and crossed off when they are made at last.

use roost::app::App;
use roost::booking::Booking;
use roost::booking::trouble::{PROVIDER, PaymentIssue};
use roost::error::{Error, Result};
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;

/// Writes down that `step` came to nothing at `booking`, and when it is tried again.
///
/// # Errors
/// `Unavailable` when the store did not answer: then the step is tried again by the next run.
pub(crate) async fn meet(
    app: &App,
    booking: &Booking,
    step: &str,
    context: &str,
    is_refused: bool,
) -> Result<()> {
    tracing::warn!(booking = %booking.id, step, context, is_refused, "a step of a booking's money came to nothing");
    let now = app.clock.now();
    let trouble = booking.in_trouble(now, is_refused);
    let known = issue_of(app, booking).await?;
    let known = if booking.trouble.is_none() { known.anew(now) } else { known };
    let mut issue = known.tried(step, now, context);
    if trouble.is_stuck() {
        issue = issue.open();
    }
    // What was refused is not on its way.
    let sending = if is_refused { 0 } else { booking.sending };
    let after = Booking { trouble: Some(trouble), sending, ..booking.clone() };
    let beside = Beside { issue: Some(&issue), ..Beside::default() };
    // Lost to another who has come further, or not.
    app.store.advance_with(booking, after, &beside).await.map(|_| ())
}

/// Writes a step that was made, after whatever stood in its way, with what belongs to it.
///
/// # Errors
/// `Unavailable` when the store did not answer.
pub(crate) async fn overcome(
    app: &App,
    before: &Booking,
    mut after: Booking,
    beside: Beside<'_>,
) -> Result<Advance> {
    after.trouble = None;
    let mended = match beside.issue {
        None if before.trouble.is_some() => {
            let known = issue_of(app, before).await?;
            let (now, done) = (app.clock.now(), "done".to_owned());
            Some(if known.is_for_people() { known.noted(now, done) } else { known.closed(now, done) })
        }
        _ => None,
    };
    let beside = Beside { issue: mended.as_ref().or(beside.issue), ..beside };
    app.store.advance_with(before, after, &beside).await
}

/// Has an operator told, once, that something failed which was taken for done. The booking stays as it is: who
/// is at its money must not lose his write to this. Its host is not paid out before it is resolved.
///
/// # Errors
/// `Unavailable` when it could not be written.
pub(crate) async fn tell(app: &App, booking: &Booking, failed: &str) -> Result<()> {
    let (known, now) = (issue_of(app, booking).await?, app.clock.now());
    if known.has_tried(PROVIDER, failed)
        || app.store.keep_issue(&known.anew(now).tried(PROVIDER, now, failed).open()).await?
    {
        return Ok(());
    }
    Err(Error::unavailable("another has written of the same trouble"))
}

/// What is known of the trouble with a booking's money.
pub(crate) async fn issue_of(app: &App, booking: &Booking) -> Result<PaymentIssue> {
    let known = app.store.payment_issue(booking.id).await?;
    Ok(known.unwrap_or_else(|| PaymentIssue::new(booking.id, app.clock.now())))
}

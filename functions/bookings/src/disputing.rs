//! What a guest's bank does about a dispute is asked for and entered, each turn of it once.

use roost::app::App;
use roost::booking::dispute::{Dispute, Standing};
use roost::booking::trouble::DISPUTE;
use roost::booking::{Booking, Outcome};
use roost::error::{Error, Result};
use roost::ids::PaymentId;
use roost::ledger::Entry;
use roost::payment::Disputed;
use roost::planted::{self, Bug};
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;

use crate::settling::{heading, settle_up};
use crate::trouble::issue_of;

/// Brings a booking to where the dispute of this id stands, and then to where those stand that came while it
/// was open: of two charges there may be two.
///
/// # Errors
/// `Unavailable` when it is not known to be done: the provider sends the event again.
pub(crate) async fn follow(app: &App, id: &str) -> Result<()> {
    let Some(mut booking) = followed(app, id).await? else { return Ok(()) };
    while let Some(next) = next_of(&booking) {
        let Some(after) = followed(app, &next).await? else { break };
        booking = after;
    }
    Box::pin(settle_up(app, booking)).await.map(|_| ())
}

/// The dispute to follow now that the one before is over.
fn next_of(booking: &Booking) -> Option<String> {
    let over = booking.dispute.as_ref().filter(|dispute| dispute.standing != Standing::Open)?;
    over.next.first().cloned()
}

/// The booking at where the dispute of this id stands; `None` when it is none of ours.
async fn followed(app: &App, id: &str) -> Result<Option<Booking>> {
    // Of a payment that is none of ours, or of no payment at all.
    let Some(Disputed { booking: of, payment, dispute: told }) = app.stripe()?.dispute(id).await? else {
        return Ok(None);
    };
    let Some(mut booking) = app.store.booking(of).await? else { return Ok(None) };
    let Some(index) = taken_by(&booking, payment) else {
        return Err(Error::unavailable("a dispute over money that is not known to be taken"));
    };
    if let Some(known) = &booking.dispute {
        if known.earlier.contains(&told.id) {
            return Ok(Some(booking));
        }
        if known.standing == Standing::Open && known.id != told.id {
            return noted(app, booking, &told).await.map(Some);
        }
    }
    if !is_same(&booking, &told) || planted::is(Bug::WebhookWithoutDedupe) {
        booking = entered(app, booking, index, Dispute { standing: Standing::Open, ..told.clone() }).await?;
    }
    let is_open = booking.dispute.as_ref().is_some_and(|known| known.standing == Standing::Open);
    if told.standing != Standing::Open && is_open {
        booking = entered(app, booking, index, told).await?;
    }
    Ok(Some(booking))
}

/// Notes a dispute that comes while another is open, and has an operator told.
async fn noted(app: &App, booking: Booking, told: &Dispute) -> Result<Booking> {
    let mut after = booking.clone();
    if let Some(open) = after.dispute.as_mut().filter(|open| !open.next.contains(&told.id)) {
        open.next.push(told.id.clone());
        let issue = issue_of(app, &booking).await?;
        let said = format!("another was opened: {}", told.id);
        let issue = issue.tried(DISPUTE, app.clock.now(), &said).open();
        let beside = Beside { issue: Some(&issue), ..Beside::default() };
        return match app.store.advance_with(&booking, after, &beside).await? {
            Advance::Done(after) => Ok(after),
            Advance::Lost => Err(Error::unavailable("another call is at this booking")),
        };
    }
    Ok(booking)
}

/// The attempt by which the money was taken that a dispute is over.
fn taken_by(booking: &Booking, payment: Option<PaymentId>) -> Option<usize> {
    let is_taken = |index: &usize| matches!(booking.attempts[*index].outcome, Some(Outcome::Captured(_)));
    let mut taken = (0..booking.attempts.len()).filter(is_taken);
    match payment {
        Some(payment) => taken.find(|index| booking.payment_id(*index) == payment),
        None => taken.next(),
    }
}

fn is_same(booking: &Booking, told: &Dispute) -> bool {
    booking.dispute.as_ref().is_some_and(|known| known.id == told.id)
}

/// Enters one turn of a dispute.
async fn entered(app: &App, before: Booking, index: usize, dispute: Dispute) -> Result<Booking> {
    let mut after = before.clone();
    let heading = heading(app, &mut after, index);
    let dispute = dispute.after(before.dispute.as_ref());
    let amount = dispute.amount;
    let entry: Entry = match dispute.standing {
        Standing::Open => heading.disputed(dispute.amount, dispute.fee),
        Standing::Won => heading.dispute_won(amount),
        Standing::Lost => {
            let parts = after.lose(index, amount);
            heading.dispute_lost(amount, &parts)
        }
    };
    let (now, issue) = (app.clock.now(), issue_of(app, &before).await?);
    let issue = match (dispute.standing, dispute.evidence_due) {
        (Standing::Open, due) => {
            let due = due.map(|due| format!(", evidence is due by {due}")).unwrap_or_default();
            issue.tried(DISPUTE, now, &format!("{} was opened{due}", dispute.id)).open()
        }
        (standing, _) => {
            let is_its_own = issue.step == DISPUTE;
            let said = format!("{} is {standing:?}", dispute.id).to_lowercase();
            if is_its_own { issue.closed(now, said) } else { issue.noted(now, said) }
        }
    };
    after.dispute = Some(dispute);
    // What it stood in the way of is tried anew.
    after.trouble = None;
    after.unsettled = after.has_more_to_settle();
    let beside = Beside { entries: &[entry], issue: Some(&issue), ..Beside::default() };
    match app.store.advance_with(&before, after, &beside).await? {
        Advance::Done(after) => Ok(after),
        Advance::Lost => Err(Error::unavailable("another call is at this booking")),
    }
}

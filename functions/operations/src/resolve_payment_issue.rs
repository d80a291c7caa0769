//! `POST /v1/admin/payment-issues/{id}/resolve`: an operator has looked at it, and says what was done. What
//! is still to be done then is tried again by the next run.

use roost::app::App;
use roost::booking::Booking;
use roost::booking::trouble::PaymentIssue;
use roost::error::{Error, Fields, Result};
use roost::http::{Admin, Answer, Call, Nothing, Operation};
use roost::ids::BookingId;
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;
use serde::Deserialize;

use crate::issue::{ById, IssueView};

/// The operation.
#[derive(Debug)]
pub struct ResolvePaymentIssue;

impl Operation for ResolvePaymentIssue {
    const NAME: &'static str = "resolve-payment-issue";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/admin/payment-issues/{id}/resolve";
    const SUMMARY: &'static str = "Take an issue off the list, with a note of what was done about it.";
    const PROBLEMS: &'static [u16] = &[403, 404, 409];
    type Caller = Admin;
    type Path = ById;
    type Query = Nothing;
    type Body = Body;
    type Reply = IssueView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<IssueView>> {
        let (booking, issue) = found(&app, call.path.id).await?;
        let note = call.body()?.check()?;
        if !issue.is_open {
            return Ok(Answer::ok(IssueView::of(issue, Some(&booking))));
        }
        let closed = issue.closed(app.clock.now(), format!("resolved by {}: {note}", call.caller.id));
        let beside = Beside { issue: Some(&closed), ..Beside::default() };
        let after = Booking { trouble: None, ..booking.clone() };
        match app.store.advance_with(&booking, after, &beside).await? {
            Advance::Done(booking) => Ok(Answer::ok(IssueView::of(closed, Some(&booking)))),
            Advance::Lost => {
                Err(Error::conflict("issue_changed", "The issue has just changed: read it again."))
            }
        }
    }
}

async fn found(app: &App, id: BookingId) -> Result<(Booking, PaymentIssue)> {
    let booking = app.store.booking(id).await?.ok_or(Error::NotFound)?;
    let issue = app.store.payment_issue(id).await?.ok_or(Error::NotFound)?;
    Ok((booking, issue))
}

/// What was done.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// For whoever reads the issue's history.
    note: String,
}

impl Body {
    fn check(self) -> Result<String> {
        let mut fields = Fields::default();
        let note = fields.text("/note", &self.note, 1, 400);
        fields.finish()?;
        Ok(note)
    }
}

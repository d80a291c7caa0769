//! `GET /v1/admin/payment-issues`: the money that does not get where it should, oldest first.

use roost::app::App;
use roost::error::Result;
use roost::http::paging::{self, Page, Paging};
use roost::http::{Admin, Answer, Call, Nothing, Operation};
use roost::store::payment_issues::IssuePosition;

use crate::issue::{IssueView, views};

/// The operation.
#[derive(Debug)]
pub struct ListPaymentIssues;

impl Operation for ListPaymentIssues {
    const NAME: &'static str = "list-payment-issues";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/admin/payment-issues";
    const SUMMARY: &'static str = "The money that does not get where it should, for an operator to look at.";
    const PROBLEMS: &'static [u16] = &[403];
    type Caller = Admin;
    type Path = Nothing;
    type Query = Paging;
    type Body = Nothing;
    type Reply = Page<IssueView>;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Page<IssueView>>> {
        let asked = call.query()?;
        let (context, limit) = (format!("{} {}", call.caller.id, Self::PATH), paging::limit(asked.limit)?);
        let after = asked.cursor.map(|cursor| paging::unseal::<IssuePosition>(&app, &context, &cursor));
        let (issues, next) = app.store.open_issues(after.transpose()?.as_ref(), limit).await?;
        let items = views(&app, issues).await?;
        let next_cursor = next.map(|position| paging::seal(&app, &context, &position));
        Ok(Answer::ok(Page { items, next_cursor }))
    }
}

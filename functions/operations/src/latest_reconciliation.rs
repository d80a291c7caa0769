//! `GET /v1/admin/reconciliations/latest`: what the latest run of the daily reconciliation found.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Admin, Answer, Call, Nothing, Operation};
use roost::reconciliation::Report;

/// The operation.
#[derive(Debug)]
pub struct GetLatestReconciliation;

impl Operation for GetLatestReconciliation {
    const NAME: &'static str = "get-latest-reconciliation";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/admin/reconciliations/latest";
    const SUMMARY: &'static str = "Where nights, bookings, ledger and the provider's book differed last.";
    const PROBLEMS: &'static [u16] = &[403, 404];
    type Caller = Admin;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Report;

    async fn run(app: App, _: Call<Self>) -> Result<Answer<Report>> {
        app.store.latest_reconciliation().await?.map(Answer::ok).ok_or(Error::NotFound)
    }
}

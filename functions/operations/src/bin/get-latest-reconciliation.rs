//! `GET /v1/admin/reconciliations/latest`.
use roost_operations::latest_reconciliation::GetLatestReconciliation as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

//! `GET /v1/admin/payment-issues`.
use roost_operations::list_payment_issues::ListPaymentIssues as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

//! `POST /v1/admin/payment-issues/{id}/resolve`.
use roost_operations::resolve_payment_issue::ResolvePaymentIssue as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

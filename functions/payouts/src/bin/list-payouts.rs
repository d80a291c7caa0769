//! `GET /v1/hosts/me/payouts`.
use roost_payouts::list::ListPayouts as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

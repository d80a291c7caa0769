//! `POST /v1/hosts/me/payout-account`.
use roost_payouts::open_account::OpenPayoutAccount as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

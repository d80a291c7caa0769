//! `POST /v1/webhooks/adyen`.
use roost_bookings::adyen_webhook::AdyenWebhook as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

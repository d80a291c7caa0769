//! `POST /v1/webhooks/stripe`.
use roost_bookings::stripe_webhook::StripeWebhook as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

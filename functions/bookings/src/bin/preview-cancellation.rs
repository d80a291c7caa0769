//! `GET /v1/bookings/{id}/cancellation`.
use roost_bookings::preview_cancellation::PreviewCancellation as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

//! `GET /v1/bookings/{id}/cancellation`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(
        roost::http::Endpoint::of::<roost_bookings::preview_cancellation::PreviewCancellation>(),
    )
    .await
}

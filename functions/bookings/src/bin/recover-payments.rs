//! Every minute: payments that nobody recorded.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_schedule(roost_bookings::recover::RECOVER_PAYMENTS).await
}

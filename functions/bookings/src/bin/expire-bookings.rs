//! Every minute: what has lapsed.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_schedule(roost_bookings::expire::EXPIRE_BOOKINGS).await
}

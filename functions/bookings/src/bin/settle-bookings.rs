//! The consumer of the bookings' stream.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_consumer(roost_bookings::settle::SETTLE_BOOKINGS).await
}

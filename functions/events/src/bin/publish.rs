//! The consumer that publishes what the streams of listings and bookings tell.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_consumer(roost_events::publish::PUBLISH).await
}

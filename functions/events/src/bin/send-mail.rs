//! The listener that mails what happened to bookings.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_listener(roost_events::send::SEND_MAIL).await
}

//! Shows which nights of a month can be booked.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_calendar::month::GetAvailability>()).await
}

//! Checks one stay at several listings.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_calendar::check::CheckAvailability>()).await
}

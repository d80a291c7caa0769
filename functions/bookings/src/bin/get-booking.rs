//! `GET /v1/bookings/{id}`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_bookings::get::GetBooking>()).await
}

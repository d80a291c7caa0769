//! `POST /v1/bookings/{id}/check-in`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_bookings::check_in::CheckInBooking>()).await
}

//! `POST /v1/bookings/{id}/decline`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_bookings::decline::DeclineBooking>()).await
}

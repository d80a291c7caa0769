//! `GET /v1/bookings`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_bookings::list::ListBookings>()).await
}

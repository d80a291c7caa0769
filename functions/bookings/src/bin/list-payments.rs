//! `GET /v1/bookings/{id}/payments`.
use roost_bookings::list_payments::ListPayments as Operation;

#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<Operation>()).await
}

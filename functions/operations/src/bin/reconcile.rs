//! Every night: what differs between nights, bookings, ledger and the provider's book.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_schedule(roost_operations::reconcile::RECONCILE).await
}

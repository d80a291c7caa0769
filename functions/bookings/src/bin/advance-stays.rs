//! Every hour: check-ins and check-outs.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_schedule(roost_bookings::advance::ADVANCE_STAYS).await
}

//! Every minute: holds that have only minutes left.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_schedule(roost_events::remind::REMIND_HOLDS).await
}

//! Sets the stay rules of nights.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_calendar::set_rules::SetRules>()).await
}

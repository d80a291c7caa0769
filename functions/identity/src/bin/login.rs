//! Signing in.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_identity::login::Login>()).await
}

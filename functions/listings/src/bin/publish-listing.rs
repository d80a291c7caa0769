//! Puts a listing on sale.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_listings::publish::Publish>()).await
}

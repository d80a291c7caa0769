//! Answers what no other route takes.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost_site::not_found::NOT_FOUND).await
}

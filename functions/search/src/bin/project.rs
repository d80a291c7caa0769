//! Fed by the streams of listings and nights: keeps what search knows.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_consumer(roost_search::project::PROJECT).await
}

//! Sets the search index up, or makes it anew.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_task(roost_search::apply::APPLY).await
}

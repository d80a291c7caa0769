//! Fed by the stream of projections: keeps the index as the cells are.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_consumer(roost_search::index::INDEX).await
}

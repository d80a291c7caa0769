//! Deletes the photos of a listing that is gone.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_listener(roost_photos::clear::CLEAR_PHOTOS).await
}

//! Makes a photo of an upload.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_listener(roost_photos::process::PROCESS_PHOTO).await
}

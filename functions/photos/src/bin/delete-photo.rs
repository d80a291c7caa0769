//! Deletes a photo.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_photos::delete::DeletePhoto>()).await
}

//! Shows a listing's photos.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_photos::list::ListPhotos>()).await
}

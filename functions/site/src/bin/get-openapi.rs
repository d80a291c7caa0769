//! `GET /openapi.json`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_site::get_openapi::GetOpenapi>()).await
}

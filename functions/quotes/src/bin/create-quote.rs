//! `POST /v1/quotes`.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::http::serve(roost::http::Endpoint::of::<roost_quotes::create::CreateQuote>()).await
}

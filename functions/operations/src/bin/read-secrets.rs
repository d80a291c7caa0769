//! Reads the deployment's secrets for its template.
#[tokio::main]
async fn main() -> Result<(), roost::http::LambdaError> {
    roost::function::serve_task(roost_operations::read_secrets::READ_SECRETS).await
}

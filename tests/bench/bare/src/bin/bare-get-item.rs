//! Loads the SDK, makes a client, and reads one item for each request.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_http::{Body, Error, Request, Response, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")))
        .endpoint_url(variable("ROOST_STORE_URL"))
        .credentials_provider(Credentials::new("local", "local", None, None, "environment"))
        .http_client(https)
        .build();
    let client = &Client::from_conf(config);
    let table = &variable("ROOST_USERS_TABLE");
    lambda_http::run(service_fn(|_: Request| async move {
        let nobody = || AttributeValue::S("nobody".into());
        let read =
            client.get_item().table_name(table).key("owner", nobody()).key("item", nobody()).send().await?;
        Ok::<_, Error>(Response::new(Body::from(if read.item.is_some() { "somebody" } else { "nobody" })))
    }))
    .await
}

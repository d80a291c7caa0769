//! Secrets Manager: the function that hands a deployment its secrets reads them there, each by one call.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use crate::app::App;
use crate::connector::{self, Signer};
use crate::error::{Error, Result};

/// How long a try may take.
const EACH: Duration = Duration::from_secs(3);
/// The longest pause before each try, in milliseconds; half of it is drawn anew. They are longer than other
/// clients', since what a deployment has just allowed a role holds some seconds later.
const PAUSES: [u64; 6] = [0, 300, 1_000, 5_000, 10_000, 20_000];

/// The text of a secret, given by its name or ARN: of the version of this id, of the current one where that is
/// empty.
///
/// # Errors
/// `Unavailable` when it could not be read. Why has nothing of the secret.
pub(crate) async fn read(app: &App, secret: &str, version: &str) -> Result<String> {
    let mut asked = json!({"SecretId": secret});
    if !version.is_empty() {
        asked["VersionId"] = version.into();
    }
    let asked = asked.to_string();
    let mut trouble = String::new();
    for pause in PAUSES {
        let pause = pause / 2 + app.entropy.below(pause / 2);
        if pause > 0 {
            app.clock.sleep(Duration::from_millis(pause)).await;
        }
        match app.clock.within(EACH, ask(app, &asked)).await {
            Some(Ok(text)) => return Ok(text),
            Some(Err(why)) => trouble = why,
            None => trouble = "no answer in time".into(),
        }
    }
    // Who may read it alone is denied one that is not there.
    Err(Error::unavailable(format!("the secret {secret}, if there is one: {trouble}")))
}

/// One try: the text, or why there is none.
async fn ask(app: &App, asked: &str) -> std::result::Result<String, String> {
    let request = request(app, asked).map_err(|why| why.to_string())?;
    let response = app.connector().call(request).await.map_err(|why| why.to_string())?;
    let status = response.status().as_u16();
    let body = ByteStream::new(response.into_body()).collect().await.map_err(|why| why.to_string())?;
    let body = body.to_vec();
    if status != 200 {
        return Err(format!("{status} {}", String::from_utf8_lossy(&body)));
    }
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    answer["SecretString"].as_str().map(str::to_owned).ok_or_else(|| "it has no text".into())
}

/// `GetSecretValue`: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>.
fn request(
    app: &App,
    asked: &str,
) -> std::result::Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let region = app.config.region.as_str();
    let domain = match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    let aws = || format!("https://secretsmanager.{region}.{domain}/");
    let url = app.config.secrets_url.clone().unwrap_or_else(aws);
    let headers =
        [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")];
    let credentials = connector::credentials();
    let at = SystemTime::from(app.clock.now());
    let signer = Signer { service: "secretsmanager", region, credentials: &credentials, at };
    signer.signed("POST", &url, &headers, asked.as_bytes())
}

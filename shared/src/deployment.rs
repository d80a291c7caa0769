//! CloudFormation's custom resources: a task that a deployment runs answers to an address in its event.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::{Error, Result};
use crate::function::Task;

/// What CloudFormation sends; anything else is an order of an operator.
#[derive(Debug, Deserialize)]
struct Request {
    #[serde(rename = "RequestType")]
    kind: String,
    #[serde(rename = "ResponseURL")]
    answer_to: String,
    #[serde(rename = "StackId")]
    stack: String,
    #[serde(rename = "RequestId")]
    id: String,
    #[serde(rename = "LogicalResourceId")]
    logical: String,
    #[serde(rename = "PhysicalResourceId")]
    physical: Option<String>,
    #[serde(rename = "ResourceProperties", default)]
    properties: Value,
}

/// Runs a task for an operator, who gets its answer, or for CloudFormation, which is told whether it
/// was done. When the resource goes, nothing is run. What is secret is answered to CloudFormation alone, and
/// stands in no log.
///
/// # Errors
/// The task's own for an operator, who may not order what is secret; for CloudFormation when it could not be
/// told.
pub async fn run(app: &App, task: Task, event: Value) -> Result<Value> {
    let Ok(request) = serde_json::from_value::<Request>(event.clone()) else {
        if task.secret {
            return Err(Error::internal(format!("{} answers CloudFormation alone", task.name)));
        }
        return (task.run)(app.clone(), event).await;
    };
    let order = if task.secret { request.properties } else { json!({}) };
    let outcome = match request.kind.as_str() {
        "Delete" => Ok(json!({})),
        _ => (task.run)(app.clone(), order).await,
    };
    let id = request.physical.as_deref().unwrap_or(task.name);
    let answer = match &outcome {
        Ok(attributes) if task.secret => {
            tracing::info!(task = task.name, request = %request.kind, "done for CloudFormation");
            json!({"Status": "SUCCESS", "NoEcho": true, "Data": attributes})
        }
        Ok(outcome) => {
            tracing::info!(task = task.name, request = %request.kind, %outcome, "done for CloudFormation");
            json!({"Status": "SUCCESS", "Data": {"Outcome": outcome.to_string()}})
        }
        Err(error) => {
            tracing::error!(task = task.name, request = %request.kind, %error, "failed for CloudFormation");
            json!({"Status": "FAILED", "Reason": error.to_string()})
        }
    };
    let mut answer = answer;
    answer["PhysicalResourceId"] = json!(id);
    answer["StackId"] = json!(request.stack);
    answer["RequestId"] = json!(request.id);
    answer["LogicalResourceId"] = json!(request.logical);
    tell(app, &request.answer_to, answer.to_string()).await?;
    if task.secret {
        answer["Data"] = Value::Null;
    }
    Ok(answer)
}

async fn tell(app: &App, url: &str, answer: String) -> Result<()> {
    let request = http::Request::builder()
        .method("PUT")
        .uri(url)
        // The address is signed without a content type.
        .header("content-type", "")
        .header("content-length", answer.len())
        .body(SdkBody::from(answer))
        .map_err(Error::internal)?;
    let request = request.try_into().map_err(Error::internal)?;
    let told = app.connector().call(request).await;
    let status = told.map_err(|error| Error::unavailable(format!("CloudFormation: {error}")))?.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Error::unavailable(format!("CloudFormation answered {}", status.as_u16())))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use futures::future::BoxFuture;

    use super::*;
    use crate::clock::{Clock, Instant, Timer, Wait};
    use crate::config::Config;
    use crate::entropy::Entropy;

    /// Keeps where calls go and what they say, and denies the first.
    #[derive(Clone, Debug, Default)]
    struct Aws(Arc<Mutex<Vec<(String, String)>>>);

    impl HttpConnector for Aws {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let mut sent = self.0.lock().unwrap();
            sent.push((format!("{} {target}", request.uri()), body));
            let (status, answer): (u16, &'static str) = match sent.len() {
                1 => (400, r#"{"__type":"AccessDeniedException"}"#),
                _ if target.is_empty() => (200, ""),
                _ => (200, r#"{"SecretString":"sk_live_1"}"#),
            };
            let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer));
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    /// Waits for nothing.
    struct AtOnce;

    impl Timer for AtOnce {
        fn passed(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _: Duration) -> Wait {
            Box::pin(std::future::ready(()))
        }
    }

    fn app(aws: &Aws) -> App {
        let config = Config::from(|name| (name == "ROOST_SECRET").then(|| "s".repeat(32)));
        let clock = Clock::with(|| Instant::from_second(1_800_000_000).unwrap(), AtOnce);
        let entropy = Entropy::of(|bytes| bytes.fill(0));
        App::new(config.unwrap(), clock, entropy, SharedHttpConnector::new(aws.clone()))
    }

    fn read(app: App, properties: Value) -> BoxFuture<'static, Result<Value>> {
        Box::pin(async move {
            let secret = properties["Secret"].as_str().unwrap_or_default();
            Ok(json!({"StripeKey": app.read_secret(secret, "v1").await?}))
        })
    }

    #[tokio::test]
    async fn a_secret_is_told_to_cloudformation_which_shows_it_to_nobody() {
        let (aws, task) = (Aws::default(), Task { name: "read-secrets", run: read, secret: true });
        let event = json!({
            "RequestType": "Create", "RequestId": "1", "StackId": "roost", "LogicalResourceId": "Secrets",
            "ResponseURL": "https://answer.test/", "ResourceProperties": {"Secret": "roost/stripe-key"},
        });
        let answered = run(&app(&aws), task, event).await.unwrap();
        assert!(!answered.to_string().contains("sk_live_1"), "{answered}");
        let sent = aws.0.lock().unwrap().clone();
        let asked = (
            "https://secretsmanager.us-east-1.amazonaws.com/ secretsmanager.GetSecretValue".to_owned(),
            r#"{"SecretId":"roost/stripe-key","VersionId":"v1"}"#.to_owned(),
        );
        assert_eq!(sent[..2], [asked.clone(), asked], "again after it was denied");
        let told: Value = serde_json::from_str(&sent[2].1).unwrap();
        assert_eq!((&told["NoEcho"], &told["Data"]), (&json!(true), &json!({"StripeKey": "sk_live_1"})));
        assert!(run(&app(&aws), task, json!({"Secret": "roost/stripe-key"})).await.is_err());
        assert_eq!(aws.0.lock().unwrap().len(), 3, "an operator is not told, and nothing is read for him");
    }
}

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
}

/// Runs a task for an operator, who gets its answer, or for CloudFormation, which is told whether it
/// was done. When the resource goes, nothing is run.
///
/// # Errors
/// The task's own for an operator; for CloudFormation when it could not be told.
pub async fn run(app: &App, task: Task, event: Value) -> Result<Value> {
    let Ok(request) = serde_json::from_value::<Request>(event.clone()) else {
        return (task.run)(app.clone(), event).await;
    };
    let outcome = match request.kind.as_str() {
        "Delete" => Ok(Value::Null),
        _ => (task.run)(app.clone(), json!({})).await,
    };
    let id = request.physical.as_deref().unwrap_or(task.name);
    let answer = match &outcome {
        Ok(outcome) => json!({"Status": "SUCCESS", "Data": {"Outcome": outcome.to_string()}}),
        Err(error) => json!({"Status": "FAILED", "Reason": error.to_string()}),
    };
    let mut answer = answer;
    answer["PhysicalResourceId"] = json!(id);
    answer["StackId"] = json!(request.stack);
    answer["RequestId"] = json!(request.id);
    answer["LogicalResourceId"] = json!(request.logical);
    tell(app, &request.answer_to, answer.to_string()).await?;
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

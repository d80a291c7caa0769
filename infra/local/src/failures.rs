//! What functions could not handle: kept as Lambda keeps it, and handed to them once more.
//!
//! A stream's record goes to the failure bucket, in an object that has the whole record:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>. An event of the bus
//! goes to its queue, which here is a list in memory.

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use roost::app::App;
use roost::bucket::Kind;
use roost::error::{Error, Result};
use roost::function::{Functions, records};
use serde::Serialize;
use serde_json::{Value, json};

use crate::all_functions;
use crate::invoke::invoke;
use crate::stack::Stack;

/// Where Lambda puts its objects.
const FOLDER: &str = "aws/lambda/";
/// The largest object: a batch of records has at most 6 MB, and is quoted.
const LARGEST: u64 = 16 * 1024 * 1024;
/// What stands before a function's name in its ARN.
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:";

/// What a replay did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// How many failures are handled now, and gone.
    pub replayed: usize,
    /// Those that failed again, and are kept.
    pub left: Vec<Left>,
}

/// A failure that failed again.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// The object in the failure bucket, or the queue and the event.
    pub key: String,
    /// Why.
    pub why: String,
}

/// Keeps the event of a batch that `function` failed on, and returns the object's key.
///
/// # Errors
/// When the bucket does not take it.
pub(crate) async fn keep(
    app: &App,
    function: &str,
    table: &str,
    payload: &Value,
    tries: u32,
) -> Result<String> {
    let records = payload["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sequence = |record: Option<&Value>| record.map(|record| record["dynamodb"]["SequenceNumber"].clone());
    let (now, id) = (app.clock.now(), uuid::Uuid::new_v4());
    let failure = json!({
        "requestContext": {
            "requestId": uuid::Uuid::new_v4(),
            "functionArn": format!("{FUNCTION_ARN}{function}"),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": tries,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": null },
        "version": "1.0",
        "timestamp": now,
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": sequence(records.first()),
            "endSequenceNumber": sequence(records.last()),
            "approximateArrivalOfFirstRecord": now,
            "approximateArrivalOfLastRecord": now,
            "batchSize": records.len(),
            "streamArn": format!("arn:aws:dynamodb:eu-central-1:000000000000:table/{table}/stream/local"),
        },
        // A text, as Lambda writes it.
        "payload": payload.to_string(),
    });
    let (day, time) = (now.strftime("%Y/%m/%d"), now.strftime("%Y-%m-%dT%H.%M.%S"));
    let key = format!("{FOLDER}{function}-{table}/shardId-00000000000000000000-00000000/{day}/{time}-{id}");
    let kind = Kind { content_type: "application/json", cache_control: None };
    app.failures()?.put(&key, failure.to_string().into_bytes(), kind).await?;
    Ok(key)
}

/// Hands every failure to its function once more, oldest first in each shard. One that fails again
/// stays where it is and keeps none of the others.
pub(crate) async fn replay(stack: &Stack) -> Result<Replayed> {
    let functions = all_functions();
    let mut replayed = Replayed::default();
    let (app, mut after) = (stack.app(), None::<String>);
    loop {
        let keys = app.failures()?.list(FOLDER, after.as_deref()).await?;
        let Some(last) = keys.last().cloned() else { break };
        for key in keys {
            let outcome = replay_object(stack, &functions, &key).await;
            replayed.note(key, outcome);
        }
        after = Some(last);
    }
    for failure in stack.bus().failures().into_iter().rev() {
        let listener = functions.listeners.iter().find(|listener| listener.name == failure.function);
        let Some(listener) = listener else { continue };
        let outcome = match serde_json::from_value(failure.event.clone()) {
            Err(error) => Err(Error::internal(error)),
            Ok(event) => {
                let handled = (listener.handle)(stack.app_of(listener.name), event);
                invoke(listener.name, handled).await.unwrap_or_else(|_| Err(Error::internal("it panicked")))
            }
        };
        if outcome.is_ok() {
            stack.bus().forget(&failure);
        }
        replayed.note(format!("{} {}", failure.queue, failure.event["id"]), outcome);
    }
    Ok(replayed)
}

/// Replays one object of the failure bucket, and deletes it when that succeeds.
async fn replay_object(stack: &Stack, functions: &Functions, key: &str) -> Result<()> {
    let app = stack.app();
    let Some(bytes) = app.failures()?.get(key, LARGEST).await? else { return Ok(()) };
    let failure: Value = serde_json::from_slice(&bytes).map_err(Error::internal)?;
    let name = failure["requestContext"]["functionArn"].as_str().unwrap_or_default();
    let name = name.rsplit(':').next().unwrap_or_default();
    let consumer = functions.consumers.iter().find(|consumer| consumer.name == name);
    let consumer = consumer.ok_or_else(|| Error::internal(format!("there is no consumer {name:?}")))?;
    let event: StreamEvent =
        serde_json::from_str(failure["payload"].as_str().unwrap_or_default()).map_err(Error::internal)?;
    let handled = (consumer.handle)(stack.app_of(consumer.name), records(event));
    let failed = invoke(consumer.name, handled).await.map_err(|_| Error::internal("it panicked"))?;
    if !failed.is_empty() {
        return Err(Error::internal(format!("{name} fails on {}", failed.join(", "))));
    }
    app.failures()?.delete(key).await
}

impl Replayed {
    fn note(&mut self, key: String, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.replayed += 1,
            Err(error) => self.left.push(Left { key, why: error.to_string() }),
        }
    }
}

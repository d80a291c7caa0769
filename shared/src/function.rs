//! The kinds of functions, free of their types: what binaries serve and the local stack runs.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock::Instant;
use crate::error::Result;
use crate::http::{Described, Endpoint};

/// A function that a schedule starts.
#[derive(Clone, Copy)]
pub struct Schedule {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// Does its work once. Twice at a time or not for an hour, the outcome is the same.
    pub run: fn(App) -> BoxFuture<'static, Result<()>>,
}

/// A function that a table's stream feeds.
#[derive(Clone, Copy)]
pub struct Consumer {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// Handles a batch in the stream's order; the sequence numbers of the records that failed.
    pub handle: fn(App, Vec<Record>) -> BoxFuture<'static, Vec<String>>,
}

/// A function that a deployment or an operator invokes.
#[derive(Clone, Copy)]
pub struct Task {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// Does what the event orders; the answer.
    pub run: fn(App, serde_json::Value) -> BoxFuture<'static, Result<serde_json::Value>>,
    /// Whether its answer is secret. CloudFormation alone orders it then, by the properties of a resource, and is
    /// told the answer as attributes that it shows to nobody. It starts without the deployment's secret, which
    /// is among what it answers.
    pub secret: bool,
}

/// One change of one item, as a stream tells it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place in the stream.
    pub sequence: String,
    /// The item's key.
    pub keys: serde_dynamo::Item,
    /// The item before, unless it is new.
    pub old: Option<serde_dynamo::Item>,
    /// The item now, unless it is gone.
    pub new: Option<serde_dynamo::Item>,
}

/// A function that an event bus hands events to, one at a time.
#[derive(Clone, Copy)]
pub struct Listener {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// Handles an event. It comes at least once and in no order: twice, the outcome is the same.
    pub handle: fn(App, Event) -> BoxFuture<'static, Result<()>>,
}

/// An event as EventBridge hands it over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The bus's own id. An event that was published twice has two: what it tells of has one in
    /// `detail`.
    pub id: String,
    /// Who says so: `roost`, `aws.s3`.
    pub source: String,
    /// What happened: `booking.confirmed`, `Object Created`.
    #[serde(rename = "detail-type")]
    pub kind: String,
    /// When.
    pub time: Instant,
    /// The rest, as its kind says.
    pub detail: serde_json::Value,
}

/// The functions of one package, for the local stack and the OpenAPI document.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    /// The operations of the contract.
    pub operations: Vec<Described>,
    /// Endpoints that are no operation: `$default`.
    pub fallbacks: Vec<Endpoint>,
    /// What schedules start.
    pub schedules: Vec<Schedule>,
    /// What streams feed.
    pub consumers: Vec<Consumer>,
    /// What deployments and operators invoke.
    pub tasks: Vec<Task>,
    /// What the event bus feeds.
    pub listeners: Vec<Listener>,
}

impl Functions {
    /// Both packages' functions.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        self.fallbacks.extend(other.fallbacks);
        self.schedules.extend(other.schedules);
        self.consumers.extend(other.consumers);
        self.tasks.extend(other.tasks);
        self.listeners.extend(other.listeners);
        self
    }

    /// Every endpoint.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.operations.iter().map(|described| described.endpoint).chain(self.fallbacks.iter().copied())
    }

    /// Every function's name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints()
            .map(|endpoint| endpoint.name)
            .chain(self.schedules.iter().map(|schedule| schedule.name))
            .chain(self.consumers.iter().map(|consumer| consumer.name))
            .chain(self.tasks.iter().map(|task| task.name))
            .chain(self.listeners.iter().map(|listener| listener.name))
    }
}

/// Serves one scheduled function until Lambda ends the process.
///
/// # Errors
/// As [`crate::http::serve`]. A run that fails fails the invocation, which Lambda tries again.
pub async fn serve_schedule(schedule: Schedule) -> std::result::Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let app = App::from_environment()?;
    lambda_runtime::run(lambda_runtime::service_fn(
        move |_: lambda_runtime::LambdaEvent<serde_json::Value>| {
            let run = (schedule.run)(app.clone());
            async move { run.await.map_err(lambda_runtime::Error::from) }
        },
    ))
    .await
}

/// Serves one stream's consumer until Lambda ends the process, with partial batch failures.
///
/// # Errors
/// As [`crate::http::serve`].
pub async fn serve_consumer(consumer: Consumer) -> std::result::Result<(), lambda_runtime::Error> {
    use aws_lambda_events::event::dynamodb::Event;
    lambda_runtime::tracing::init_default_subscriber();
    let app = App::from_environment()?;
    lambda_runtime::run(lambda_runtime::service_fn(move |event: lambda_runtime::LambdaEvent<Event>| {
        let records = records(event.payload);
        let count = records.len();
        let failed = (consumer.handle)(app.clone(), records);
        async move { batch_response(count, &failed.await).map_err(lambda_runtime::Error::from) }
    }))
    .await
}

/// Serves one task until Lambda ends the process.
///
/// # Errors
/// As [`crate::http::serve`].
pub async fn serve_task(task: Task) -> std::result::Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let app = if task.secret { App::without_secret() } else { App::from_environment() };
    let app = app?;
    lambda_runtime::run(lambda_runtime::service_fn(
        move |event: lambda_runtime::LambdaEvent<serde_json::Value>| {
            let app = app.clone();
            async move {
                crate::deployment::run(&app, task, event.payload).await.map_err(lambda_runtime::Error::from)
            }
        },
    ))
    .await
}

/// Serves one listener until Lambda ends the process.
///
/// # Errors
/// As [`crate::http::serve`]. An event that fails fails the invocation: Lambda tries it again, then
/// hands it to the function's failure queue.
pub async fn serve_listener(listener: Listener) -> std::result::Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let app = App::from_environment()?;
    lambda_runtime::run(lambda_runtime::service_fn(move |event: lambda_runtime::LambdaEvent<Event>| {
        let handled = (listener.handle)(app.clone(), event.payload);
        async move { handled.await.map_err(lambda_runtime::Error::from) }
    }))
    .await
}

/// The changes that a stream's event tells.
#[must_use]
pub fn records(event: aws_lambda_events::event::dynamodb::Event) -> Vec<Record> {
    let change = |record: aws_lambda_events::event::dynamodb::EventRecord| {
        let present = |item: serde_dynamo::Item| (!item.inner().is_empty()).then_some(item);
        Record {
            sequence: record.change.sequence_number.unwrap_or_default(),
            keys: record.change.keys,
            old: present(record.change.old_image),
            new: present(record.change.new_image),
        }
    };
    event.records.into_iter().map(change).collect()
}

/// What a consumer answers to a batch of `count` records: which of them to deliver again.
///
/// # Errors
/// When it handled none of several. Lambda cuts a batch at the first record that is told to have failed: where that
/// is the first of all there is nothing to cut, and in the end all of them would lie in the failure bucket for the
/// sake of one. The batch of a consumer that fails as a whole is halved. See "Configuring partial batch response with
/// DynamoDB and Lambda" in Lambda's developer guide.
fn batch_response(count: usize, failed: &[String]) -> std::result::Result<serde_json::Value, &'static str> {
    if count > 1 && failed.len() >= count {
        return Err("none of these records was handled");
    }
    let failures: Vec<_> =
        failed.iter().map(|sequence| serde_json::json!({ "itemIdentifier": sequence })).collect();
    Ok(serde_json::json!({ "batchItemFailures": failures }))
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_which_nothing_was_handled_is_for_lambda_to_halve() {
        let failed = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        let told = |records: usize, count: usize| {
            let answer = batch_response(records, &failed(count));
            answer.map(|answer| answer["batchItemFailures"].as_array().map_or(0, Vec::len))
        };
        assert_eq!((told(3, 0), told(3, 2), told(1, 1), told(0, 0)), (Ok(0), Ok(2), Ok(1), Ok(0)));
        assert!(told(3, 3).is_err());
    }
}

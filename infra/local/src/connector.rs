//! The way out of the functions that run in this process: calls of the store and of the event bus,
//! and mail, stay here, those of the index find its server, everything else goes out over HTTP as it
//! would anywhere.

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::bus::Bus;
use crate::engine::{Engine, Reply, operation_of};
use crate::faults::{StoreCall, StoreFault};
use crate::mailbox::{self, Mailbox};
use crate::meter::FUNCTION;
use crate::search::{self, Search};

/// The connector of a stack's functions.
#[must_use]
pub fn connector(engine: &Engine, bus: &Bus, mailbox: &Mailbox, search: &Search) -> SharedHttpConnector {
    SharedHttpConnector::new(Local {
        engine: engine.clone(),
        bus: bus.clone(),
        mailbox: mailbox.clone(),
        search: search.clone(),
        http: outside(),
    })
}

/// Plain HTTP with pooled connections.
pub(crate) fn outside() -> SharedHttpConnector {
    SharedHttpConnector::new(Connector::builder().build_http())
}

#[derive(Debug)]
struct Local {
    engine: Engine,
    bus: Bus,
    search: Search,
    mailbox: Mailbox,
    http: SharedHttpConnector,
}

impl HttpConnector for Local {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(target) = request.headers().get("x-amz-target") else {
            if request.uri().contains(search::PATH) {
                return self.search.call(&self.http, request);
            }
            if request.uri().ends_with(mailbox::PATH) {
                let reply = self.mailbox.answer(request.body().bytes().unwrap_or_default());
                return HttpConnectorFuture::ready(response(reply, "application/json"));
            }
            return self.http.call(request);
        };
        if target.starts_with("AWSEvents.") {
            let reply = self.bus.answer(target, request.body().bytes().unwrap_or_default());
            return HttpConnectorFuture::ready(response(reply, "application/x-amz-json-1.1"));
        }
        let engine = self.engine.clone();
        HttpConnectorFuture::new(async move { store(&engine, &request).await })
    }
}

async fn store(engine: &Engine, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    // No network answers within the call: who makes several at once has sent them all before the first is answered.
    tokio::task::yield_now().await;
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let body = request.body().bytes().unwrap_or_default();
    let function = FUNCTION.try_with(|function| *function).ok();
    let fault = engine.faults().of(&StoreCall { operation: operation_of(target), function, body });
    let reply = stored(engine, target, body, fault).await;
    let reply = reply.ok_or_else(|| ConnectorError::timeout("the store did not answer".into()))?;
    response(reply, "application/x-amz-json-1.0")
}

/// What the store answers to a call that this befalls; `None` is silence.
pub async fn stored(engine: &Engine, target: &str, body: &[u8], fault: Option<StoreFault>) -> Option<Reply> {
    match fault {
        Some(StoreFault::TimeoutBefore) => None,
        Some(StoreFault::Throttled) => Some(refusal(400, "ProvisionedThroughputExceededException")),
        Some(StoreFault::Broken) => Some(refusal(500, "InternalServerError")),
        Some(StoreFault::Conflict) => Some(conflict(body)),
        Some(StoreFault::TimeoutAfter) => {
            engine.answer(target, body).await;
            None
        }
        None => Some(engine.answer(target, body).await),
    }
}

/// A reply as the SDK's clients read it.
///
/// # Errors
/// When the status is none.
pub fn response(reply: Reply, kind: &'static str) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(reply.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(reply.body));
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

fn refusal(status: u16, name: &str) -> Reply {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
    Reply { status, body: serde_json::json!({ "__type": kind, "message": "ordered by a test" }).to_string() }
}

/// Another transaction holds the first item of this one; a single item's write is refused alike.
fn conflict(body: &[u8]) -> Reply {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(items) = request["TransactItems"].as_array() else {
        return refusal(400, "TransactionConflictException");
    };
    let reason = |place| {
        if place == 0 {
            serde_json::json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" })
        } else {
            serde_json::json!({ "Code": "None" })
        }
    };
    let reasons: Vec<_> = (0..items.len()).map(reason).collect();
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    Reply { status: 400, body: body.to_string() }
}

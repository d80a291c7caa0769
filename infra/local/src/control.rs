//! The developer's calls under `/_local`: never in a deployed stack. They are how tests reach time,
//! faults and the meter.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use roost::account::{Email, Role};
use roost::clock::Instant;
use roost::error::{Error, Fields, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::import;
use crate::provider::{AuthenticationOrder, DisputeOrder, FaultOrder, WebhookOrder};
use crate::search::State;
use crate::stack::Stack;

/// Answers a call; `None` closes the connection without an answer.
pub(crate) async fn answer(stack: Arc<Stack>, request: Request<Bytes>) -> Option<Response<Bytes>> {
    let path = request.uri().path().to_owned();
    match path.strip_prefix("/_local").unwrap_or_default() {
        "/dynamodb" | "/dynamodb/" => return Some(store(&stack, &request).await),
        "/ses/v2/email/outbound-emails" => {
            return Some(amazon(stack.mailbox().answer(request.body()), "application/json"));
        }
        "/eventbridge" | "/eventbridge/" => return Some(bus(&stack, &request)),
        under if under.starts_with("/cdn/") => return Some(stack.buckets().show(&request).await),
        under if under.starts_with("/opensearch/") => {
            return Some(stack.search().forward(stack.outside(), request).await);
        }
        under if under.starts_with("/stripe/") => return provider(&stack, request, "/_local/stripe").await,
        under if under.starts_with("/adyen/") => return provider(&stack, request, "/_local").await,
        _ => {}
    }
    if (request.method(), path.as_str()) == (&Method::GET, "/_local/health") {
        return Some(health(&stack));
    }
    Some(match call(&stack, &request).await {
        Ok(None) => response(StatusCode::NO_CONTENT, Bytes::new()),
        Ok(Some(reply)) => response(StatusCode::OK, reply.to_string().into()),
        Err(error) => {
            let request_id = uuid::Uuid::new_v4().to_string();
            roost::http::refuse(error, &path, &request_id).map(|body| Bytes::copy_from_slice(&body))
        }
    })
}

/// What a call answers: nothing, or JSON.
type Reply = Result<Option<Value>>;

async fn call(stack: &Stack, request: &Request<Bytes>) -> Reply {
    let path = request.uri().path().strip_prefix("/_local").unwrap_or_default().trim_end_matches('/');
    let method = request.method().as_str();
    match (method, path) {
        ("GET", "/clock") => Ok(Some(now(stack))),
        ("POST", "/clock") => move_clock(stack, read(request)?),
        ("GET", "/schedules") => Ok(Some(json!({ "items": stack.schedules().collect::<Vec<_>>() }))),
        ("POST", "/drain") => {
            stack.drain().await;
            Ok(Some(json!({})))
        }
        ("GET", "/events") => Ok(Some(list(stack.bus().published(parameter(request, "type").as_deref())))),
        ("GET", "/mail") => Ok(Some(list(stack.mailbox().mails(parameter(request, "to").as_deref())))),
        ("GET", "/failures") => Ok(Some(list(stack.bus().failures()))),
        ("POST", "/replay") => {
            let replayed = stack.replay().await?;
            serde_json::to_value(replayed).map(Some).map_err(Error::internal)
        }
        ("GET", "/meter") => serde_json::to_value(stack.meter().reading()).map(Some).map_err(Error::internal),
        ("DELETE", "/meter") => {
            stack.meter().reset();
            Ok(None)
        }
        ("POST", "/payments/faults") => {
            stack.provider().inject(read::<FaultOrder>(request)?)?;
            Ok(Some(json!({})))
        }
        ("DELETE", "/payments/faults") => {
            stack.provider().clear_faults();
            Ok(None)
        }
        ("POST", "/payments/webhooks") => {
            stack.provider().order_webhooks(read::<WebhookOrder>(request)?)?;
            Ok(Some(json!({})))
        }
        ("POST", "/payments/authenticate") => {
            stack.provider().authenticate(&read::<AuthenticationOrder>(request)?)?;
            Ok(Some(json!({})))
        }
        ("POST", "/payments/disputes") => stack.provider().dispute(&read::<DisputeOrder>(request)?).map(Some),
        ("GET", "/payments/ledger") => Ok(Some(stack.provider().ledger())),
        ("POST", "/roles") => grant(stack, read(request)?).await,
        ("POST", "/import") => {
            import::server::serve(&stack.app(), stack.engine(), request.body()).await.map(Some)
        }
        ("POST", path) => match path.strip_prefix("/schedules/").and_then(|rest| rest.strip_suffix("/run")) {
            Some(function) => run_schedule(stack, function).await,
            None => unknown(method, path),
        },
        _ => unknown(method, path),
    }
}

/// Every part but search is ready before the first connection is accepted; 503 while search starts.
fn health(stack: &Stack) -> Response<Bytes> {
    let (status, search) = match stack.search().state() {
        State::Ready => (StatusCode::OK, "ready"),
        State::Off(_) => (StatusCode::OK, "off"),
        State::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    };
    let parts = json!({
        "store": "ready", "payments": "ready", "search": search, "photos": "ready", "events": "ready"
    });
    response(status, parts.to_string().into())
}

/// 405 for another method of a known call, 404 for the rest.
fn unknown(method: &str, path: &str) -> Reply {
    let known = [
        ("/health", "GET"),
        ("/clock", "GET, POST"),
        ("/schedules", "GET"),
        ("/drain", "POST"),
        ("/events", "GET"),
        ("/failures", "GET"),
        ("/mail", "GET"),
        ("/replay", "POST"),
        ("/meter", "GET, DELETE"),
        ("/payments/faults", "POST, DELETE"),
        ("/payments/webhooks", "POST"),
        ("/payments/authenticate", "POST"),
        ("/payments/disputes", "POST"),
        ("/payments/ledger", "GET"),
        ("/roles", "POST"),
        ("/import", "POST"),
    ];
    match known.iter().find(|(known, _)| *known == path) {
        Some((_, allow)) if !allow.contains(method) => {
            Err(Error::MethodNotAllowed { allow: (*allow).to_owned() })
        }
        _ => Err(Error::NotFound),
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Move {
    now: Option<Instant>,
    advance_seconds: Option<i64>,
}

fn move_clock(stack: &Stack, order: Move) -> Reply {
    match (order.now, order.advance_seconds) {
        (Some(instant), None) => {
            if !stack.clock().forward_to(instant) {
                return Err(Error::invalid("/now", "is in the past: the clock moves only forward"));
            }
        }
        (None, Some(seconds)) => {
            let seconds = u32::try_from(seconds).map_err(|_| {
                Error::invalid("/advanceSeconds", "must be a whole number from 0 to 4294967295")
            })?;
            stack.clock().advance(seconds);
        }
        _ => return Err(Error::invalid("", "must have either now or advanceSeconds")),
    }
    stack.save_clock();
    Ok(Some(now(stack)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Grant {
    email: String,
    roles: Vec<Role>,
}

async fn grant(stack: &Stack, grant: Grant) -> Reply {
    let mut fields = Fields::default();
    let email: Option<Email> = fields.take("/email", grant.email.parse());
    fields.finish()?;
    if let Some(email) = email {
        stack.app().store.set_roles(&email, &grant.roles).await?;
    }
    Ok(Some(json!({})))
}

fn now(stack: &Stack) -> Value {
    json!({ "now": stack.clock().shared().now() })
}

async fn run_schedule(stack: &Stack, function: &str) -> Reply {
    let run = stack.run_schedule(function).await.ok_or(Error::NotFound)?;
    run.map(|()| Some(json!({})))
}

/// The store over HTTP, for functions that run in processes of their own and for the AWS CLI.
async fn store(stack: &Stack, request: &Request<Bytes>) -> Response<Bytes> {
    let reply = stack.engine().answer(target(request), request.body()).await;
    amazon(reply, "application/x-amz-json-1.0")
}

/// The event bus over HTTP, likewise.
fn bus(stack: &Stack, request: &Request<Bytes>) -> Response<Bytes> {
    amazon(stack.bus().answer(target(request), request.body()), "application/x-amz-json-1.1")
}

fn target(request: &Request<Bytes>) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default()
}

fn amazon(reply: crate::engine::Reply, kind: &'static str) -> Response<Bytes> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(status, reply.body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Things as the contract lists them.
fn list(items: impl serde::Serialize) -> Value {
    json!({ "items": items })
}

/// A parameter of the query.
fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// The payment provider, whose own paths follow `front`.
async fn provider(stack: &Stack, mut request: Request<Bytes>, front: &str) -> Option<Response<Bytes>> {
    let full = request.uri().path_and_query()?.as_str();
    *request.uri_mut() = full.strip_prefix(front)?.parse().ok()?;
    stack.provider().answer(request).await
}

fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T> {
    let body: &[u8] = if request.body().is_empty() { b"{}" } else { request.body() };
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Error::invalid("", error.to_string()),
        _ => Error::Malformed { code: "malformed_json", detail: "The body is not valid JSON.".into() },
    })
}

fn response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let json = !body.is_empty();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if json {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

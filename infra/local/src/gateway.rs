//! The gateway: a real HTTP/1.1 server before the functions, as API Gateway stands before them in a
//! deployment, with the developer's calls beside the API.

mod cors;
mod event;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use roost::clock::Instant;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control;
use crate::docs;
use crate::invoke::invoke_within;
use crate::router::Taken;
use crate::stack::Stack;

/// The largest body that API Gateway takes, in bytes: 10 MB.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// The largest body of the developer's own calls: an import sends a city in parts.
const LARGEST_LOCAL_BODY: usize = 64 * 1024 * 1024;

/// Serves until the task is ended, which ends every connection.
pub(crate) async fn serve(listener: TcpListener, stack: Arc<Stack>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, mostly: others have to close theirs first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let stack = stack.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let stack = stack.clone();
                async move { answer(stack, request, peer.ip()).await.ok_or(Dropped) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// The connection is closed without an answer: what a client of a provider that is gone sees.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

async fn answer(
    stack: Arc<Stack>,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Option<Response<Full<Bytes>>> {
    if let Some(page) = docs::answer(request.uri().path()) {
        return Some(page.map(Full::new));
    }
    let local = request.uri().path().starts_with("/_local/");
    let bucket = stack.buckets().of_path(request.uri().path());
    let (parts, body) = request.into_parts();
    let most = if local || bucket.is_some() { LARGEST_LOCAL_BODY } else { LARGEST_BODY };
    let Ok(body) = Limited::new(body, most).collect().await else {
        return Some(own(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"));
    };
    let request = Request::from_parts(parts, body.to_bytes());
    if local {
        return control::answer(stack, request).await.map(|response| response.map(Full::new));
    }
    let cors = bucket.map_or(&stack.template().cors, |bucket| &bucket.cors);
    let origin = request.headers().get("origin").cloned();
    if let Some(preflight) = cors.preflight(&request) {
        return Some(preflight.map(|()| Full::default()));
    }
    let mut response = match bucket {
        Some(_) => stack.buckets().answer(request).await.map(Full::new),
        None => api(&stack, request, peer).await,
    };
    if let Some(origin) = origin {
        cors.allow(&origin, response.headers_mut());
    }
    Some(response)
}

/// Hands a request to its function.
async fn api(stack: &Stack, request: Request<Bytes>, peer: IpAddr) -> Response<Full<Bytes>> {
    let head = request.method() == Method::HEAD;
    let Some(taken) = stack.router().find(request.method().as_str(), request.uri().path()) else {
        return own(StatusCode::NOT_FOUND, "Not Found");
    };
    let request_id = uuid::Uuid::new_v4().to_string();
    let Some(request) = arriving(&request, &taken, &request_id, peer, stack.clock().now()) else {
        return own(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let name = taken.endpoint.name;
    let handled = (taken.endpoint.handle)(stack.app_of(name), request);
    let mut response = match invoke_within(name, stack.template().timeout_of(name), handled).await {
        Ok(Some(response)) => response.map(|body| Full::new(event::bytes(body))),
        Ok(None) => own(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Err(_) => own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    };
    if head {
        *response.body_mut() = Full::default();
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// A request as it arrives at the function whose route has taken it; `None` for what is no request.
#[must_use]
pub fn arriving(
    request: &Request<Bytes>,
    taken: &Taken,
    request_id: &str,
    peer: IpAddr,
    now: Instant,
) -> Option<lambda_http::Request> {
    let event = event::of(request, taken, request_id, peer, now);
    if !event::has_address(&event) {
        return None;
    }
    lambda_http::request::from_str(&event.to_string()).ok()
}

/// What API Gateway itself refuses has its own shape.
fn own(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

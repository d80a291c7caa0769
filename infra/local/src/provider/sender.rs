//! Sends the provider's webhooks to a stack's own gateway, over HTTP as a provider outside would.

use std::collections::VecDeque;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::sync::Mutex;

use super::{Provider, Webhook};

/// How often it is looked for what is due.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an answer may take: API Gateway waits no longer for a function.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends webhooks.
#[derive(Debug)]
pub(crate) struct Sender {
    provider: Provider,
    connector: SharedHttpConnector,
    url: String,
    /// What was taken from the provider and is not answered yet. Whoever sends holds it, so that one
    /// follows the other; a caller who ends meanwhile leaves the rest to the next.
    taken: Mutex<VecDeque<Webhook>>,
}

impl Sender {
    /// Sends the webhooks of `provider` to the stack at `url`.
    pub(crate) fn new(provider: &Provider, connector: SharedHttpConnector, url: &str) -> Self {
        Self { provider: provider.clone(), connector, url: url.to_owned(), taken: Mutex::default() }
    }

    /// Sends what is due, until the task is ended.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            self.send_due().await;
        }
    }

    /// Sends what is due, after what is being sent already; how many that were.
    pub(crate) async fn send_due(&self) -> usize {
        let mut taken = self.taken.lock().await;
        taken.extend(self.provider.due_webhooks());
        let mut sent = 0;
        while let Some(webhook) = taken.front() {
            let answered = self.post(webhook).await;
            let Some(webhook) = taken.pop_front() else { break };
            sent += 1;
            match answered {
                // A product that takes no webhooks yet wants none of them again.
                Ok(200..300 | 404) => {}
                Ok(status) => {
                    tracing::warn!(status, "a webhook was not taken");
                    self.provider.again(webhook);
                }
                Err(why) => {
                    tracing::warn!(why, "a webhook was not answered");
                    self.provider.again(webhook);
                }
            }
        }
        sent
    }

    /// The answer's status, or why there is none.
    async fn post(&self, webhook: &Webhook) -> Result<u16, String> {
        let mut request = http::Request::post(format!("{}{}", self.url, webhook.path))
            .header("content-type", "application/json")
            .header("content-length", webhook.body.len());
        for (name, value) in webhook.headers() {
            request = request.header(name, value);
        }
        let request = request.body(SdkBody::from(webhook.body.clone())).map_err(|error| error.to_string())?;
        let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
        let answered = async {
            let response = self.connector.call(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            // Read to its end, so that the connection can be used again.
            let _ = ByteStream::new(response.into_body()).collect().await;
            Ok::<u16, String>(status)
        };
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(answered) => answered,
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

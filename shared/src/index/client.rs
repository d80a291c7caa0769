//! Calls to OpenSearch: signed, within a budget, over the process's one pool of connections.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

use crate::clock::Clock;
use crate::connector::Signer;
use crate::entropy::Entropy;
use crate::error::Error;

/// How long a call that nobody waits for may take.
pub(super) const PATIENT: Duration = Duration::from_secs(20);
/// The longest pause before each try of such a call, drawn anew below it.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(300), Duration::from_secs(1)];

/// OpenSearch, at one address.
pub(super) struct Client {
    url: String,
    region: String,
    connector: SharedHttpConnector,
    credentials: Credentials,
    clock: Clock,
    entropy: Entropy,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No answer, or one that says to come again later.
    Silent(String),
    /// An answer that another try does not change.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        body: String,
    },
}

/// One call.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The HTTP method.
    pub(super) method: &'static str,
    /// Path and query, from the slash on.
    pub(super) path: &'a str,
    /// JSON, or lines of JSON.
    pub(super) body: &'a [u8],
}

impl Client {
    pub(super) fn new(
        url: &str,
        region: &str,
        connector: SharedHttpConnector,
        credentials: Credentials,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Self {
        Self {
            url: url.to_owned(),
            region: region.to_owned(),
            connector,
            credentials,
            clock: clock.clone(),
            entropy: entropy.clone(),
        }
    }

    /// Searches an index, or the point in time that the body names.
    pub(super) async fn search(
        &self,
        index: Option<&str>,
        body: &Value,
        budget: Duration,
    ) -> Result<Vec<u8>, Trouble> {
        let index = index.map(|index| format!("/{index}")).unwrap_or_default();
        // A page of what happens to be reachable would be a wrong page.
        let path = match index.as_str() {
            "" => "/_search?allow_partial_search_results=false".to_owned(),
            index => format!("{index}/_search?allow_partial_search_results=false"),
        };
        let body = body.to_string();
        self.once(Call { method: "POST", path: &path, body: body.as_bytes() }, budget).await
    }

    /// Makes a call that nobody waits for, again after a pause while there is no answer.
    pub(super) async fn patiently(&self, call: Call<'_>) -> Result<Vec<u8>, Trouble> {
        let mut trouble = Trouble::Silent("no time left".into());
        for pause in PAUSES {
            let pause = self.entropy.below(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            if pause > 0 {
                self.clock.sleep(Duration::from_millis(pause)).await;
            }
            match self.once(call, PATIENT).await {
                Err(Trouble::Silent(why)) => trouble = Trouble::Silent(why),
                settled => return settled,
            }
        }
        Err(trouble)
    }

    /// Makes a call once, within a budget.
    pub(super) async fn once(&self, call: Call<'_>, budget: Duration) -> Result<Vec<u8>, Trouble> {
        let late = || Trouble::Silent(format!("{call} took longer than {} ms", budget.as_millis()));
        self.clock.within(budget, self.send(call)).await.unwrap_or_else(|| Err(late()))
    }

    async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, Trouble> {
        let silent = |why: &dyn fmt::Display| Trouble::Silent(format!("{call}: {why}"));
        let request = self.request(call).map_err(|why| silent(&why))?;
        let response = self.connector.call(request).await.map_err(|why| silent(&why))?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await.map_err(|why| silent(&why))?;
        let body = body.to_vec();
        match status {
            200..300 => Ok(body),
            429 | 500.. => Err(silent(&format!("{status} {}", String::from_utf8_lossy(&body)))),
            _ => Err(Trouble::Refused { status, body: String::from_utf8_lossy(&body).into_owned() }),
        }
    }

    fn request(
        &self,
        call: Call<'_>,
    ) -> Result<
        aws_smithy_runtime_api::client::orchestrator::HttpRequest,
        Box<dyn std::error::Error + Send + Sync>,
    > {
        let kind = if call.path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        let at = SystemTime::from(self.clock.now());
        let signer = Signer { service: "es", region: &self.region, credentials: &self.credentials, at };
        let uri = format!("{}{}", self.url, call.path);
        signer.signed(call.method, &uri, &[("content-type", kind)], call.body)
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(why) => f.write_str(why),
            Self::Refused { status, body } => write!(f, "{status} {body}"),
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Silent(why) => Self::unavailable(format!("index: {why}")),
            Trouble::Refused { .. } => Self::internal(format!("index: {trouble}")),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

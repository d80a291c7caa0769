//! Search on this machine: which server the functions' searches go to, and how far it has come.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use roost::app::App;
use roost::index::admin::Order;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::meter::FUNCTION;
use crate::opensearch::{OpenSearch, Patience};

/// Where under the stack's own address the functions find the index.
pub const PATH: &str = "/_local/opensearch";

/// The function that writes to the index.
pub(crate) const INDEXER: &str = "index";

/// How often the server is looked after.
const WATCHED_EACH: Duration = Duration::from_millis(250);
/// How long a server that is not ours, and does not answer yet, is left before it is asked again.
const ASKED_EACH: Duration = Duration::from_secs(2);

/// Which index a stack has.
#[derive(Clone, Debug, Default)]
pub enum Choice {
    /// None: searches read the cells.
    #[default]
    Off,
    /// A server of its own.
    Own,
    /// A server that is already there: its address, and the name of the index in it.
    At {
        /// `http://HOST:PORT` and no more: calls are sent over plain HTTP, with their own paths.
        url: String,
        /// The index's name.
        index: String,
        /// How long it may take to answer, in milliseconds; the template's default unless set.
        budget: Option<u32>,
    },
}

/// How far search has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no index, and why.
    Off(String),
    /// The server starts, or the index is being filled.
    Starting,
    /// Searches are answered by the index.
    Ready,
}

/// The search server of a stack. Clones share it.
#[derive(Clone, Debug)]
pub struct Search(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Where the server is, once that is known.
    url: watch::Sender<Option<String>>,
    state: watch::Sender<State>,
    /// The server, where it is one of the stack's own.
    own: Mutex<Option<OpenSearch>>,
}

impl Search {
    pub(crate) fn new(choice: &Choice) -> Self {
        let state = match choice {
            Choice::Off => State::Off("it is switched off".into()),
            Choice::Own | Choice::At { .. } => State::Starting,
        };
        let parts =
            Parts { url: watch::Sender::new(None), state: watch::Sender::new(state), own: Mutex::default() };
        Self(Arc::new(parts))
    }

    /// Where the server is, once that is known.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.0.url.borrow().clone()
    }

    /// How far search has come.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state.borrow().clone()
    }

    /// Whether the index is set up and its server takes connections.
    pub(crate) async fn answers(&self) -> bool {
        let server = self.server().filter(|_| self.state() == State::Ready);
        let Some(address) = server.as_deref().and_then(|url| url.split("://").nth(1)) else { return false };
        tokio::net::TcpStream::connect(address).await.is_ok()
    }

    /// Sends a call under [`PATH`] on to the server, for functions in processes of their own.
    pub(crate) async fn forward(
        &self,
        http: &SharedHttpConnector,
        request: Request<Bytes>,
    ) -> Response<Bytes> {
        let broken = |why: String| {
            let mut response = Response::new(Bytes::from(why));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        };
        let request = match HttpRequest::try_from(request.map(|body| SdkBody::from(body.to_vec()))) {
            Ok(request) => request,
            Err(why) => return broken(why.to_string()),
        };
        let response = match self.call(http, request).await {
            Ok(response) => response,
            Err(why) => return broken(why.to_string()),
        };
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        match ByteStream::new(response.into_body()).collect().await {
            Ok(body) => {
                let mut response = Response::new(body.into_bytes());
                *response.status_mut() = status;
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
            Err(why) => broken(why.to_string()),
        }
    }

    /// Sends a call to the server: what stands after [`PATH`] is its path there.
    pub(crate) fn call(&self, http: &SharedHttpConnector, mut request: HttpRequest) -> HttpConnectorFuture {
        let refused = |why: &str| HttpConnectorFuture::ready(Err(ConnectorError::io(why.into())));
        let Some(server) = self.server() else { return refused("the search server is not up yet") };
        // Until it is set up it has what another stack wrote, or not all that this one has: who writes may.
        let searches = FUNCTION.try_with(|function| *function != INDEXER).unwrap_or_default();
        if searches && self.state() != State::Ready {
            return refused("the index is not set up yet");
        }
        let Some((_, path)) = request.uri().split_once(PATH) else { return refused("no call of the index") };
        if let Err(why) = request.set_uri(format!("{server}{path}")) {
            return refused(&why.to_string());
        }
        http.call(request)
    }

    /// Returns when the index is set up after its server has ended.
    pub async fn restarted(&self) {
        let mut state = self.0.state.subscribe();
        let _ = state.wait_for(|state| *state == State::Starting).await;
        let _ = state.wait_for(|state| *state != State::Starting).await;
    }

    /// Returns when search is ready or off.
    pub async fn settled(&self) -> State {
        let mut state = self.0.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Starting).await;
        settled.map_or(State::Starting, |state| state.clone())
    }

    /// Kills the stack's own server, as a machine that fails would. For tests: another one is started.
    pub fn kill_server(&self) {
        if let Some(server) = self.0.own.lock().ok().and_then(|mut own| own.take()) {
            server.kill();
        }
    }

    /// Starts the server and sets the index up, beside everything else; the stack answers meanwhile. A
    /// server of the stack's own that ends is started anew; another's is asked until it answers.
    pub(crate) fn start(&self, choice: Choice, app: App, tell: fn(&str)) -> AbortHandle {
        let search = self.clone();
        let task = tokio::spawn(async move {
            let mut told = String::new();
            loop {
                let server = match &choice {
                    Choice::Off => return,
                    Choice::At { url, .. } => {
                        search.0.url.send_replace(Some(url.clone()));
                        None
                    }
                    Choice::Own => {
                        // When this task ends, so does what the start waits for.
                        let patience = Patience::default();
                        let awaited = patience.awaited();
                        let start = move || OpenSearch::start_while(&awaited, tell);
                        match tokio::task::spawn_blocking(start).await {
                            Ok(Ok(server)) => {
                                search.0.url.send_replace(Some(server.url().to_owned()));
                                Some(server)
                            }
                            Ok(Err(why)) => return search.give_up(&why, tell),
                            Err(why) => return search.give_up(&why.to_string(), tell),
                        }
                    }
                };
                if let Ok(mut own) = search.0.own.lock() {
                    own.clone_from(&server);
                }
                match search.set_up(&app).await {
                    Ok(documents) => {
                        search.0.state.send_replace(State::Ready);
                        tell(&format!("Search: OpenSearch answers, with {documents} listings."));
                    }
                    Err(why) => {
                        let Choice::At { url, .. } = &choice else { return search.give_up(&why, tell) };
                        // Somebody else starts it, now or in an hour.
                        if told != why {
                            tell(&format!("Search: {url} is asked until it answers. So far: {why}"));
                            told = why;
                        }
                        tokio::time::sleep(ASKED_EACH).await;
                        continue;
                    }
                }
                // The server ends with this task, and the task with the stack.
                let Some(server) = server else { return };
                while !server.has_ended() {
                    tokio::time::sleep(WATCHED_EACH).await;
                }
                tell("Search: OpenSearch has ended, and is started again. The geo cells answer meanwhile.");
                search.0.state.send_replace(State::Starting);
                search.0.url.send_replace(None);
            }
        });
        task.abort_handle()
    }

    async fn set_up(&self, app: &App) -> Result<usize, String> {
        let index = app.index().ok_or("the functions have no index")?;
        // What is on a server that was there before is of other data, whose versions say nothing of ours.
        let order = Order { anew: true, ..Order::default() };
        let outcome = index.apply(&app.store, &order, Duration::from_hours(24)).await;
        outcome.map(|outcome| outcome.documents).map_err(|error| error.to_string())
    }

    fn give_up(&self, why: &str, tell: fn(&str)) {
        tell(&format!(
            "\n  ────────────────────────────────────────────────────────────────\n  \
             SEARCH RUNS WITHOUT ITS INDEX: {why}\n  \
             Searches are answered by the geo cells (\"source\": \"fallback\").\n  \
             ────────────────────────────────────────────────────────────────\n"
        ));
        // Nobody reads an index that nobody writes.
        self.0.url.send_replace(None);
        self.0.state.send_replace(State::Off(why.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::http::HttpConnector;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

    /// A server that answers everything with nothing.
    #[derive(Debug)]
    struct Answers;

    impl HttpConnector for Answers {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let status = StatusCode::OK.into();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::empty())))
        }
    }

    #[tokio::test]
    async fn searches_ask_an_index_that_is_set_up_and_no_other() {
        let search = Search::new(&Choice::Own);
        let http = SharedHttpConnector::new(Answers);
        let call = async || {
            let request = HttpRequest::get(format!("http://stack{PATH}/listings/_search")).unwrap();
            search.call(&http, request).await.is_ok()
        };
        search.0.url.send_replace(Some("http://127.0.0.1:9200".into()));
        assert!(call().await && FUNCTION.scope(INDEXER, call()).await, "it is filled");
        assert!(!FUNCTION.scope("search", call()).await, "it may be another stack's");
        search.0.state.send_replace(State::Ready);
        assert!(FUNCTION.scope("search", call()).await);
        search.give_up("it is broken", |_| {});
        assert_eq!(search.state(), State::Off("it is broken".into()));
        assert!(search.server().is_none());
        assert!(!call().await, "it is nobody's any more");
    }
}

//! The way out of the simulated functions: every port call passes here, waits its virtual while, may
//! fail as the script says, and meets the parts that the local stack is made of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use roost_local::bus::Bus;
use roost_local::connector::{response, stored};
use roost_local::engine::{Engine, Reply, operation_of};
use roost_local::faults::StoreFault;
use roost_local::mailbox::{self, Mailbox};
use roost_local::provider::{FaultOrder, Provider};
use roost_local::search;

use crate::executor::{Bell, Executor};
use crate::index::SmallIndex;
use crate::replica::Replica;
use crate::script::{Fault, Site, What};
use crate::streams::Streams;

/// What the simulated product consists of beside its functions.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub executor: Executor,
    pub engine: Engine,
    /// What is behind it.
    pub replica: Replica,
    pub provider: Provider,
    /// Rung when the provider has answered, and so may have something to tell.
    pub answered: Bell,
    pub bus: Bus,
    pub mailbox: Mailbox,
    pub index: SmallIndex,
    pub plan: Plan,
    pub streams: Streams,
    /// Told after every change of the store.
    pub commits: Commits,
}

/// Who is told after every change of the store.
#[derive(Clone, Default)]
pub(crate) struct Commits(Arc<Mutex<Option<Told>>>);

/// Takes the name of the table that was changed.
type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// The faults to come, and how many calls of each kind there have been.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan(Arc<Mutex<Planned>>);

#[derive(Debug, Default)]
struct Planned {
    faults: Vec<Fault>,
    calls: BTreeMap<Site, u32>,
    met: Vec<Fault>,
    over: bool,
}

/// The connector of one function instance.
#[derive(Debug)]
pub(crate) struct Wire {
    pub parts: Parts,
    /// Whether nothing goes wrong, nobody waits, and nothing is counted: for who sets up and checks.
    pub quiet: bool,
}

/// Where the providers answer.
const STRIPE: &str = "/_local/stripe";
const ADYEN: &str = "/_local/adyen";

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (parts, quiet) = (self.parts.clone(), self.quiet);
        HttpConnectorFuture::new(async move { parts.call(request, quiet).await })
    }
}

impl Parts {
    async fn call(&self, request: HttpRequest, quiet: bool) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let path = request.uri().split_once("://").map_or("", |(_, rest)| rest);
        let path = path.find('/').map_or("/", |slash| &path[slash..]).to_owned();
        let site = if target.starts_with("AWSEvents.") {
            Some(Site::Bus)
        } else if !target.is_empty() {
            Some(Site::Store)
        } else if path.contains(STRIPE) || path.contains(ADYEN) {
            Some(Site::Provider)
        } else if path.contains(search::PATH) && path.contains("/_bulk") {
            // Searches are answered by the cells here.
            Some(Site::Index)
        } else {
            None
        };
        let (there, back) = match site {
            _ if quiet => (0, 0),
            // A provider takes its time.
            Some(Site::Provider) => (self.executor.below(400_000), self.executor.below(1_500_000)),
            _ => (self.executor.below(4_000), self.executor.below(4_000)),
        };
        let fault = site.filter(|_| !quiet).and_then(|site| self.plan.next(site));
        self.wait(there).await;
        match fault {
            Some(What::CrashBefore) => self.executor.crash().await,
            Some(What::LostBefore) => return self.silence().await,
            Some(What::Late) => {
                let (parts, late) = (self.clone(), copied(&request));
                let minutes = 1 + self.executor.below(20);
                self.executor.spawn(async move {
                    parts.wait(minutes * 60_000_000).await;
                    let _ = parts.perform(site, &target, &path, &late, None).await;
                });
                return self.silence().await;
            }
            _ => {}
        }
        let is_behind = site == Some(Site::Store)
            && !quiet
            && fault.is_none()
            && self.replica.may_answer(&target, request.body().bytes().unwrap_or_default())
            && !self.plan.is_over()
            && self.executor.below(2) == 0;
        let answered = if is_behind {
            let body = request.body().bytes().unwrap_or_default();
            let reply = self.replica.answer(self.executor.passed(), &target, body).await;
            reply.map(|reply| response(reply, "application/x-amz-json-1.0"))
        } else {
            self.perform(site, &target, &path, &request, fault).await
        };
        match fault {
            Some(What::CrashAfter) => self.executor.crash().await,
            Some(What::LostAfter) => return self.silence().await,
            _ => {}
        }
        self.wait(back).await;
        if fault == Some(What::Pauses) {
            // With the answer in its hands: whoever waits for it sees it before its own patience ends.
            let minutes = 1 + self.executor.below(25);
            self.executor.freeze(Duration::from_mins(minutes)).await;
        }
        match answered {
            Some(answer) => answer,
            None => self.silence().await,
        }
    }

    /// Nothing comes back: sometimes soon, as a connection that breaks, sometimes not at all.
    async fn silence(&self) -> Result<HttpResponse, ConnectorError> {
        if self.executor.below(2) == 0 {
            self.wait(60_000_000).await;
        }
        Err(ConnectorError::timeout("no answer".into()))
    }

    async fn wait(&self, microseconds: u64) {
        if microseconds > 0 {
            self.executor.sleep(Duration::from_micros(microseconds)).await;
        }
    }

    async fn perform(
        &self,
        site: Option<Site>,
        target: &str,
        path: &str,
        request: &HttpRequest,
        fault: Option<What>,
    ) -> Option<Result<HttpResponse, ConnectorError>> {
        let body = request.body().bytes().unwrap_or_default();
        match site {
            Some(Site::Store) => {
                let fault = match fault {
                    Some(What::Throttled) => Some(StoreFault::Throttled),
                    Some(What::Broken) => Some(StoreFault::Broken),
                    Some(What::Conflict) => Some(StoreFault::Conflict),
                    _ => None,
                };
                let reply = stored(&self.engine, target, body, fault).await?;
                if reply.status == 200 && changes(operation_of(target)) {
                    let now = self.executor.passed();
                    self.replica.note(now, now.is_zero(), target, body);
                    let call = std::str::from_utf8(body).unwrap_or_default();
                    self.streams.changed(call).into_iter().for_each(|table| self.commits.tell(table));
                }
                Some(response(reply, "application/x-amz-json-1.0"))
            }
            Some(Site::Bus) => {
                let reply = match fault {
                    Some(What::Throttled) => Reply { status: 200, body: refuse_all(body) },
                    _ => {
                        if fault == Some(What::Twice) {
                            let _ = self.bus.answer(target, body);
                        }
                        self.bus.answer(target, body)
                    }
                };
                Some(response(reply, "application/x-amz-json-1.1"))
            }
            Some(Site::Provider) => {
                if let Some(name) = match fault {
                    Some(What::Throttled) => Some("rate_limited"),
                    Some(What::Broken) => Some("error500"),
                    Some(What::Down) => Some("down"),
                    Some(What::Declined) => Some("decline"),
                    _ => None,
                } {
                    // What cannot be declined is not; the order then waits for what can.
                    // An outage is longer than a call is patient, now and then: then another stands in.
                    let times = if fault == Some(What::Down) { 1 + self.executor.below(8) } else { 1 };
                    let provider = if path.contains(ADYEN) { "adyen" } else { "stripe" };
                    let order = FaultOrder {
                        provider: Some(provider.into()),
                        operation: None,
                        fault: name.into(),
                        times: i64::try_from(times).unwrap_or(1),
                    };
                    let _ = self.provider.inject(order);
                }
                let inner = path.replacen(STRIPE, "", 1).replacen(ADYEN, "/adyen", 1);
                let mut builder = http::Request::builder().method(request.method()).uri(inner);
                for (name, value) in request.headers() {
                    builder = builder.header(name, value);
                }
                let request = builder.body(Bytes::copy_from_slice(body)).ok()?;
                let answered = self.provider.answer(request).await;
                self.answered.ring();
                let answered = answered?;
                let (head, body) = answered.into_parts();
                let status = head.status.as_u16();
                let mut response = HttpResponse::new(status.try_into().ok()?, SdkBody::from(body));
                for (name, value) in &head.headers {
                    let value = value.to_str().unwrap_or_default().to_owned();
                    response.headers_mut().insert(name.as_str().to_owned(), value);
                }
                Some(Ok(response))
            }
            Some(Site::Index) => {
                let path = path.split_once(search::PATH).map_or("", |(_, rest)| rest);
                let reply = match fault {
                    Some(What::Broken) => Reply { status: 503, body: "{}".into() },
                    _ => self.index.answer(path, body),
                };
                Some(response(reply, "application/json"))
            }
            _ if path.contains(search::PATH) => {
                let path = path.split_once(search::PATH).map_or("", |(_, rest)| rest);
                Some(response(self.index.answer(path, body), "application/json"))
            }
            _ if path.ends_with(mailbox::PATH) => {
                Some(response(self.mailbox.answer(body), "application/json"))
            }
            _ => Some(Err(ConnectorError::other(format!("nothing answers at {path}").into(), None))),
        }
    }
}

impl Plan {
    pub(crate) fn of(faults: &[Fault]) -> Self {
        Self(Arc::new(Mutex::new(Planned { faults: faults.to_vec(), ..Planned::default() })))
    }

    /// What befalls the next call of this kind.
    pub(crate) fn next(&self, site: Site) -> Option<What> {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = plan.calls.entry(site).or_default();
        let call = *number;
        *number += 1;
        if plan.over {
            return None;
        }
        let place = plan.faults.iter().position(|fault| fault.at == site && fault.call == call)?;
        let fault = plan.faults.remove(place);
        plan.met.push(fault);
        Some(fault.what)
    }

    /// From now on nothing goes wrong.
    pub(crate) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).over = true;
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).over
    }

    /// What has gone wrong so far.
    pub(crate) fn met(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).met.clone()
    }

    /// How many calls there have been of each kind.
    pub(crate) fn calls(&self) -> BTreeMap<Site, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }
}

impl Commits {
    pub(crate) fn to(&self, told: impl Fn(&str) + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(told));
    }

    pub(crate) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn tell(&self, table: &str) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(told) = told {
            told(table);
        }
    }
}

impl std::fmt::Debug for Commits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Commits")
    }
}

fn changes(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

fn copied(request: &HttpRequest) -> HttpRequest {
    let mut copy = HttpRequest::new(SdkBody::from(request.body().bytes().unwrap_or_default()));
    let _ = copy.set_method(request.method());
    let _ = copy.set_uri(request.uri().to_owned());
    for (name, value) in request.headers() {
        copy.headers_mut().insert(name.to_owned(), value.to_owned());
    }
    copy
}

/// The answer of a bus that takes none of the entries.
fn refuse_all(body: &[u8]) -> String {
    let call: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let count = call["Entries"].as_array().map_or(0, Vec::len);
    let refused = serde_json::json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "by the script" });
    serde_json::json!({ "FailedEntryCount": count, "Entries": vec![refused; count] }).to_string()
}

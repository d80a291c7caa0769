//! Start to first answer: plays the Lambda Runtime API to function binaries as they ship, each in a
//! fresh process against a local stack, and compares them with a function that makes one read.
//!
//! See README.md beside this file.
#![allow(clippy::print_stdout, reason = "this program's output is its table")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use roost_local::stack::{Options, Stack};
use roost_tests::{Caller, home};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What is measured; the first is what the others are compared with.
const FUNCTIONS: [&str; 5] = ["bare-get-item", "bare-empty", "create-booking", "search", "get-availability"];

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(release, PathBuf::from);
    let rounds: usize = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(31);
    let stack = Stack::start(Options { memory: true, ..Options::default() }).await.expect("the stack starts");
    let environment: Vec<(String, String)> = stack
        .environment_file()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut requests = Requests::new(&stack).await;
    let mut taken: BTreeMap<&str, Vec<Start>> = BTreeMap::new();
    // Each round starts every function once, so that what else the machine does meets all alike.
    for round in 0..=rounds {
        for function in FUNCTIONS {
            let event = requests.of(function, round).await;
            // The stack is in this process: what it still has to do would take the function's time.
            stack.drain().await;
            let start = start(&folder.join(function), &environment, &event).await;
            // The first round brings the files into memory.
            if round > 0 {
                taken.entry(function).or_default().push(start);
            }
        }
    }
    println!("{rounds} starts each, medians, binaries of {}", folder.display());
    println!(
        "{:<18}{:>6}{:>12}{:>8}{:>12}{:>8}{:>10}{:>8}",
        "", "MB", "ready ms", "", "answer ms", "", "CPU ms", ""
    );
    let mut floor = None;
    for function in FUNCTIONS {
        let starts = &taken[function];
        let figures: [fn(&Start) -> Duration; 3] =
            [|start| start.ready, |start| start.answer, |start| start.work];
        let figures = figures.map(|figure| median(starts, figure));
        let bare = *floor.get_or_insert(figures);
        let size = std::fs::metadata(folder.join(function)).map_or(0, |file| file.len());
        print!("{function:<18}{:>6.2}", size as f64 / 1e6);
        for ((figure, bare), width) in figures.into_iter().zip(bare).zip([12, 12, 10]) {
            print!("{:>width$.2}{:>8.2}", figure * 1e3, figure / bare);
        }
        println!();
    }
}

/// Where cargo leaves the binaries that ship.
fn release() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| roost_local::root().join("target")).join("release")
}

/// One start, from the process's beginning.
struct Start {
    /// Until it asks for work.
    ready: Duration,
    /// Until its first answer.
    answer: Duration,
    /// The processor's time that it took for that, which does not depend on what else the machine
    /// does; zero where the system does not say.
    work: Duration,
}

fn median(starts: &[Start], of: impl Fn(&Start) -> Duration) -> f64 {
    let mut all: Vec<Duration> = starts.iter().map(of).collect();
    all.sort_unstable();
    all[all.len() / 2].as_secs_f64()
}

/// What each function is asked.
struct Requests {
    guest: Caller,
    listing: String,
    stack_events: BTreeMap<String, Value>,
    today: jiff::civil::Date,
}

impl Requests {
    async fn new(stack: &Stack) -> Self {
        let host = Caller::signed_up_at(&stack.url()).await;
        let guest = Caller::signed_up_at(&stack.url()).await;
        let listing = host.post("/v1/listings", &home()).await.expect(201);
        let listing = listing["id"].as_str().expect("an id").to_owned();
        host.post(&format!("/v1/listings/{listing}/publish"), &json!({})).await.expect(200);
        stack.drain().await;
        let stack_events = roost_local::events::live(&stack.url()).await.expect("live events");
        stack.drain().await;
        let today = stack.app().clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { guest, listing, stack_events, today }
    }

    /// An event that succeeds; a booking of other nights each round.
    async fn of(&mut self, function: &str, round: usize) -> Value {
        let Some(event) = self.stack_events.get(function) else {
            return self.stack_events["get-availability"].clone();
        };
        let mut event = event.clone();
        if function == "create-booking" {
            let from = roost::stay::add_days(self.today, 5 + 2 * i64::try_from(round).unwrap_or_default());
            let quote =
                self.guest.quote(&self.listing, from, roost::stay::add_days(from, 2)).await.expect(201);
            event["body"] = json!({ "quoteId": quote["quoteId"] }).to_string().into();
            event["headers"]["idempotency-key"] = format!("start-{round}").into();
            let token = self.guest.token().expect("a token");
            event["headers"]["authorization"] = format!("Bearer {token}").into();
        }
        event
    }
}

/// Starts a function, hands it one event, and ends it after its answer.
async fn start(binary: &Path, environment: &[(String, String)], event: &Value) -> Start {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (told, mut calls) = mpsc::unbounded_channel();
    let serving = tokio::spawn(runtime_api(listener, Arc::new(event.to_string()), told));
    let begun = Instant::now();
    let child = Command::new(binary)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child =
        Running(child.unwrap_or_else(|why| panic!("{}: {why}: build it in release first", binary.display())));
    let mut ready = None;
    let answered = async {
        while let Some((at, answer)) = calls.recv().await {
            let since = at.duration_since(begun);
            match answer {
                None => ready = ready.or(Some(since)),
                Some(answer) => return (since, answer),
            }
        }
        panic!("{}: the runtime interface ended", binary.display());
    };
    let (answer, body) = tokio::time::timeout(Duration::from_secs(10), answered)
        .await
        .unwrap_or_else(|_| panic!("{} did not answer", binary.display()));
    let status = body["statusCode"].as_u64().unwrap_or_default();
    assert!((200..300).contains(&status), "{}: {body}", binary.display());
    let work = worked(child.0.id());
    drop(child);
    serving.abort();
    Start { ready: ready.unwrap_or(answer), answer, work }
}

/// The processor's time of a process: Linux counts it in nanoseconds for each thread.
fn worked(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let counted = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        counted.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(of).sum())
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A call of the function's: when, and its answer unless it asked for work.
type Told = (Instant, Option<Value>);

/// The Lambda Runtime API for one event: the first ask for work gets it, the next waits for ever.
async fn runtime_api(listener: TcpListener, event: Arc<String>, told: mpsc::UnboundedSender<Told>) {
    let handed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (event, told, handed) = (event.clone(), told.clone(), handed.clone());
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (event, told, handed) = (event.clone(), told.clone(), handed.clone());
                async move {
                    let at = Instant::now();
                    if request.uri().path().ends_with("/invocation/next") {
                        if handed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                            std::future::pending::<()>().await;
                        }
                        let _ = told.send((at, None));
                        return Ok::<_, Infallible>(invocation(&event));
                    }
                    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                    let answer = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
                    let _ = told.send((Instant::now(), Some(answer)));
                    let mut accepted = Response::new(Full::default());
                    *accepted.status_mut() = http::StatusCode::ACCEPTED;
                    Ok(accepted)
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
fn invocation(event: &str) -> Response<Full<Bytes>> {
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:measured",
        )
        .body(Full::from(event.to_owned()))
        .expect("a response")
}

//! The command line.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use roost_local::import::{self, ImportOptions, Problem, Report};
use roost_local::search::Choice;
use roost_local::stack::{Options, Stack};

/// Runs the whole product on this machine: API, functions, tables, streams, schedules and a payment
/// provider of its own. Nothing leaves the machine.
#[derive(Debug, Parser)]
// An option of the stack before a subcommand would say nothing: its own come after it.
#[command(name = "cargo dev", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Command {
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Debug, Args)]
struct Serve {
    /// The port to listen on; 0 picks a free one.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    port: u16,
    /// Keep the data in this folder; otherwise it is gone at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The search index: an OpenSearch of your own at `http://HOST:PORT`, whose index `listings` is made
    /// anew, or `off` to leave search to the geo cells; otherwise one is fetched and started.
    #[arg(long, value_name = "URL|off")]
    search: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Load a city in the public Inside Airbnb layout into a running stack.
    Import {
        /// The folder with listings.csv.gz and calendar.csv.gz, or the same unpacked.
        dir: PathBuf,
        /// Where the stack is.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        url: String,
        /// ISO 3166 alpha-2; otherwise that of each location.
        #[arg(long)]
        country: Option<String>,
        /// ISO 4217; otherwise that of the country.
        #[arg(long)]
        currency: Option<String>,
        /// Only read the files, and say what is wrong in them. Needs no stack.
        #[arg(long)]
        check: bool,
    },
    /// Load a generated city of 500 homes into a running stack.
    Demo {
        /// Where the stack is.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        url: String,
    },
    /// Hand the stream records in the failure bucket, and the events in the failure queues, of a
    /// running stack to their functions once more. What succeeds is gone from there.
    Replay {
        /// Where the stack is.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        url: String,
    },
    /// Write the contract, as the handlers' own types say it, to infra/openapi.json.
    Openapi,
    /// Write a fresh event for every function into target/events, for `cargo lambda invoke`, with live
    /// tokens and bookings of a running stack.
    Events {
        /// Where the stack is.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        url: String,
    },
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// A sentence for the developer.
    pub(crate) fn run(self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            // A call of the embedded store holds its thread: a few more than cores keep the rest going.
            .worker_threads(std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4)))
            .build()
            .map_err(|error| error.to_string())?;
        let done = runtime.block_on(async {
            match self.other {
                None => self.serve.run().await,
                Some(Other::Import { dir, country, currency, check: true, .. }) => {
                    import::check(&dir, country.as_deref(), currency.as_deref()).map(print_check)
                }
                Some(Other::Import { dir, url, country, currency, check: false }) => {
                    import::run(ImportOptions { dir, url, country, currency }).await.and_then(print)
                }
                Some(Other::Demo { url }) => import::demo::demo(&url).await.and_then(print),
                Some(Other::Replay { url }) => replay(&url).await,
                Some(Other::Openapi) => write_contract(),
                Some(Other::Events { url }) => write_events(&url).await,
            }
        });
        // What is still under way has no one to answer any more.
        runtime.shutdown_timeout(Duration::from_secs(2));
        done
    }
}

impl Serve {
    async fn run(self) -> Result<(), String> {
        let search = choice(self.search.as_deref())?;
        let searched = match &search {
            Choice::Off => "off, the geo cells answer".to_owned(),
            Choice::Own => "the geo cells answer until OpenSearch is up".to_owned(),
            Choice::At { url, .. } => format!("the geo cells answer until {url} does"),
        };
        let options = Options {
            port: self.port,
            data: self.data.clone(),
            schedules: true,
            search,
            tell: Some(|line| tell(&mut std::io::stdout(), line)),
            ..Options::default()
        };
        let stack = Stack::start(options).await?;
        write_environment(&stack);
        let kept = self
            .data
            .map_or("a temporary folder, gone at the end".to_owned(), |folder| folder.display().to_string());
        let mut out = std::io::stdout();
        tell(&mut out, &format!("Data: {kept}. Search: {searched}. Payments: a local provider."));
        tell(&mut out, &format!("Roost is ready at {}", stack.url()));
        stopped().await;
        drop(stack);
        Ok(())
    }
}

/// The index that `--search` means.
fn choice(search: Option<&str>) -> Result<Choice, String> {
    let Some(search) = search else { return Ok(Choice::Own) };
    if search == "off" {
        return Ok(Choice::Off);
    }
    let address = search
        .parse::<http::Uri>()
        .ok()
        .filter(|uri| uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none());
    let server = address.as_ref().and_then(|uri| uri.authority()).filter(|server| {
        server.port_u16().is_some() && !server.host().is_empty() && !server.as_str().contains('@')
    });
    let server = server.ok_or_else(|| {
        format!(
            "--search takes `off` or http://HOST:PORT, such as http://127.0.0.1:9200, and not {search}: \
             the stack speaks to its index without TLS, and has no password for it"
        )
    })?;
    Ok(Choice::At { url: format!("http://{server}"), index: "listings".to_owned(), budget: None })
}

fn write_contract() -> Result<(), String> {
    let file = roost_local::root().join("infra/openapi.json");
    let text = roost_local::contract()?;
    std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

async fn replay(url: &str) -> Result<(), String> {
    let replayed = import::client::Client::of(url).post("/_local/replay", Vec::new()).await?;
    let left = replayed["left"].as_array().cloned().unwrap_or_default();
    let mut out = std::io::stdout();
    for failure in &left {
        tell(&mut out, &format!("{}: {}", failure["key"], failure["why"]));
    }
    tell(&mut out, &format!("{} are handled, {} are left", replayed["replayed"], left.len()));
    if left.is_empty() { Ok(()) } else { Err("some failed again: their functions' logs say why".into()) }
}

async fn write_events(url: &str) -> Result<(), String> {
    let folder = roost_local::root().join("target/events");
    let written = roost_local::events::write(url, &folder).await?;
    tell(&mut std::io::stdout(), &format!("{written} events are in {}", folder.display()));
    Ok(())
}

/// The environment for `cargo lambda watch --env-file target/roost.env`.
fn write_environment(stack: &Stack) {
    let file = roost_local::root().join("target/roost.env");
    let folder = file.parent().map(std::fs::create_dir_all).transpose();
    if let Err(error) = folder.and_then(|_| std::fs::write(&file, stack.environment_file())) {
        tracing::warn!(%error, file = %file.display(), "the environment file could not be written");
    }
}

/// Returns on Ctrl-C, when the system asks the process to end, and when its terminal is closed.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Under `nohup` a hangup is to pass, and a handler would have it end the stack all the same.
        let hangup = if ignores_hangups() { SignalKind::terminate() } else { SignalKind::hangup() };
        if let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(hangup)) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

/// Whether whoever started this process has it ignore hangups. Linux alone tells.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal, from 1 on; that of a hangup is 1.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// What an import did.
///
/// # Errors
/// When there are listings that it did not load.
fn print(report: Report) -> Result<(), String> {
    tell(&mut std::io::stdout(), &report.to_string());
    match report.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} listings were not loaded: the next import tries them again")),
    }
}

fn print_check((homes, problems): (usize, Vec<Problem>)) {
    let mut out = std::io::stdout();
    for problem in &problems {
        tell(&mut out, &problem.to_string());
    }
    tell(&mut out, &format!("{homes} listings can be read; {} remarks", problems.len()));
}

/// Writes a line; a reader who has gone away is no error.
pub(crate) fn tell(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        Command::try_parse_from(line.split(' '))
    }

    #[test]
    fn options_stand_where_they_mean_something() {
        let stack = parsed("dev --port 0 --data folder --search off").unwrap();
        assert!(stack.other.is_none() && stack.serve.port == 0);
        for line in [
            "dev",
            "dev demo",
            "dev demo --url http://127.0.0.1:4000",
            "dev import folder --url http://127.0.0.1:4000 --country BE --currency EUR",
            "dev import folder --check",
            "dev replay",
            "dev openapi",
            "dev events",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
        for line in ["dev --port 4000 demo", "dev --search off import folder", "dev demo --port 4000"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_index_is_at_a_host_and_a_port() {
        let url = |search| match choice(Some(search)) {
            Ok(Choice::At { url, .. }) => Some(url),
            _ => None,
        };
        for given in ["http://127.0.0.1:9200", "http://search.local:9200/", "http://[::1]:9200"] {
            assert_eq!(url(given).as_deref(), Some(given.trim_end_matches('/')));
        }
        for given in [
            "https://127.0.0.1:9200",
            "http://127.0.0.1",
            "http://127.0.0.1:9200/search",
            "http://127.0.0.1:9200/?pretty",
            "http://admin:admin@127.0.0.1:9200",
            "http://:9200",
            "127.0.0.1:9200",
            "on",
        ] {
            assert!(choice(Some(given)).unwrap_err().contains(given));
        }
        assert!(matches!((choice(None), choice(Some("off"))), (Ok(Choice::Own), Ok(Choice::Off))));
    }
}

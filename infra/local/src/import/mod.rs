//! `cargo dev import`: a city's public catalogue into a running stack. The command reads the files
//! and sends homes in one plain form ([`wire`]); the stack ([`server`]) stores them. Whatever ends
//! it in between, the next run goes on where it stopped.

pub mod client;
pub mod demo;
pub mod report;
pub mod server;
pub mod wire;

mod catalogue;
mod describe;
mod nights;
mod place;
mod price;
mod progress;
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;

use catalogue::{Catalogue, Found};
use client::Client;
use place::Told;
use progress::Step;
use wire::{Begun, Home, Loaded, Outcome, Request};

pub use report::{Problem, Report};
pub use wire::{host_id, listing_id};

/// How many homes travel at once.
const BATCH: usize = 100;
/// How many batches are under way: one is read while another is written.
const UNDER_WAY: usize = 2;
/// How long to wait at least before asking again how much is searchable.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// What `cargo dev import` is told.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The folder of the two files. The town is named after it.
    pub dir: PathBuf,
    /// Where the stack is.
    pub url: String,
    /// ISO 3166 alpha-2; the location's unless given.
    pub country: Option<String>,
    /// ISO 4217; the country's unless given.
    pub currency: Option<String>,
}

/// Loads a folder into a running stack and returns once everything is searchable.
///
/// # Errors
/// A sentence when the folder or the stack cannot be used at all. Rows that cannot are in the report.
pub async fn run(options: ImportOptions) -> Result<Report, String> {
    let began = Instant::now();
    let told = Told::from(options.country.as_deref(), options.currency.as_deref())?;
    let client = Client::of(&options.url);
    // Before the long reading: is anybody there?
    client.get("/_local/clock").await?;
    let folder = options.dir.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let step = Step::of("reading", None);
        let catalogue = Catalogue::read(&folder, &told, &|nights| step.more(nights));
        step.done();
        catalogue
    });
    let catalogue = reading.await.map_err(|error| error.to_string())??;
    let mut report = load(&client, catalogue).await?;
    report.took = began.elapsed();
    Ok(report)
}

/// Reads a folder without a stack: how many homes it has, and what is wrong with its rows.
///
/// # Errors
/// A sentence when the folder cannot be used at all.
pub fn check(
    dir: &Path,
    country: Option<&str>,
    currency: Option<&str>,
) -> Result<(usize, Vec<Problem>), String> {
    let catalogue = Catalogue::read(dir, &Told::from(country, currency)?, &|_| {})?;
    Ok((catalogue.homes.len(), catalogue.problems.into_sorted()))
}

async fn load(client: &Client, catalogue: Catalogue) -> Result<Report, String> {
    let Catalogue { fingerprint, first_day, homes, file, nights, mut problems } = catalogue;
    let begun: Begun = ask(client, &Request::Begin { fingerprint }).await?;
    let mut report = Report { nights, shift: begun.first_day - first_day, ..Report::default() };
    let bounds = bounds(homes.iter().map(|found| &found.home));
    let (loading, nights) =
        (Step::of("listings", Some(homes.len() as u64)), Step::of("nights", Some(nights)));
    let mut batches = Vec::new();
    let mut homes = homes.into_iter().peekable();
    while homes.peek().is_some() {
        batches.push(homes.by_ref().take(BATCH).collect::<Vec<_>>());
    }
    let shift = report.shift;
    let mut answers =
        futures::stream::iter(batches).map(|batch| send(client, batch, shift)).buffered(UNDER_WAY);
    while let Some(batch) = answers.try_next().await? {
        for sent in batch {
            match sent.outcome {
                Outcome::New => report.new += 1,
                Outcome::Changed => report.changed += 1,
                Outcome::Unchanged => report.unchanged += 1,
                Outcome::Failed { reason } => {
                    report.failed += 1;
                    problems.note(&file, sent.line, reason);
                }
            }
            loading.more(1);
            nights.more(sent.nights);
        }
    }
    loading.done();
    nights.done();
    let loaded = report.new + report.changed + report.unchanged;
    until_searchable(client, bounds, loaded as u64).await?;
    report.problems = problems.into_sorted();
    Ok(report)
}

/// What became of a home of the file.
struct Sent {
    line: u64,
    nights: u64,
    outcome: Outcome,
}

async fn send(client: &Client, batch: Vec<Found>, shift: i32) -> Result<Vec<Sent>, String> {
    let mut notes = Vec::with_capacity(batch.len());
    let mut homes = Vec::with_capacity(batch.len());
    for mut found in batch {
        notes.push((found.line, found.nights));
        found.home.shift(shift);
        homes.push(found.home);
    }
    let loaded: Loaded = ask(client, &Request::Load { homes }).await?;
    let sent = notes.into_iter().zip(loaded.outcomes);
    Ok(sent.map(|((line, nights), outcome)| Sent { line, nights, outcome }).collect())
}

async fn ask<A: DeserializeOwned>(client: &Client, request: &Request) -> Result<A, String> {
    let body = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    let answer = client.post(wire::PATH, body).await?;
    serde_json::from_value(answer).map_err(|error| format!("{}: {error}", wire::PATH))
}

/// Waits until every change is searchable; meanwhile the search itself says how many homes it finds.
async fn until_searchable(client: &Client, bounds: Option<[f64; 4]>, homes: u64) -> Result<(), String> {
    let step = Step::of("searchable", Some(homes));
    let drained = client.post("/_local/drain", Vec::new());
    tokio::pin!(drained);
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Ok(answer) = tokio::time::timeout(pause, &mut drained).await {
            answer?;
            step.at(homes);
            step.done();
            return Ok(());
        }
        let Some([west, south, east, north]) = bounds else { continue };
        let asked = Instant::now();
        let query = format!("/v1/search?bbox={west},{south},{east},{north}&limit=1");
        let found = client.get(&query).await.ok().and_then(|page| page["total"].as_u64());
        step.at(found.unwrap_or(0).min(homes));
        // Asking must not hold up what it asks about: a search of a whole city reads all of it.
        pause = SHORTEST_PAUSE.max(20 * asked.elapsed());
    }
}

/// The box around the homes: west, south, east, north.
fn bounds<'a>(homes: impl Iterator<Item = &'a Home>) -> Option<[f64; 4]> {
    homes.fold(None, |bounds, home| {
        let (lat, lng) = (home.location.lat, home.location.lng);
        let [west, south, east, north] = bounds.unwrap_or([lng, lat, lng, lat]);
        Some([west.min(lng), south.min(lat), east.max(lng), north.max(lat)])
    })
}

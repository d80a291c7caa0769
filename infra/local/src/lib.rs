//! The whole product on one machine: reads template.yaml and runs what it names, with the code that
//! ships, behind a real HTTP server.

pub mod buckets;
pub mod bus;
pub mod clock;
pub mod connector;
mod control;
pub mod database;
mod docs;
pub mod engine;
pub mod environment;
pub mod events;
pub mod failures;
pub mod faults;
pub mod gateway;
pub mod import;
mod invoke;
pub mod mailbox;
pub mod meter;
pub mod opensearch;
pub mod provider;
pub mod router;
mod saved;
mod schedules;
pub mod search;
pub mod stack;
pub mod streams;
pub mod template;
pub mod wiring;

use std::path::PathBuf;

use roost::function::Functions;

/// Every function of the product.
#[must_use]
pub fn all_functions() -> Functions {
    [
        roost_identity::functions(),
        roost_listings::functions(),
        roost_calendar::functions(),
        roost_photos::functions(),
        roost_search::functions(),
        roost_quotes::functions(),
        roost_bookings::functions(),
        roost_payouts::functions(),
        roost_operations::functions(),
        roost_events::functions(),
        roost_site::functions(),
    ]
    .into_iter()
    .fold(Functions::default(), Functions::and)
}

/// The contract as `infra/openapi.json` holds it, with the bodies of the sample events as its examples.
///
/// # Errors
/// A sentence that says which sample cannot be read.
pub fn contract() -> Result<String, String> {
    let mut samples = roost_site::openapi::Samples::new();
    let functions = all_functions();
    for described in &functions.operations {
        let name = described.endpoint.name;
        let file = root().join(format!("events/{name}.json"));
        let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
        let event = std::fs::read_to_string(&file).map_err(|why| failed(&why))?;
        let event: serde_json::Value = serde_json::from_str(&event).map_err(|why| failed(&why))?;
        if let Some(body) = event["body"].as_str() {
            samples.insert(name.to_owned(), serde_json::from_str(body).map_err(|why| failed(&why))?);
        }
    }
    Ok(roost_site::openapi::text(&functions, &samples))
}

/// The workspace: the nearest folder above the current one that has a template, else the one that
/// this program was built in.
#[must_use]
pub fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().find(|folder| folder.join("template.yaml").is_file());
    above.map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")), PathBuf::from)
}

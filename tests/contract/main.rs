//! `cargo contract [HISTORIES]`: the embedded store against Amazon's own DynamoDB Local. Every call that
//! the product makes while each of its functions is called and a photo is brought, in the proof's main
//! scripts and in simulated histories, is recorded with what the embedded store
//! answered, and made again, in the same order, on DynamoDB Local; the answers have to be the same.
//!
//! DynamoDB Local binds every address, so both run in a network of their own (`unshare`, Linux).
#![allow(clippy::print_stdout, reason = "this program's output is its report")]

mod compare;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode};
use std::time::Instant;

use compare::{Difference, difference};
use reference::Reference;
use roost::account::Role;
use roost::booking::Booking;
use roost::booking::answer::Details;
use roost::error::Error;
use roost::ids::BookingId;
use roost::stay::Nights;
use roost::store::bookings::Made;
use roost_local::engine::Call;
use roost_local::template::Template;
use roost_local::{all_functions, events};
use roost_proof::crashes;
use roost_proof::script::Script;
use roost_tests::{Caller, Product, VISA};
use serde_json::{Value, json};

/// How many histories are recorded unless the caller says another number.
const HISTORIES: u64 = 60;
/// Set for the run in a network of its own.
const INSIDE: &str = "ROOST_CONTRACT_INSIDE";

/// What the two are known to answer differently, by the operation and what differs, and why no
/// adapter minds.
const KNOWN: [(&str, &str, &str); 2] = [
    (
        "Query",
        "the order of an index's items",
        "an index promises none between items of one sort key: two bookings that begin on one day",
    ),
    ("Scan", "the segment of an item", "a scan in parts promises each item once, not in which part"),
];

fn main() -> ExitCode {
    let outcome = if std::env::var_os(INSIDE).is_some() { inside() } else { outside() };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            println!("FAILED: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Fetches what is needed, and starts this program again in a network that has the loopback address
/// and nothing else.
fn outside() -> Result<bool, String> {
    reference::fetched()?;
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(this)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .map_err(|why| format!("unshare: {why} (Debian: util-linux; and iproute2 for ip)"))?;
    Ok(status.success())
}

#[tokio::main]
async fn inside() -> Result<bool, String> {
    let histories = std::env::args().nth(1).map_or(Ok(HISTORIES), |number| number.parse());
    let histories = histories.map_err(|_| "the argument is a number of histories")?;
    let reference = Reference::start(&reference::fetched()?).await?;
    let template = Template::read(&roost_local::root().join("template.yaml"))?;
    let begun = Instant::now();
    let mut report = Report::default();
    // Equal seeds would make equal tokens of transactions, which the store remembers for ten minutes.
    let main = crashes::scripts().into_iter().map(|main| main.script).zip(1 << 40..);
    let main = main.map(|(script, seed)| Script { seed, ..script });
    let scripts: Vec<Script> = main.chain((1..=histories).map(Script::of)).collect();
    for number in 0..=scripts.len() {
        let calls = match number.checked_sub(1) {
            None => every_function_once().await?,
            Some(place) => {
                let script = scripts[place].clone();
                let recorded = tokio::task::spawn_blocking(move || roost_proof::recorded(&script)).await;
                recorded.map_err(|why| format!("history {number}: {why}"))?
            }
        };
        reference.create(&template.tables).await?;
        for call in calls {
            let answer = reference.answer(&call.operation, &call.body).await?;
            report.add(&call, difference(&call, &answer));
        }
        reference.delete(&template.tables).await?;
        if number % 20 == 0 {
            println!("{number} of {} histories, {} calls", scripts.len(), report.calls);
        }
    }
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    let uncalled = report.uncalled(&expressions()?);
    if !uncalled.is_empty() {
        println!("MISSING: expressions of the adapters that no call had:\n  {}", uncalled.join("\n  "));
    }
    Ok(report.print() && uncalled.is_empty())
}

/// Expressions of planted mistakes.
const PLANTED: [&str; 1] = ["REMOVE bookings"];

/// The expressions that stand in the adapters' sources as literals where they are used; the few that
/// are chosen by a `match` or made by a function are not among them.
fn expressions() -> Result<BTreeSet<String>, String> {
    let mut all = BTreeSet::new();
    let folder = roost_local::root().join("shared/src/store");
    for file in std::fs::read_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))? {
        let path = file.map_err(|why| why.to_string())?.path();
        let source = std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        for call in source.split("_expression(").skip(1) {
            let text = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            // As the compiler reads it: a line that goes on begins where its text does.
            let parts = text.map(|text| text.split("\\\n").map(str::trim_start).collect());
            let whole = parts.map(|parts: Vec<&str>| parts.concat());
            all.extend(whole.filter(|text| !PLANTED.contains(&text.as_str())));
        }
    }
    Ok(all)
}

/// The calls of a stack on which every function handles an event once.
async fn every_function_once() -> Result<Vec<Call>, String> {
    let product = Product::start().await;
    product.stack.engine().record();
    let live = events::live(&product.stack.url()).await?;
    let functions = all_functions();
    for name in functions.names() {
        roost_tests::handle(&product.stack.app(), name, &live[name]).await?;
    }
    what_is_rare(&product).await?;
    // The rest of an import goes into the embedded store by a way of its own.
    let store = &product.stack.app().store;
    store.first_import("a city", product.day(0)).await.map_err(|why| why.to_string())?;
    product.drain().await;
    Ok(product.stack.engine().recorded())
}

/// What the sample events and the histories seldom lead to.
async fn what_is_rare(product: &Product) -> Result<(), String> {
    let (host, home) = product.host_with_home("host", json!({})).await;
    for bytes in [picture()?, b"no picture at all".to_vec()] {
        let announced = host.announce_photo(&home, "image/png", &bytes).await.expect(201);
        product.upload(&announced["upload"], &bytes, &[]).await;
    }
    // Holds that lapse and are taken over, by a guest and by the host.
    let days = |from: i64, to: i64| (product.day(from), product.day(to));
    let guest = product.somebody("guest").await;
    for (number, (first, end)) in [days(10, 12), days(20, 22)].into_iter().enumerate() {
        guest.book(&home, first, end, None, &format!("hold-{number}")).await.expect(201);
    }
    product.advance(16 * 60).await;
    let (host, guest) = (product.again(&host), product.again(&guest));
    let (first, end) = days(10, 12);
    guest.book(&home, first, end, VISA, "taken-over").await.expect(201);
    let block = format!("/v1/listings/{home}/calendar/block");
    let (first, end) = days(20, 22);
    host.post(&block, &json!({ "startDate": first, "endDate": end })).await.expect(200);
    host.post(&block, &json!({ "startDate": first, "endDate": end, "notes": "" })).await.expect(200);
    Box::pin(a_deletion_overtaken(product, &host)).await?;
    Box::pin(a_long_stay_given_up(product, &guest, &home)).await?;
    // A payout account that is replaced, since it was closed.
    product.close_payout_account(&host).await;
    host.post("/v1/hosts/me/payout-account", &json!({})).await.expect(200);
    let address = "host@example.com".parse().map_err(|_| "an address")?;
    let granted = product.stack.app().store.set_roles(&address, &[Role::Admin]).await;
    granted.map_err(|why| why.to_string())
}

/// Its nights are blocked, and then the listing is another: what stood in them is put back.
async fn a_deletion_overtaken(product: &Product, host: &Caller) -> Result<(), String> {
    let store = &product.stack.app().store;
    let home = product.home_of(host, json!({})).await.parse().map_err(|_| "a listing")?;
    let (mut listing, terms) = store.listing(home, true).await.ok().flatten().ok_or("the listing")?;
    listing.version -= 1;
    match store.delete_listing(&listing, &terms).await {
        Err(Error::Stale) => Ok(()),
        other => Err(format!("{other:?} of a listing that has changed")),
    }
}

/// Since the last of its nights are sold while it takes the first.
async fn a_long_stay_given_up(product: &Product, guest: &Caller, home: &str) -> Result<(), String> {
    let app = product.stack.app();
    let (first, end) = (product.day(200), product.day(202));
    let held = guest.book(home, first, end, None, "model").await.expect(201);
    let id = held["id"].as_str().and_then(|id| id.parse().ok()).ok_or("a booking")?;
    let model = app.store.booking(id).await.ok().flatten().ok_or("the booking")?;
    let stay = Nights::between(product.day(210), product.day(330)).ok_or("nights")?;
    let seen = app.store.ledger(model.unit, stay, false).await.map_err(|why| format!("{why:?}"))?;
    let (first, end) = (product.day(325), product.day(327));
    guest.book(home, first, end, VISA, "sold-meanwhile").await.expect(201);
    let long = Booking { id: BookingId::from_bits(7), stay, ..model };
    match app.store.make(long, &Details::default(), 1, seen).await {
        Ok(Made::Refused(_)) => {}
        other => return Err(format!("a long stay: {other:?}")),
    }
    Ok(())
}

/// A picture that is large enough to be shown.
fn picture() -> Result<Vec<u8>, String> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(1_024, 1_024, image::Rgb([90, 120, 160]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(|why| why.to_string())?;
    Ok(bytes.into_inner())
}

#[derive(Default)]
struct Report {
    calls: usize,
    operations: BTreeMap<String, usize>,
    /// Calls that differ in more than values.
    shapes: BTreeSet<String>,
    expressions: BTreeSet<String>,
    refused: BTreeMap<String, usize>,
    differences: BTreeMap<(String, &'static str), (usize, Difference)>,
}

impl Report {
    fn add(&mut self, call: &Call, difference: Option<Difference>) {
        self.calls += 1;
        *self.operations.entry(call.operation.clone()).or_default() += 1;
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        self.shapes.insert(format!("{} {}", call.operation, compare::shape(&body)));
        compare::expressions(&body, &mut self.expressions);
        if call.reply.status != 200 {
            let reply: Value = serde_json::from_str(&call.reply.body).unwrap_or_default();
            let kind = reply["__type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
            *self.refused.entry(kind).or_default() += 1;
        }
        if let Some(difference) = difference {
            let key = (call.operation.clone(), difference.what);
            self.differences.entry(key).or_insert((0, difference)).0 += 1;
        }
    }

    fn uncalled(&self, expressions: &BTreeSet<String>) -> Vec<String> {
        expressions.difference(&self.expressions).cloned().collect()
    }

    /// Whether nothing but what is known differs.
    fn print(&self) -> bool {
        println!("{} calls, {} of different shape", self.calls, self.shapes.len());
        for (operation, count) in &self.operations {
            println!("  {operation:<24}{count:>8}");
        }
        for (kind, count) in &self.refused {
            println!("  refused with {kind:<40}{count:>8}");
        }
        let mut good = true;
        for ((operation, what), (count, example)) in &self.differences {
            let known = KNOWN.iter().find(|known| (known.0, known.1) == (operation.as_str(), what));
            good &= known.is_some();
            println!("DIFFERENT {count} times: {operation}, {what}");
            match known {
                Some((_, _, why)) => println!("  known: {why}"),
                None => println!("{}", example.text),
            }
        }
        println!("{}", if good { "The two answer the same." } else { "The two answer differently." });
        good
    }
}

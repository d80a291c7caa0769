//! `cargo outside`: the product from the outside, by somebody who has only the contract. Schemathesis
//! makes calls from `/openapi.json`, right and wrong ones, for a guest, a host and an admin, once with
//! ids of its own and once with those of things that are there, and holds the answers to the document.
#![allow(clippy::print_stdout, reason = "this program's output is its report")]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use roost::account::Role;
use roost_tests::{Caller, Product, VISA, python};
use serde_json::json;

/// What is installed.
const PINNED: [&str; 1] = ["schemathesis==4.32.5"];
/// How many calls of each operation are drawn in each run, beside the systematic ones, unless the
/// caller says another number.
const EXAMPLES: &str = "40";
/// The seed of every run.
const SEED: &str = "1";

/// What a call that the document allows may be answered all the same: it cannot say that a card is
/// good, a quote fresh or a date ahead. What is wrong with a body is not said where `If-Match` already
/// refuses the call, nor what is missing where the thing is another's.
const CHECKS: &str = r#"
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422"]

[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "404", "406", "415", "422"]

[checks.positive_data_acceptance]
expected-statuses = ["2XX", "401", "402", "403", "404", "409", "410", "412", "422", "429"]

# The document cannot say how an event is signed, nor what of another's event is not read.
[[operations]]
include-path = "/v1/webhooks/stripe"
checks.positive_data_acceptance.expected-statuses = ["2XX", "400"]

[[operations]]
include-path = "/v1/webhooks/adyen"
checks.positive_data_acceptance.expected-statuses = ["2XX", "400"]
"#;

#[tokio::main]
async fn main() -> ExitCode {
    match outside().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            println!("FAILED: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn outside() -> Result<bool, String> {
    let examples = std::env::args().nth(1).unwrap_or_else(|| EXAMPLES.to_owned());
    let tool = python::installed("outside", &PINNED)?.join("bin/schemathesis");
    let folder = roost_local::root().join("target/outside");
    std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let begun = Instant::now();
    let (mut cases, mut good) = (0, true);
    for (who, is_there) in [
        ("guest", false),
        ("guest", true),
        ("host", false),
        ("host", true),
        ("admin", false),
        ("admin", true),
    ] {
        // Each on a stack of its own: what one run deletes, the next has not lost.
        let product = Product::start().await;
        let things = Things::on(&product).await?;
        let caller = match who {
            "guest" => &things.guest,
            "host" => &things.host,
            _ => &things.admin,
        };
        let operations = things.operations(is_there);
        let run = Run { tool: &tool, folder: &folder, examples: &examples, url: product.stack.url() };
        let name = format!("{who}{}", if is_there { ", ids of what is there" } else { "" });
        let token = caller.token().unwrap_or_default().to_owned();
        // A chain of calls deletes what it is about; ids that stay the same have nothing to chain.
        let phases =
            if is_there { "examples,coverage,fuzzing" } else { "examples,coverage,fuzzing,stateful" };
        let report = run.of(&name, &token, phases, &format!("{operations}{CHECKS}")).await?;
        println!("{name:<32}{:>7} cases, {}", report.cases, report.sentence);
        cases += report.cases;
        good &= report.good;
    }
    println!("{cases} cases in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(good)
}

/// What there is before the calls begin.
struct Things {
    guest: Caller,
    host: Caller,
    admin: Caller,
    listing: String,
    booking: String,
    photo: String,
}

impl Things {
    async fn on(product: &Product) -> Result<Self, String> {
        let (host, listing) = product.host_with_home("host", json!({})).await;
        let guest = product.somebody("guest").await;
        product.somebody("admin").await;
        let address = "admin@example.com".parse().map_err(|_| "an address")?;
        let granted = product.stack.app().store.set_roles(&address, &[Role::Admin]).await;
        granted.map_err(|why| why.to_string())?;
        // The role stands in the tokens from now on.
        let body = json!({ "email": "admin@example.com", "password": "correct horse battery" });
        let admin = product.anybody().post("/v1/auth/login", &body).await.expect(200);
        let admin = product.holder(admin["accessToken"].as_str().ok_or("a token")?);
        let booking = guest.book(&listing, product.day(40), product.day(43), VISA, "there").await.expect(201);
        let photo = host.announce_photo(&listing, "image/png", b"a picture").await.expect(201);
        let id = |thing: &serde_json::Value| thing.as_str().unwrap_or_default().to_owned();
        let (booking, photo) = (id(&booking["id"]), id(&photo["photoId"]));
        Ok(Self { guest, host, admin, listing, booking, photo })
    }

    /// The settings of single operations: with the same ids for all that take one, if what is there
    /// shall be called. API Gateway takes `order` for the id of a photo where a method asks for one.
    fn operations(&self, is_there: bool) -> String {
        let Self { listing, booking, photo, .. } = self;
        let listing = format!(r#"parameters = {{ "path.id" = "{listing}", "path.photoId" = "{photo}" }}"#);
        let booking = format!(r#"parameters = {{ "path.id" = "{booking}" }}"#);
        let of = |paths: &str, setting: &str| {
            format!("[[operations]]\ninclude-path-regex = '{paths}'\n{setting}\n\n")
        };
        let mut order = r#"phases.coverage.unexpected-methods = ["GET", "POST", "TRACE"]"#.to_owned();
        let mut others = String::new();
        if is_there {
            order = format!("{order}\n{listing}");
            others = of("^/v1/listings/(?!.*/order$)", &listing) + &of("^/v1/bookings/", &booking);
        }
        of("/photos/order$", &order) + &others
    }
}

/// How runs are made.
struct Run<'a> {
    tool: &'a Path,
    folder: &'a Path,
    examples: &'a str,
    url: String,
}

/// What came of a run.
struct Report {
    cases: u32,
    sentence: String,
    good: bool,
}

impl Run<'_> {
    async fn of(&self, name: &str, token: &str, phases: &str, settings: &str) -> Result<Report, String> {
        let name = name.replace([' ', ','], "-");
        let settings_file = self.folder.join("settings.toml");
        let failed = |why: std::io::Error| format!("{}: {why}", self.folder.display());
        std::fs::write(&settings_file, settings).map_err(failed)?;
        let mut command = Command::new(self.tool);
        command
            .arg("--config-file")
            .arg(&settings_file)
            .arg("run")
            .arg(format!("{}/openapi.json", self.url))
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args(["--checks", "all", "--phases", phases])
            .args(["--max-examples", self.examples, "--seed", SEED, "--continue-on-failure"])
            .args(["--warnings", "off", "--no-color", "--generation-database", "none"])
            .current_dir(self.folder)
            .stdin(Stdio::null());
        let done = tokio::task::spawn_blocking(move || command.output()).await;
        let done = done.map_err(|why| why.to_string())?.map_err(|why| format!("schemathesis: {why}"))?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let log = self.folder.join(format!("{name}.log"));
        std::fs::write(&log, &text).map_err(failed)?;
        let generated = text.lines().find_map(|line| line.trim().split_once(" generated").map(|(n, _)| n));
        let cases = generated.and_then(|number| number.parse().ok());
        let cases =
            cases.ok_or_else(|| format!("schemathesis did not come to its end: {}", log.display()))?;
        let good = done.status.success();
        let failures: Vec<&str> =
            text.lines().map(str::trim).filter_map(|line| line.strip_prefix("❌ ST")).collect();
        let sentence = if good {
            "every answer as documented, no server error".to_owned()
        } else {
            format!("{} (see {})", failures.join("; "), log.display())
        };
        Ok(Report { cases, sentence, good })
    }
}

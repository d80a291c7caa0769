//! `cargo rehearse`: a deployment, rehearsed. Builds the functions as they ship, deploys template.yaml
//! through CloudFormation into an emulator of AWS that is not ours, does the main job over HTTP as a
//! guest and a host would, and takes everything down again. `template.yaml` is deployed as it stands.
#![allow(clippy::print_stdout, reason = "this program's output is its report")]

mod deployment;
mod emulator;
mod job;
mod package;
mod tools;

use std::process::ExitCode;
use std::time::Instant;

use deployment::Deployment;
use emulator::Emulator;
use roost_local::stack::{Options, Stack};
use tools::Tools;

/// What the emulator cannot do, so that no rehearsal shows it, each with the reason.
const NOT_REHEARSED: [(&str, &str); 7] = [
    (
        "API Gateway's import of an OpenAPI body",
        "the emulator makes the HTTP API without the routes and CORS settings in its Body: the rehearsal \
         makes them through API Gateway's own calls from the template as CloudFormation processed it",
    ),
    (
        "the search domain",
        "the emulator knows the resource but runs no OpenSearch behind it: deployed with SearchDomain=no, \
         which answers searches from the cells",
    ),
    (
        "the lapse of a hold",
        "its clock cannot be moved, and a hold lasts 15 minutes: that the sweeper is started by its \
         schedule is what is seen",
    ),
    (
        "the sending of a mail",
        "it asks a role for ses:SendEmail on every resource where SES asks for the sender's identity, and \
         so refuses a role that has no more than that: that the bus starts the mailer is what is seen",
    ),
    ("arm64", "functions run as processes of this machine: deployed with the Architecture of this machine"),
    ("memory limits, cold starts and concurrency", "functions are plain processes without the sandbox"),
    (
        "throttling, conflicts of transactions, the delays of streams and TTL",
        "the emulator's tables have none",
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    match rehearse().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            println!("FAILED: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn rehearse() -> Result<(), String> {
    let begun = Instant::now();
    let mut report = Report { step: Instant::now() };
    let root = roost_local::root();
    let tools = Tools::installed()?;
    report.done("tools", &tools::PINNED.join(", "));
    tools.validate(&root)?;
    report.done("template", "sam validate --lint and cfn-lint found nothing");

    let package = package::built(&root)?;
    report.done("functions", &package.summary());

    // The payment provider of the local stack, beside the deployment as Stripe would be.
    let beside = Stack::start(Options { memory: true, ..Options::default() }).await?;
    let emulator = Emulator::start(&tools, &root.join("target/rehearsal")).await?;
    report.done("emulator", &format!("answers at {}", emulator.url()));

    let outcome = async {
        let deployment =
            Deployment::made(&tools, &emulator, &package, &format!("{}/_local/stripe", beside.url())).await?;
        report.done("deployment", &deployment.summary());
        let url = deployment.url(&emulator);
        let done = tokio::spawn(async move { job::done(&url, &beside).await }).await;
        let done = done.map_err(|why| format!("the main job: {why}"))?;
        report.done("main job", &format!("{} steps: {}", done.len(), done.join(", ")));
        report.done("started", &deployment.started(&emulator).await?);
        let left = deployment.deleted(&emulator).await?;
        report.done("teardown", &left);
        Ok::<_, String>(())
    }
    .await;
    if outcome.is_err() {
        println!("The emulator's log is {}", emulator.log().display());
    }
    emulator.stop().await;
    outcome?;
    println!("Not rehearsed, because the emulator cannot:");
    for (what, why) in NOT_REHEARSED {
        println!("  {what}: {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    println!("Rehearsed in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// What is printed as the rehearsal goes.
struct Report {
    step: Instant,
}

impl Report {
    fn done(&mut self, step: &str, what: &str) {
        println!("{step:<12}{:>6.1} s  {what}", self.step.elapsed().as_secs_f64());
        self.step = Instant::now();
    }
}

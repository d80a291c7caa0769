//! `cargo proof`: runs histories until their number or the time is up, and prints what they met.
#![allow(clippy::print_stdout, reason = "this program's output is its report")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use roost::booking::TRANSITIONS;
use roost_proof::script::Script;
use roost_proof::{Report, run, shrink};

/// Simulates histories of the whole product and checks the guarantees.
#[derive(Parser)]
struct Arguments {
    /// How many histories.
    #[arg(long, default_value_t = 1_000)]
    histories: u64,
    /// The first seed; the next histories have the next seeds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stops after so many minutes, whatever the number.
    #[arg(long)]
    minutes: Option<u64>,
    /// How many things go wrong in a history, instead of 2 to 6.
    #[arg(long)]
    faults: Option<usize>,
    /// How many threads; as many as there are cores unless given.
    #[arg(long)]
    threads: Option<usize>,
    /// Runs the script in this file instead.
    #[arg(long)]
    script: Option<std::path::PathBuf>,
}

#[derive(Default)]
struct Tally {
    histories: u64,
    transitions: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    virtual_time: Duration,
    store_calls: u64,
    failed: Option<(Script, Report)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.script {
        return one(file);
    }
    let began = Instant::now();
    let (next, tally) = (Arc::new(AtomicU64::new(arguments.seed)), Arc::new(Mutex::new(Tally::default())));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let end = arguments.seed + arguments.histories;
    let until = arguments.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let late = until.is_some_and(|until| Instant::now() >= until);
                    if seed >= end || late || locked(&tally, |tally| tally.failed.is_some()) {
                        return;
                    }
                    let script = drawn(seed, arguments.faults);
                    let report = run(&script);
                    locked(&tally, |tally| tally.add(&script, report));
                    locked(&tally, |tally| tally.progress(began, arguments.histories));
                }
            });
        }
    });
    println!();
    locked(&tally, |tally| tally.report(began))
}

/// A seed's script; with another number of faults where that is wanted.
fn drawn(seed: u64, faults: Option<usize>) -> Script {
    let mut script = Script::of(seed);
    if let Some(count) = faults {
        let more = (1..).flat_map(|other| Script::of(seed + other * 1_000_000_007).faults);
        script.faults = script.faults.clone().into_iter().chain(more).take(count).collect();
    }
    script
}

fn one(file: &std::path::Path) -> ExitCode {
    let script = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let script: Result<Script, String> =
        script.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    match script {
        Ok(script) => {
            let report = run(&script);
            println!("{report:#?}");
            if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

impl Tally {
    fn add(&mut self, script: &Script, report: Report) {
        self.histories += 1;
        self.virtual_time += report.passed;
        self.store_calls += u64::from(report.store_calls);
        for (transition, times) in &report.transitions {
            *self.transitions.entry(transition.clone()).or_default() += times;
        }
        for fault in &report.met {
            *self.faults.entry(format!("{:?} {:?}", fault.at, fault.what)).or_default() += 1;
        }
        if !report.violations.is_empty() && self.failed.is_none() {
            self.failed = Some((script.clone(), report));
        }
    }

    fn progress(&self, began: Instant, of: u64) {
        if self.histories.is_multiple_of(50) {
            let rate = per_second(self.histories, began);
            print!("\r{} of {of} histories, {rate:.0}/s ", self.histories);
            let _ = std::io::stdout().flush();
        }
    }

    fn report(&self, began: Instant) -> ExitCode {
        println!(
            "{} histories in {:.0} s ({:.0}/s), {:.1} virtual days, {} calls of the store",
            self.histories,
            began.elapsed().as_secs_f64(),
            per_second(self.histories, began),
            self.virtual_time.as_secs_f64() / 86_400.0,
            self.store_calls,
        );
        println!("\nFaults met:");
        for (fault, times) in &self.faults {
            println!("{times:>9}  {fault}");
        }
        println!("\nTransitions:");
        let mut missing = 0;
        for way in TRANSITIONS {
            let name = format!("{:?} -> {:?}", way.from, way.to);
            let times = self.transitions.get(&name).copied().unwrap_or_default();
            missing += usize::from(times == 0);
            println!("{times:>9}  {name}: {}", way.when);
        }
        println!("{missing} of {} transitions were not visited", TRANSITIONS.len());
        let Some((script, report)) = &self.failed else {
            println!("No violation.");
            return ExitCode::SUCCESS;
        };
        println!("\nVIOLATION with --seed {}:", script.seed);
        for violation in &report.violations {
            println!("  {violation}");
        }
        println!("Making it smaller...");
        let small = shrink(script);
        let report = run(&small);
        println!("{} commands and {} faults are enough:", small.commands(), small.faults.len());
        for violation in &report.violations {
            println!("  {violation}");
        }
        println!("As a file for --script:\n{}", serde_json::to_string(&small).unwrap_or_default());
        ExitCode::FAILURE
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate for the reader")]
fn per_second(histories: u64, began: Instant) -> f64 {
    histories as f64 / began.elapsed().as_secs_f64()
}

fn locked<T>(tally: &Mutex<Tally>, act: impl FnOnce(&mut Tally) -> T) -> T {
    act(&mut tally.lock().unwrap_or_else(PoisonError::into_inner))
}

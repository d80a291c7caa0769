//! `cargo proof`: runs histories until their number or the time is up, and prints what they met.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program's output is its report")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use roost::booking::TRANSITIONS;
use roost_proof::script::{Script, Site};
use roost_proof::{BALANCE_PAID, BALANCE_UNPAID, Report, crashes, run, shrink};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Lets every single call of the main scripts fail in every way, and every pair of calls of the
    /// shortest.
    #[arg(long)]
    crashes: bool,
    /// Plants one mistake after another, and counts the histories until each is found. Needs the
    /// feature `planted`.
    #[arg(long)]
    planted: bool,
    /// Plants only the mistakes whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// Runs the script in this file instead.
    #[arg(long)]
    script: Option<std::path::PathBuf>,
}

#[derive(Default)]
struct Tally {
    histories: u64,
    /// Of all histories together: equal for equal ones, whatever the order.
    trace: u64,
    took: Duration,
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
    if arguments.planted {
        return planted(&arguments);
    }
    if arguments.crashes {
        return enumerate(&arguments);
    }
    let of = arguments.histories;
    let tally = all(&arguments, of, |number| drawn(arguments.seed + number, arguments.faults));
    println!();
    tally.report()
}

/// Every call of the main scripts fails once in every way; then every pair of the shortest script's.
fn enumerate(arguments: &Arguments) -> ExitCode {
    let mut ended = ExitCode::SUCCESS;
    let mut total = 0;
    let mains = crashes::scripts();
    let single = mains.iter().map(|main| (main.name, crashes::single(main)));
    let pairs = mains.iter().take(1).map(|main| ("pairs: booked and paid at once", crashes::pairs(main)));
    for (name, scripts) in single.chain(pairs) {
        let tally = all(arguments, scripts.len() as u64, |number| {
            scripts[usize::try_from(number).unwrap_or_default()].clone()
        });
        total += tally.histories;
        let met: u64 = tally.faults.values().sum();
        if tally.failed.is_none() && tally.histories < scripts.len() as u64 {
            println!("\r{name}: cut short, {} were to be", scripts.len());
            ended = ExitCode::FAILURE;
        }
        println!(
            "\r{name}: {} histories, {met} faults met, in {:.0} s",
            tally.histories,
            tally.took.as_secs_f64()
        );
        if tally.failed.is_some() {
            ended = tally.report();
        }
    }
    println!("{total} histories in all");
    ended
}

/// Runs so many scripts, on every core, until one ends in a violation.
fn all(arguments: &Arguments, of: u64, script: impl Fn(u64) -> Script + Sync) -> Tally {
    let began = Instant::now();
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let until = arguments.minutes.map(|minutes| began + Duration::from_secs(60 * minutes));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let late = until.is_some_and(|until| Instant::now() >= until);
                    if number >= of || late || locked(&tally, |tally| tally.failed.is_some()) {
                        return;
                    }
                    let script = script(number);
                    let report = run(&script);
                    locked(&tally, |tally| tally.add(&script, report));
                    locked(&tally, |tally| tally.progress(began, of));
                }
            });
        }
    });
    let mut tally = locked(&tally, std::mem::take);
    tally.took = began.elapsed();
    tally
}

#[cfg(not(feature = "planted"))]
fn planted(_: &Arguments) -> ExitCode {
    println!("Mistakes are planted by `cargo planted`: this program was built without them.");
    ExitCode::FAILURE
}

/// Every mistake in turn, each until it is found.
#[cfg(feature = "planted")]
fn planted(arguments: &Arguments) -> ExitCode {
    let mut missed = 0;
    let wanted = |bug: &roost::planted::Bug| format!("{bug:?}").contains(&arguments.only);
    for bug in roost::planted::Bug::ALL.into_iter().filter(wanted) {
        roost::planted::plant(Some(bug));
        let tally = all(arguments, arguments.histories, |number| drawn(arguments.seed + number, None));
        match &tally.failed {
            Some((script, report)) => {
                roost::planted::plant(None);
                if !run(script).violations.is_empty() {
                    println!("\r{bug:?}: --seed {} fails without it too", script.seed);
                    return ExitCode::FAILURE;
                }
                let what = report.violations.first().map(String::as_str).unwrap_or_default();
                println!(
                    "\r{bug:?}: found by history {} (--seed {}) in {:.0} s: {what}",
                    tally.histories,
                    script.seed,
                    tally.took.as_secs_f64()
                );
            }
            None => {
                missed += 1;
                println!("\r{bug:?}: NOT FOUND in {} histories", tally.histories);
            }
        }
    }
    roost::planted::plant(None);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
        self.trace = self.trace.wrapping_add(report.trace);
        self.virtual_time += report.passed;
        self.store_calls += u64::from(report.calls.get(&Site::Store).copied().unwrap_or_default());
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
            let rate = per_second(self.histories, began.elapsed());
            print!("\r{} of {of} histories, {rate:.0}/s ", self.histories);
            let _ = std::io::stdout().flush();
        }
    }

    fn report(&self) -> ExitCode {
        println!(
            "{} histories in {:.0} s ({:.0}/s), {:.1} virtual days, {} calls of the store, trace {:016x}",
            self.histories,
            self.took.as_secs_f64(),
            per_second(self.histories, self.took),
            self.virtual_time.as_secs_f64() / 86_400.0,
            self.store_calls,
            self.trace,
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
        for beside in [BALANCE_PAID, BALANCE_UNPAID] {
            println!("{:>9}  {beside}", self.transitions.get(beside).copied().unwrap_or_default());
        }
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
fn per_second(histories: u64, took: Duration) -> f64 {
    histories as f64 / took.as_secs_f64()
}

fn locked<T>(tally: &Mutex<Tally>, act: impl FnOnce(&mut Tally) -> T) -> T {
    act(&mut tally.lock().unwrap_or_else(PoisonError::into_inner))
}

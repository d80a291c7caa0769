//! `cargo strangers`: bytes that strangers may send, made from ones that can be read, on any
//! toolchain. What leads to an answer not given before is mutated further.
#![allow(clippy::print_stdout, reason = "this program's output is its report")]

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use fastrand::Rng;
use roost_fuzz::{TARGETS, Target};

/// The longest input that is made.
const LONGEST: usize = 8_192;

/// Reads what strangers may send.
#[derive(Parser)]
struct Arguments {
    /// How long each target is tried.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only the targets whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// Which changes are made, and where.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut good = true;
    for target in TARGETS.iter().filter(|target| target.name.contains(&arguments.only)) {
        good &= tried(target, Duration::from_secs(arguments.seconds), arguments.seed);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether nothing breaks the target within the time.
fn tried(target: &Target, time: Duration, seed: u64) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut corpus = (target.seeds)();
    for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        corpus.extend(std::fs::read(file.path()));
    }
    let mut random = Rng::with_seed(seed);
    let mut answers = BTreeSet::new();
    let (began, mut count, mut place) = (Instant::now(), 0_u64, 0);
    while began.elapsed() < time {
        // What is given is read as it is first.
        let input = if let Some(given) = corpus.get(place) {
            place += 1;
            given.clone()
        } else {
            mutated(&corpus, &mut random)
        };
        count += 1;
        match catch_unwind(|| (target.read)(&input)) {
            Ok(answer) => {
                if answers.insert(answer) && count > place as u64 {
                    corpus.push(input);
                    place = corpus.len();
                }
            }
            Err(_) => {
                let file = roost_local::root().join(format!("target/stranger-{}", target.name));
                let kept =
                    std::fs::write(&file, &input).map_or_else(|why| why.to_string(), |()| String::new());
                println!("{}: BROKEN by {} {kept}", target.name, file.display());
                return false;
            }
        }
    }
    println!("{:<8}{count:>10} inputs, {:>6} different answers", target.name, answers.len());
    true
}

/// One of the corpus, changed in one to six ways.
fn mutated(corpus: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..random.usize(1..=6) {
        let length = bytes.len();
        let at = random.usize(..=length);
        let to = (at + random.usize(..=16)).min(length);
        match random.u8(..8) {
            0 if length > 0 => bytes[at % length] ^= 1 << random.u8(..8),
            1 if length > 0 => bytes[at % length] = random.u8(..),
            2 => drop(bytes.drain(at..to)),
            3 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            4 => drop(bytes.splice(at..to, WORDS[random.usize(..WORDS.len())].bytes())),
            5 => drop(bytes.splice(at..to, random.i64(..).to_string().into_bytes())),
            6 => {
                let other = &corpus[random.usize(..corpus.len())];
                let from = random.usize(..=other.len());
                let end = (from + random.usize(..64)).min(other.len());
                bytes.splice(at..to, other[from..end].iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// What readers stumble over.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"",
    "\\u0000",
    "\\ud800",
    "-0",
    "1e400",
    "NaN",
    "0.1",
    "%00",
    "%ff",
    "&",
    "=",
    ",",
    ".",
    "é",
    "\u{202e}",
    "2027-02-30",
    "9999-12-31",
    "-2147483649",
    "18446744073709551616",
    "\n",
];

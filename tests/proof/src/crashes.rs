//! Crash enumeration: the main scripts with every single call of a port failing in every way, and with
//! every ordered pair of calls failing of the shortest.

use crate::script::{Actor, Card, Command, Fault, Home, Script, Site, What};
use crate::{Report, run};

/// How a call fails here: nothing done and the caller gone or unanswered, done and the caller gone or
/// unanswered.
const WAYS: [What; 4] = [What::CrashBefore, What::LostBefore, What::CrashAfter, What::LostAfter];
/// The ports that are called.
const PORTS: [Site; 4] = [Site::Store, Site::Provider, Site::Bus, Site::Index];

/// A script of the main job by its name.
#[derive(Clone, Debug)]
pub struct Main {
    /// What it is about.
    pub name: &'static str,
    /// Without faults.
    pub script: Script,
}

/// The main scripts.
#[must_use]
pub fn scripts() -> Vec<Main> {
    let book = |card, nights| Command::Book { home: 0, first: 2, nights, card, copies: 1, waits: 1 };
    let wait = |seconds| Command::Wait { seconds };
    let good = Some(Card::Good);
    // Booked three weeks ahead, reminded, and charged.
    let two = |first: Option<Command>, then: Vec<Command>| {
        let mut does = vec![
            Command::Book { home: 0, first: 21, nights: 2, card: good, copies: 1, waits: 1 },
            wait(20),
            Command::Sleep { hours: 24 * 5 },
            Command::Hour,
            Command::Sleep { hours: 24 * 3 },
        ];
        does.extend(first);
        does.extend([Command::Hour, wait(20)]);
        does.extend(then);
        does
    };
    let refused = vec![
        Command::Pay { card: Card::Good, copies: 1, with_sweep: false },
        wait(20),
        Command::Cancel { back: 0 },
    ];
    let alone = |name, instant, guest: Vec<Command>, host: Vec<Command>| Main {
        name,
        script: Script {
            seed: 1,
            homes: vec![Home { instant, capacity: 1, deposit: false }],
            actors: vec![
                // Streams, events, the index and a first round of recovery come to their ends too.
                Actor { host: false, commands: [guest, vec![wait(400)]].concat() },
                Actor { host: true, commands: host },
            ],
            faults: Vec::new(),
            skews: vec![0, 0, 0],
            lag: 0,
        },
    };
    let in_two = |name, does| {
        let mut main = alone(name, true, does, vec![]);
        main.script.homes[0].deposit = true;
        main
    };
    vec![
        alone("booked and paid at once", true, vec![book(good, 3)], vec![]),
        alone("booked with a card that is refused", true, vec![book(Some(Card::Declined), 3)], vec![]),
        alone(
            "held, then paid",
            true,
            vec![book(None, 3), Command::Pay { card: Card::Good, copies: 1, with_sweep: false }],
            vec![],
        ),
        alone(
            "held, refused, then paid",
            true,
            vec![
                book(None, 3),
                Command::Pay { card: Card::Declined, copies: 1, with_sweep: false },
                Command::Pay { card: Card::Good, copies: 1, with_sweep: false },
            ],
            vec![],
        ),
        alone("held and left", true, vec![book(None, 3), wait(1_200)], vec![]),
        alone(
            "paid, then cancelled",
            true,
            vec![book(good, 3), wait(20), Command::Cancel { back: 0 }],
            vec![],
        ),
        alone("asked and accepted", false, vec![book(good, 3)], vec![wait(40), Command::Accept { back: 0 }]),
        alone("asked and declined", false, vec![book(good, 3)], vec![wait(40), Command::Decline { back: 0 }]),
        alone("asked and withdrawn", false, vec![book(good, 3), Command::Cancel { back: 0 }], vec![]),
        alone(
            "stayed to the end",
            true,
            vec![book(good, 2)],
            vec![
                wait(60),
                Command::Sleep { hours: 60 },
                Command::CheckIn { back: 0 },
                Command::Sleep { hours: 60 },
                Command::CheckOut { back: 0 },
            ],
        ),
        in_two("paid in two", two(None, vec![wait(200)])),
        in_two(
            "paid in two, the balance refused, then paid, then cancelled",
            two(Some(Command::Refuse { times: 1 }), refused),
        ),
        Main {
            name: "two want the same nights",
            script: Script {
                actors: vec![
                    Actor { host: false, commands: vec![book(good, 3)] },
                    Actor { host: false, commands: vec![book(good, 2)] },
                ],
                ..alone("", true, vec![], vec![]).script
            },
        },
        alone("a long stay", true, vec![book(good, 101)], vec![]),
    ]
}

/// The script with every call of it failing once, in each way, one at a time.
#[must_use]
pub fn single(main: &Main) -> Vec<Script> {
    let calls = calls(main);
    let all = calls.iter().flat_map(|(at, calls)| {
        (0..*calls).flat_map(move |call| WAYS.map(|what| Fault { at: *at, call, what }))
    });
    all.map(|fault| Script { faults: vec![fault], ..main.script.clone() }).collect()
}

/// The script with every ordered pair of its calls of store and provider failing: the first done and
/// its caller gone or unanswered, the second done and its caller gone, or not done and
/// unanswered.
#[must_use]
pub fn pairs(main: &Main) -> Vec<Script> {
    let calls: Vec<(Site, u32)> = calls(main)
        .into_iter()
        .filter(|(at, _)| matches!(at, Site::Store | Site::Provider))
        .flat_map(|(at, calls)| (0..calls).map(move |call| (at, call)))
        .collect();
    let mut scripts = Vec::new();
    for (at, call) in &calls {
        for (other_at, other) in &calls {
            // In one port the second has to come later; between two ports either may.
            if at == other_at && other <= call {
                continue;
            }
            for first in [What::CrashAfter, What::LostAfter] {
                for second in [What::CrashAfter, What::LostBefore] {
                    let faults = vec![
                        Fault { at: *at, call: *call, what: first },
                        Fault { at: *other_at, call: *other, what: second },
                    ];
                    scripts.push(Script { faults, ..main.script.clone() });
                }
            }
        }
    }
    scripts
}

/// How many calls of each port the script makes when nothing fails, until everybody has done all.
fn calls(main: &Main) -> Vec<(Site, u32)> {
    let Report { calls, .. } = run(&main.script);
    PORTS.into_iter().map(|site| (site, calls.get(&site).copied().unwrap_or_default())).collect()
}

//! What people do in a history, and what goes wrong, drawn at random.

use fastrand::Rng;

use super::{Actor, Card, Command, Fault, Home, Site, What};

/// One thing done, or a hold that is paid when its lapse is near and the sweep at work: what each does
/// to the other is met by accident once in thousands of histories.
pub(super) fn guest_does(random: &mut Rng, homes: usize, long: bool) -> Vec<Command> {
    let one = guest(random, homes, long);
    if matches!(one, Command::Book { card: None, .. }) && random.u8(..4) == 0 {
        return vec![one, Command::Wait { seconds: random.u32(600..1_000) }, pay(random, true)];
    }
    if matches!(one, Command::Book { card: Some(Card::ToConfirm), .. }) {
        let confirm = Command::Confirm { succeeds: random.u8(..4) > 0 };
        let card = if random.u8(..4) > 0 { Card::ToConfirm } else { card(random) };
        let mut does = vec![one, Command::Wait { seconds: random.u32(1..60) }, confirm];
        if random.u8(..4) > 0 {
            does.push(Command::Pay { card, copies: copies(random), with_sweep: false });
        }
        return does;
    }
    if matches!(one, Command::Book { card: Some(Card::Good), .. }) && random.u8(..16) == 0 {
        let lost = if random.bool() { Some(random.bool()) } else { None };
        return vec![one, wait(random), Command::Dispute { lost }];
    }
    vec![one]
}

/// A stay in three weeks or four: its deposit, its reminder, its balance, and what may come between.
pub(super) fn pays_in_two(random: &mut Rng) -> Vec<Command> {
    let first = random.u16(19..=28);
    let booked_by = if random.u8(..4) == 0 { Card::ToConfirm } else { Card::Good };
    let nights = random.u16(1..=3);
    let card_of_booking = (random.u8(..8) > 0).then_some(booked_by);
    let mut does = vec![Command::Book {
        home: 0,
        first,
        nights,
        card: card_of_booking,
        copies: copies(random),
        waits: random.u32(..20),
    }];
    if card_of_booking != Some(Card::Good) {
        does.push(Command::Pay { card: booked_by, copies: 1, with_sweep: false });
        does.push(Command::Confirm { succeeds: true });
        does.push(Command::Pay { card: booked_by, copies: 1, with_sweep: false });
    }
    if random.u8(..4) == 0 {
        does.push(Command::Wait { seconds: random.u32(600..1_200) });
        does.extend(pays_balance(random));
    }
    let hours = |days: u16| u32::from(days) * 24;
    // Three days before it is due. Nobody sleeps for a week in one go: what was begun is asked about meanwhile.
    let mut left = hours(first - 17) + random.u32(8..30);
    while left > 72 {
        does.extend([Command::Sleep { hours: 72 }, Command::Wait { seconds: 1_260 }]);
        left -= 72;
    }
    does.extend([Command::Sleep { hours: left }, Command::Hour]);
    if random.u8(..8) == 0 {
        does.push(Command::Cancel { back: 0 });
    }
    if random.bool() {
        does.push(Command::Refuse { times: random.u8(1..=4) });
    }
    does.push(Command::Sleep { hours: random.u32(60..90) });
    // Four days in which it can be paid.
    for _ in 0..4 {
        does.push(Command::Hour);
        match random.u8(..8) {
            0 | 1 => does.extend(pays_balance(random)),
            2 => does.push(Command::Cancel { back: 0 }),
            3 => does.push(Command::Wait { seconds: random.u32(100..400) }),
            4 => does.push(Command::Hour),
            _ => {}
        }
        does.push(Command::Sleep { hours: random.u32(12..30) });
    }
    if random.u8(..8) == 0 {
        does.push(Command::Dispute { lost: if random.bool() { Some(random.bool()) } else { None } });
    }
    if random.u8(..4) == 0 {
        does.push(Command::Cancel { back: 0 });
    }
    does
}

/// Two want the same nights at the end of a long stay: they book at once, or ask, and the host, the last of the
/// actors, accepts both at once. The long one is taken chunk by chunk, and may find the last one gone.
pub(super) fn want_the_same_end(random: &mut Rng, home: &mut Home, actors: &mut Vec<Actor>) {
    let instant = random.bool();
    *home = Home { instant, capacity: 1, deposit: false };
    let asks =
        |first, nights| Command::Book { home: 0, first, nights, card: Some(Card::Good), copies: 1, waits: 0 };
    let (first, more) = (random.u16(..4), random.u16(1..=5));
    // Its first 99 nights are taken in one transaction.
    actors[0].commands.insert(0, asks(first, 99 + more));
    actors[1].commands.insert(0, asks(first + 99, more));
    if instant {
        return;
    }
    let accepts = |back| [Command::Wait { seconds: 30 }, Command::Accept { back }];
    if let Some(host) = actors.last_mut() {
        host.commands.splice(0..0, accepts(0));
    }
    actors.push(Actor { host: true, commands: accepts(1).to_vec() });
}

/// A hold has lapsed, and somebody is quoted its nights; then it is paid at an instance whose clock is behind, and
/// he books: what is read for him may not have the payment.
pub(super) fn contest_a_lapse(random: &mut Rng, home: &mut Home, actors: &mut [Actor], skews: &mut [i64]) {
    *home = Home { instant: true, capacity: 1, deposit: false };
    skews.fill(-5_000);
    skews[0] = 0;
    let (first, nights) = range(random, false);
    let book = |card, waits| Command::Book { home: 0, first, nights, card, copies: 1, waits };
    let awaits = |after| Command::AwaitLapse { after };
    let paid = Command::Pay { card: Card::Good, copies: 1, with_sweep: false };
    actors[0].commands.splice(0..0, [book(None, 0), awaits(random.i64(600..2_000)), paid]);
    let comes = awaits(random.i64(50..600));
    actors[1].commands.splice(0..0, [Command::Wait { seconds: 60 }, comes, book(Some(Card::Good), 2)]);
}

/// One thing that the host does.
pub(super) fn host(random: &mut Rng, homes: usize, long: bool) -> Command {
    let back = random.usize(..4);
    let (first, nights) = range(random, long);
    let home = random.usize(..homes);
    match random.u8(..100) {
        0..30 => Command::Accept { back },
        30..38 => Command::Decline { back },
        38..46 => Command::Cancel { back },
        46..52 => Command::CheckIn { back },
        52..58 => Command::CheckOut { back },
        58..66 => Command::Block { home, first, nights },
        66..72 => Command::Unblock { home, first, nights },
        72..78 => Command::Price { home, first, nights, amount: random.i64(5_000..20_000) },
        _ => wait(random),
    }
}

/// Something that goes wrong once.
pub(super) fn fault(random: &mut Rng) -> Fault {
    use What::{
        Broken, Conflict, CrashAfter, CrashBefore, Declined, Delayed, Down, Late, LostAfter, LostBefore,
        Pauses, Skipped, Throttled, Twice,
    };
    let one = |random: &mut Rng, whats: &[What]| whats[random.usize(..whats.len())];
    match random.u8(..100) {
        0..40 => {
            let what = one(
                random,
                &[
                    Throttled,
                    Conflict,
                    Broken,
                    LostBefore,
                    LostAfter,
                    LostAfter,
                    Pauses,
                    CrashBefore,
                    CrashAfter,
                    CrashAfter,
                ],
            );
            Fault { at: Site::Store, call: random.u32(..200), what }
        }
        40..70 => {
            let what = one(
                random,
                &[
                    Throttled,
                    Broken,
                    Down,
                    Declined,
                    LostBefore,
                    LostAfter,
                    LostAfter,
                    Late,
                    Pauses,
                    Pauses,
                    Pauses,
                    CrashBefore,
                    CrashAfter,
                    CrashAfter,
                ],
            );
            Fault { at: Site::Provider, call: random.u32(..24), what }
        }
        70..75 => Fault {
            at: Site::Bus,
            call: random.u32(..12),
            what: one(random, &[Throttled, Twice, LostAfter, CrashAfter]),
        },
        75..80 => Fault {
            at: Site::Index,
            call: random.u32(..20),
            what: one(random, &[Broken, LostBefore, LostAfter, Late, CrashAfter]),
        },
        80..92 => Fault { at: Site::Stream, call: random.u32(..30), what: one(random, &[Twice, Delayed]) },
        _ => Fault { at: Site::Schedule, call: random.u32(..20), what: one(random, &[Skipped, Twice]) },
    }
}

fn card(random: &mut Rng) -> Card {
    match random.u8(..8) {
        0 => Card::Declined,
        1 => Card::ToConfirm,
        _ => Card::Good,
    }
}

fn copies(random: &mut Rng) -> u8 {
    if random.u8(..4) == 0 { random.u8(2..=5) } else { 1 }
}

/// Few nights, so that everybody wants the same; the ends of long stays too.
fn range(random: &mut Rng, long: bool) -> (u16, u16) {
    let from = if long && random.bool() { 98 } else { 0 };
    (from + random.u16(0..6), random.u16(1..=4))
}

fn pay(random: &mut Rng, with_sweep: bool) -> Command {
    Command::Pay { card: card(random), copies: copies(random), with_sweep }
}

/// The guest pays his balance himself, and confirms that if his bank wants him to.
fn pays_balance(random: &mut Rng) -> Vec<Command> {
    let card = card(random);
    let mut does = vec![Command::Pay { card, copies: copies(random), with_sweep: false }];
    if card == Card::ToConfirm {
        does.push(Command::Wait { seconds: random.u32(1..60) });
        does.push(Command::Confirm { succeeds: random.u8(..4) > 0 });
        if random.bool() {
            does.push(Command::Pay { card, copies: copies(random), with_sweep: false });
        }
    }
    does
}

fn guest(random: &mut Rng, homes: usize, long: bool) -> Command {
    match random.u8(..100) {
        0..50 => {
            let (first, nights) = range(random, long);
            let (first, nights) = if long && random.u8(..3) == 0 {
                (first % 6, random.u16(100..=104))
            } else {
                (first, nights)
            };
            let card = (random.u8(..10) < 6).then(|| card(random));
            let waits = if random.u8(..12) == 0 { 16 * 60 } else { random.u32(..20) };
            Command::Book { home: random.usize(..homes), first, nights, card, copies: copies(random), waits }
        }
        50..64 => pay(random, false),
        64..74 => Command::Cancel { back: 0 },
        74..78 => Command::Repeat,
        78..80 => Command::Reuse,
        80..84 => Command::Look,
        84..88 => {
            let (first, nights) = range(random, long);
            Command::Search { first, nights }
        }
        _ => wait(random),
    }
}

fn wait(random: &mut Rng) -> Command {
    match random.u8(..10) {
        0..6 => Command::Wait { seconds: random.u32(1..120) },
        6..8 => Command::Wait { seconds: random.u32(800..1_000) },
        _ => Command::Sleep { hours: random.u32(1..72) },
    }
}

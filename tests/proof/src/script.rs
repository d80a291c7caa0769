//! What happens in a history: who does what, and what goes wrong. Drawn from a seed, and made smaller
//! when it has found something.

mod draw;

use draw::{contest_a_lapse, fault, guest_does, host, pays_in_two, want_the_same_end};
use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// How far reads are behind where they are far behind, in milliseconds: three seconds.
const FAR_BEHIND: u16 = 3_000;

/// A history's script. The order in which things happen follows from the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Every choice of the executor follows from it.
    pub seed: u64,
    /// The homes there are.
    pub homes: Vec<Home>,
    /// Who acts, each one thing after another.
    pub actors: Vec<Actor>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How far the clocks of the function instances are off, in milliseconds.
    pub skews: Vec<i64>,
    /// How far every second read may be behind that does not ask for the latest, in milliseconds; all of them see
    /// everything where it is nothing.
    #[serde(default)]
    pub lag: u16,
}

/// A home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Home {
    /// Whether guests book without being asked.
    pub instant: bool,
    /// How many bookings its nights take.
    pub capacity: u16,
    /// Whether stays that are weeks off are paid in two.
    #[serde(default)]
    pub deposit: bool,
}

/// Somebody with something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// Whether it is the host of every home, or a guest.
    pub host: bool,
    /// What they do, in turn.
    pub commands: Vec<Command>,
}

/// One thing done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Asks for a quote, waits, and books it.
    Book {
        /// Which home.
        home: usize,
        /// The first night, in days from the beginning.
        first: u16,
        /// How many nights.
        nights: u16,
        /// How it is paid; without a card the nights are held.
        card: Option<Card>,
        /// How often the call is sent at once.
        copies: u8,
        /// Seconds between quote and booking.
        waits: u32,
    },
    /// Pays the booking made last.
    Pay {
        /// With what.
        card: Card,
        /// How often the call is sent at once.
        copies: u8,
        /// Whether to wait for the next run of the sweep, and pay while it is at work.
        with_sweep: bool,
    },
    /// Confirms the payment made last, at the bank, or fails to.
    Confirm {
        /// Whether the bank believes it.
        succeeds: bool,
    },
    /// Has the bank take the money of the booking made last back.
    Dispute {
        /// What the bank decides; it has not, unless given.
        lost: Option<bool>,
    },
    /// Cancels a booking: the guest's last, or as a host any of them.
    Cancel {
        /// Which one a host cancels, from the last backwards.
        back: usize,
    },
    /// Sends the last booking again, body and key unchanged.
    Repeat,
    /// Sends another booking under the key of the last.
    Reuse,
    /// Looks at the booking made last.
    Look,
    /// Searches for nights.
    Search {
        /// The first night.
        first: u16,
        /// How many.
        nights: u16,
    },
    /// The host accepts a request.
    Accept {
        /// Which booking, from the last backwards.
        back: usize,
    },
    /// The host declines a request.
    Decline {
        /// Which booking, from the last backwards.
        back: usize,
    },
    /// The host checks a guest in.
    CheckIn {
        /// Which booking, from the last backwards.
        back: usize,
    },
    /// The host checks a guest out.
    CheckOut {
        /// Which booking, from the last backwards.
        back: usize,
    },
    /// The host takes nights off sale.
    Block {
        /// Which home.
        home: usize,
        /// The first night.
        first: u16,
        /// How many.
        nights: u16,
    },
    /// The host puts nights on sale again.
    Unblock {
        /// Which home.
        home: usize,
        /// The first night.
        first: u16,
        /// How many.
        nights: u16,
    },
    /// The host changes the price of nights.
    Price {
        /// Which home.
        home: usize,
        /// The first night.
        first: u16,
        /// How many.
        nights: u16,
        /// In minor units.
        amount: i64,
    },
    /// Seconds go by.
    Wait {
        /// How many.
        seconds: u32,
    },
    /// Time goes by until shortly before the latest hold lapses, or after; what comes next is done without thinking.
    AwaitLapse {
        /// Milliseconds after its lapse; below zero, before.
        after: i64,
    },
    /// Hours go by in which nothing at all happens, schedules included.
    Sleep {
        /// How many.
        hours: u32,
    },
    /// The schedule that comes every hour comes now; nobody waits for it.
    Hour,
    /// Banks refuse the next cards.
    Refuse {
        /// How many.
        times: u8,
    },
}

/// A card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Card {
    /// It is charged.
    Good,
    /// It is refused.
    Declined,
    /// Its bank wants the guest to confirm.
    ToConfirm,
}

/// Something that goes wrong once, at the call of that number from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which kind of call.
    pub at: Site,
    /// Its number.
    pub call: u32,
    /// What happens.
    pub what: What,
}

/// Where things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Site {
    /// A call of the store.
    Store,
    /// A call of the payment provider.
    Provider,
    /// A call of the bus.
    Bus,
    /// A write to the index.
    Index,
    /// A batch of a stream on its way to its consumer.
    Stream,
    /// A run of a schedule.
    Schedule,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// Refused for a moment: throttled, 429, not taken.
    Throttled,
    /// Another transaction holds an item.
    Conflict,
    /// An error of its own: 500. The provider stores it under the call's key.
    Broken,
    /// Nobody is there: 503.
    Down,
    /// The card is refused.
    Declined,
    /// Nothing is done, and no answer comes.
    LostBefore,
    /// It is done, and no answer comes.
    LostAfter,
    /// No answer comes, and it is done minutes later.
    Late,
    /// It is done, and then the caller's process stands still for minutes.
    Pauses,
    /// The caller's process ends before the call.
    CrashBefore,
    /// The caller's process ends after it is done, before the answer.
    CrashAfter,
    /// It comes twice, or is run twice.
    Twice,
    /// It comes a minute late.
    Delayed,
    /// It is left out this time.
    Skipped,
}

impl Script {
    /// The script of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed ^ 0x5eed_0f5c_7197);
        let random = &mut random;
        // A stay of more than a hundred nights is taken in chunks; it is dear, and so rare.
        let long = random.u8(..32) == 0;
        let mut homes: Vec<Home> = (0..random.usize(1..=2))
            .map(|_| Home {
                instant: random.u8(..10) < 6,
                capacity: if random.u8(..4) == 0 { 2 } else { 1 },
                deposit: false,
            })
            .collect();
        let guests = random.usize(2..=3);
        let mut actors = vec![Actor { host: false, commands: Vec::new() }; guests];
        // In one history of four somebody pays in two, weeks ahead.
        let in_two = seed % 4 == 3;
        if in_two {
            homes[0] = Home { instant: true, deposit: true, ..homes[0].clone() };
            actors[0].commands = pays_in_two(random);
        }
        // Twenty things done and few more: another history finds more than a longer one.
        let each = match (in_two, guests) {
            (true, _) => 4,
            (false, 2) => 7,
            (false, _) => 5,
        };
        for actor in actors.iter_mut().skip(usize::from(in_two)) {
            while actor.commands.len() < each {
                actor.commands.extend(guest_does(random, homes.len(), long));
            }
        }
        let guests_do: usize = actors.iter().map(|actor| actor.commands.len()).sum();
        let count = 20usize.saturating_sub(guests_do).max(4) + random.usize(..2);
        let commands = (0..count).map(|_| host(random, homes.len(), long)).collect();
        actors.push(Actor { host: true, commands });
        if long && !in_two {
            want_the_same_end(random, &mut homes[0], &mut actors);
        }
        let count = random.usize(2..=6);
        let faults = (0..count).map(|_| fault(random)).collect();
        let off = [0, 0, 0, 5_000, -5_000, 300_000, -300_000];
        let mut skews: Vec<i64> = (0..3).map(|_| off[random.usize(..off.len())]).collect();
        let lag = match random.u8(..16) {
            0 => 50,
            1 => FAR_BEHIND,
            _ => 0,
        };
        if lag == FAR_BEHIND && !in_two && !long {
            contest_a_lapse(random, &mut homes[0], &mut actors, &mut skews);
        }
        Self { seed, homes, actors, faults, skews, lag }
    }

    /// Scripts that are a little smaller, the most smaller ones first.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        for actor in 0..self.actors.len() {
            let mut script = self.clone();
            script.actors[actor].commands.clear();
            if script != *self {
                smaller.push(script);
            }
        }
        for fault in 0..self.faults.len() {
            let mut script = self.clone();
            script.faults.remove(fault);
            smaller.push(script);
        }
        for actor in 0..self.actors.len() {
            for command in 0..self.actors[actor].commands.len() {
                let mut script = self.clone();
                script.actors[actor].commands.remove(command);
                smaller.push(script);
            }
        }
        if self.lag > 0 {
            smaller.push(Self { lag: 0, ..self.clone() });
        }
        for skew in 0..self.skews.len() {
            if self.skews[skew] != 0 {
                let mut script = self.clone();
                script.skews[skew] = 0;
                smaller.push(script);
            }
        }
        smaller
    }

    /// How many things are done in it.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.actors.iter().map(|actor| actor.commands.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_has_three_actors_twenty_commands_and_two_faults() {
        for seed in 0..1_000 {
            let script = Script::of(seed);
            assert!(
                script.actors.len() >= 3 && script.commands() >= 20 && script.faults.len() >= 2,
                "{script:?}"
            );
            assert_eq!(script, Script::of(seed));
            assert!(script.smaller().iter().all(|smaller| smaller != &script));
        }
    }
}

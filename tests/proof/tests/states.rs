//! Every way that two guests' bookings of overlapping nights can go, with a crash anywhere: the states of
//! bookings and payments, by the code's own table of transitions, exhaustively.

use std::collections::BTreeSet;
use std::sync::Mutex;

use roost::booking::{State, TRANSITIONS};
use stateright::{Checker as _, Model, Property};

/// How a guest books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mode {
    PaidAtOnce,
    Held,
    Requested,
}

/// What an attempt to pay has come to, as the booking has it written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Written {
    Held,
    Refused,
    Voided,
}

/// The intent at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
enum Intent {
    #[default]
    None,
    Held,
    Refused,
    /// Given back, or called off before anything was held: it never will be.
    Cancelled,
}

/// What a worker does next for its booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Calls the provider for the money.
    Authorize,
    /// Asks the provider what became of it; what is not held is called off.
    Ask,
    /// Writes down what the provider said, to the version it read.
    Record(Intent, u8),
    /// Gives money back that nobody has a right to.
    GiveBack,
    /// Writes down that it was given back, to the version it read.
    Settled(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Booking {
    state: Option<State>,
    lapsed: bool,
    written: Option<Written>,
    unsettled: bool,
    version: u8,
    intent: Intent,
    /// What is at work on it: the guest's call, and recovery.
    workers: [Option<Step>; 2],
}

/// Two nights, the first of which both want.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct World {
    bookings: [Booking; 2],
    nights: [Option<usize>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    /// The guest books, or asks.
    Make(usize),
    /// The host accepts.
    Accept(usize),
    /// The host declines.
    Decline(usize),
    /// The guest pays the hold.
    Pay(usize),
    /// Somebody calls it off.
    Cancel(usize),
    /// Its time passes.
    Lapse(usize),
    /// The sweeper, or a taker in the way, writes down that it has lapsed.
    Sweep(usize),
    /// Recovery begins.
    Recover(usize),
    /// The stream's consumer declines what has been overtaken.
    Overtake(usize),
    /// The guest comes, and goes.
    Stay(usize),
    /// A worker goes on; the provider says yes or no where it can say either.
    Work(usize, usize, bool),
    /// A worker is gone.
    Crash(usize, usize),
    /// A worker's step was done, and it is gone before it knew.
    CrashAfter(usize, usize, bool),
}

/// The product with these two guests. Collects the transitions that happen.
struct Roost {
    modes: [Mode; 2],
    happened: Mutex<BTreeSet<String>>,
}

/// The guests' nights: the first wants both, the second only the first.
fn wants(guest: usize, night: usize) -> bool {
    guest == 0 || night == 0
}

fn is_stay(booking: &Booking) -> bool {
    matches!(booking.state, Some(State::Confirmed | State::CheckedIn | State::Completed))
}

impl World {
    /// Whether the booking's claims on nights count.
    fn is_live(&self, guest: usize) -> bool {
        let booking = &self.bookings[guest];
        match booking.state {
            Some(State::Held | State::PaymentStarted) => !booking.lapsed,
            _ => is_stay(booking),
        }
    }

    /// Takes the guest's nights; `None` when another has a right to one. A lapsed booking in the way
    /// has to be written down as lapsed first.
    fn take(mut self, guest: usize) -> Option<Self> {
        for night in 0..2 {
            if wants(guest, night) {
                let holder = self.nights[night];
                if holder.is_some_and(|holder| holder != guest && self.has_right(holder)) {
                    return None;
                }
                self.nights[night] = Some(guest);
            }
        }
        Some(self)
    }

    /// Whether its state, as it is written, still gives it its nights.
    fn has_right(&self, guest: usize) -> bool {
        matches!(
            self.bookings[guest].state,
            Some(
                State::Held | State::PaymentStarted | State::Confirmed | State::CheckedIn | State::Completed
            )
        )
    }

    fn release(&mut self, guest: usize) {
        for night in &mut self.nights {
            if *night == Some(guest) {
                *night = None;
            }
        }
    }
}

impl Roost {
    /// A conditional write of a transition.
    fn go(&self, world: &mut World, guest: usize, to: State) {
        let booking = &mut world.bookings[guest];
        let from = booking.state.expect("a booking that is made");
        assert!(from.may_become(to), "the table has no way from {from:?} to {to:?}");
        self.happened.lock().expect("nobody panicked").insert(format!("{from:?} {to:?}"));
        booking.state = Some(to);
        booking.version += 1;
        if to.is_dead() {
            world.release(guest);
        }
    }

    fn work(&self, mut world: World, guest: usize, worker: usize, says_yes: bool) -> Option<World> {
        let booking = &mut world.bookings[guest];
        let step = booking.workers[worker].take()?;
        let next = match step {
            Step::Authorize => {
                if booking.intent == Intent::None {
                    booking.intent = if says_yes { Intent::Held } else { Intent::Refused };
                } else if !says_yes {
                    return None;
                }
                Some(Step::Record(booking.intent, booking.version))
            }
            Step::Ask => {
                if booking.intent == Intent::None {
                    booking.intent = Intent::Cancelled;
                }
                Some(Step::Record(booking.intent, booking.version))
            }
            Step::Record(intent, version) => return Some(self.record(world, guest, worker, intent, version)),
            Step::GiveBack => {
                booking.intent = Intent::Cancelled;
                Some(Step::Settled(booking.version))
            }
            Step::Settled(version) => {
                if booking.version == version && booking.unsettled {
                    booking.unsettled = false;
                    booking.version += 1;
                    booking.written = Some(Written::Voided);
                }
                None
            }
        };
        world.bookings[guest].workers[worker] = next;
        Some(world)
    }

    /// Writes down what the provider said, unless somebody else has written meanwhile.
    fn record(&self, mut world: World, guest: usize, worker: usize, intent: Intent, version: u8) -> World {
        let booking = &mut world.bookings[guest];
        let is_mine = booking.version == version && booking.state == Some(State::PaymentStarted);
        match intent {
            Intent::Held if is_mine && booking.lapsed => {
                booking.unsettled = true;
                booking.workers[worker] = Some(Step::GiveBack);
                self.go(&mut world, guest, State::PaymentFailed);
            }
            Intent::Held if is_mine => {
                booking.written = Some(Written::Held);
                self.go(&mut world, guest, State::Confirmed);
            }
            // Lost to a sweeper or a taker, who has left it unsettled.
            Intent::Held if booking.unsettled => booking.workers[worker] = Some(Step::GiveBack),
            _ if is_mine => {
                booking.written = Some(Written::Refused);
                let to = match (self.modes[guest], booking.lapsed) {
                    (Mode::Held, false) => State::Held,
                    (Mode::Held, true) => State::Expired,
                    _ => State::PaymentFailed,
                };
                self.go(&mut world, guest, to);
            }
            _ => {}
        }
        world
    }
}

impl Model for Roost {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for guest in 0..2 {
            let booking = &world.bookings[guest];
            match booking.state {
                None => actions.push(Action::Make(guest)),
                Some(State::Requested) => {
                    actions.extend([Action::Accept(guest), Action::Decline(guest), Action::Cancel(guest)]);
                    actions.extend([Action::Lapse(guest), Action::Sweep(guest), Action::Overtake(guest)]);
                }
                Some(State::Held) => {
                    actions.extend([Action::Pay(guest), Action::Cancel(guest)]);
                    actions.extend([Action::Lapse(guest), Action::Sweep(guest)]);
                }
                Some(State::PaymentStarted) => {
                    actions.extend([Action::Lapse(guest), Action::Sweep(guest), Action::Recover(guest)]);
                }
                Some(State::Confirmed) => actions.extend([Action::Cancel(guest), Action::Stay(guest)]),
                Some(State::CheckedIn) => actions.push(Action::Stay(guest)),
                Some(_) => {}
            }
            if booking.unsettled {
                actions.push(Action::Recover(guest));
            }
            for worker in 0..2 {
                if booking.workers[worker].is_some() {
                    for yes in [true, false] {
                        actions.push(Action::Work(guest, worker, yes));
                        actions.push(Action::CrashAfter(guest, worker, yes));
                    }
                    actions.push(Action::Crash(guest, worker));
                }
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Make(guest) => {
                let state = match self.modes[guest] {
                    Mode::PaidAtOnce => State::PaymentStarted,
                    Mode::Held => State::Held,
                    Mode::Requested => State::Requested,
                };
                if state != State::Requested {
                    world = world.take(guest)?;
                }
                world.bookings[guest].state = Some(state);
                if state == State::PaymentStarted {
                    world.bookings[guest].workers[0] = Some(Step::Authorize);
                }
            }
            Action::Accept(guest) => {
                if world.bookings[guest].lapsed {
                    return None;
                }
                world = world.take(guest)?;
                self.go(&mut world, guest, State::PaymentStarted);
                world.bookings[guest].workers[0] = Some(Step::Authorize);
            }
            Action::Decline(guest) => {
                if world.bookings[guest].lapsed {
                    return None;
                }
                self.go(&mut world, guest, State::Declined);
            }
            Action::Pay(guest) => {
                let booking = &mut world.bookings[guest];
                // One attempt, so that there is an end to it.
                if booking.lapsed || booking.written.is_some() {
                    return None;
                }
                booking.workers[0] = Some(Step::Authorize);
                self.go(&mut world, guest, State::PaymentStarted);
            }
            Action::Cancel(guest) => {
                let booking = &mut world.bookings[guest];
                booking.unsettled = booking.state == Some(State::Confirmed);
                if booking.unsettled {
                    booking.workers[0] = Some(Step::GiveBack);
                }
                self.go(&mut world, guest, State::Cancelled);
            }
            Action::Lapse(guest) => world.bookings[guest].lapsed = true,
            Action::Sweep(guest) => {
                let booking = &mut world.bookings[guest];
                if !booking.lapsed {
                    return None;
                }
                let to = if booking.state == Some(State::PaymentStarted) {
                    booking.unsettled = true;
                    State::PaymentFailed
                } else {
                    State::Expired
                };
                self.go(&mut world, guest, to);
            }
            Action::Recover(guest) => {
                let booking = &mut world.bookings[guest];
                if booking.workers[1].is_some() {
                    return None;
                }
                let paying = booking.state == Some(State::PaymentStarted);
                booking.workers[1] = Some(if paying { Step::Ask } else { Step::GiveBack });
            }
            Action::Overtake(guest) => {
                let other = 1 - guest;
                if !is_stay(&world.bookings[other]) {
                    return None;
                }
                self.go(&mut world, guest, State::Declined);
            }
            Action::Stay(guest) => {
                let arrives = world.bookings[guest].state == Some(State::Confirmed);
                self.go(&mut world, guest, if arrives { State::CheckedIn } else { State::Completed });
            }
            Action::Work(guest, worker, yes) => world = self.work(world, guest, worker, yes)?,
            Action::Crash(guest, worker) => world.bookings[guest].workers[worker] = None,
            Action::CrashAfter(guest, worker, yes) => {
                world = self.work(world, guest, worker, yes)?;
                world.bookings[guest].workers[worker] = None;
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no night is sold twice", |_, world: &World| {
                !(world.is_live(0) && world.is_live(1))
            }),
            Property::always("a stay has its nights", |_, world: &World| {
                (0..2).all(|guest| {
                    !is_stay(&world.bookings[guest])
                        || (0..2).all(|night| !wants(guest, night) || world.nights[night] == Some(guest))
                })
            }),
            Property::always("a stay has its money", |_, world: &World| {
                world.bookings.iter().all(|booking| !is_stay(booking) || booking.intent == Intent::Held)
            }),
            Property::always("at rest no money is held without a stay", |_, world: &World| {
                world.bookings.iter().all(|booking| {
                    booking.workers != [None, None]
                        || booking.unsettled
                        || booking.state == Some(State::PaymentStarted)
                        || booking.intent != Intent::Held
                        || is_stay(booking)
                })
            }),
            Property::sometimes("both come to nothing", |_, world: &World| {
                world.bookings.iter().all(|booking| booking.state.is_some_and(State::is_dead))
            }),
            Property::sometimes("a stay is slept", |_, world: &World| {
                world.bookings.iter().any(|booking| booking.state == Some(State::Completed))
            }),
        ]
    }
}

#[test]
fn two_guests_a_crash_anywhere_and_no_night_or_money_goes_astray() {
    let mut happened = BTreeSet::new();
    let modes = [Mode::PaidAtOnce, Mode::Held, Mode::Requested];
    for one in modes {
        for other in modes {
            let model = Roost { modes: [one, other], happened: Mutex::default() };
            let checked = model.checker().threads(2).spawn_bfs().join();
            checked.assert_properties();
            assert!(checked.unique_state_count() > 1_000, "{one:?} {other:?} has hardly a state");
            happened.extend(checked.model().happened.lock().expect("nobody panicked").iter().cloned());
        }
    }
    // Long stays, which are assembled, are the simulation's.
    let assembled = |state| matches!(state, State::Assembling | State::Abandoned);
    let ways = TRANSITIONS.iter().filter(|way| !assembled(way.from) && !assembled(way.to));
    let missing: Vec<String> = ways
        .map(|way| format!("{:?} {:?}", way.from, way.to))
        .filter(|way| !happened.contains(way))
        .collect();
    assert!(missing.is_empty(), "the model never goes {missing:?}");
}

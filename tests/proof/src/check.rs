//! What must hold: after every change of a booking, and when everything has come to rest.

mod money;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roost::booking::balance::UNPAID;
use roost::booking::{Booking, State};
use roost::clock::Clock;
use roost::function::Record;
use roost::ids::{BookingId, UnitId};
use roost::index::Filed;
use roost::listing::calendar::BindingRules;
use roost::stay::{Date, Nights, epoch_day};
use roost::store::bookings::booking_of_image;
use serde_json::Value;

use crate::actors::{Attempted, Outcome, Payment};
use crate::world::{Counts, World};

/// Counted beside the transitions: a balance was paid.
pub const BALANCE_PAID: &str = "a balance was paid";
/// Counted beside the transitions: a stay was called off for its balance.
pub const BALANCE_UNPAID: &str = "a stay was called off since its balance was not paid";

/// The bookings as they change, by the table's own stream.
#[derive(Clone, Debug)]
pub(crate) struct Watch(Arc<Mutex<Watched>>);

#[derive(Debug)]
struct Watched {
    clock: Clock,
    capacities: BTreeMap<UnitId, u16>,
    bookings: BTreeMap<BookingId, Booking>,
    /// Every state that a booking has been in.
    states: BTreeMap<BookingId, BTreeSet<String>>,
    transitions: Counts,
    violations: Vec<String>,
}

impl Watch {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Mutex::new(Watched {
            clock,
            capacities: BTreeMap::new(),
            bookings: BTreeMap::new(),
            states: BTreeMap::new(),
            transitions: Counts::new(),
            violations: Vec::new(),
        })))
    }

    /// Sets how many bookings a unit's nights take.
    pub(crate) fn capacity(&self, unit: UnitId, capacity: u16) {
        self.locked(|watched| watched.capacities.insert(unit, capacity));
    }

    fn capacity_of(&self, unit: UnitId) -> u16 {
        self.locked(|watched| watched.capacities.get(&unit).copied().unwrap_or(1))
    }

    /// Looks at what a commit has changed.
    pub(crate) fn committed(&self, records: &[Record]) {
        self.locked(|watched| {
            for record in records {
                watched.changed(record);
            }
        });
    }

    /// Notes what must not be.
    pub(crate) fn violated(&self, what: String) {
        self.locked(|watched| watched.violations.push(what));
    }

    /// What must not be, and was.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.locked(|watched| watched.violations.clone())
    }

    /// How often each transition happened.
    pub(crate) fn transitions(&self) -> Counts {
        self.locked(|watched| watched.transitions.clone())
    }

    /// The bookings as they are.
    pub(crate) fn bookings(&self) -> BTreeMap<BookingId, Booking> {
        self.locked(|watched| watched.bookings.clone())
    }

    fn was(&self, booking: BookingId, state: State) -> bool {
        let name = format!("{state:?}");
        self.locked(|watched| watched.states.get(&booking).is_some_and(|states| states.contains(&name)))
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Watched) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watched {
    fn changed(&mut self, record: &Record) {
        let read = |image: &Option<serde_dynamo::Item>| {
            image.as_ref().map(booking_of_image).transpose().expect("a booking can be read").flatten()
        };
        let (before, after) = (read(&record.old), read(&record.new));
        let Some(after) = after else {
            if let Some(before) = before {
                count(&mut self.transitions, format!("{:?} -> forgotten", before.state));
                if before.state != State::Abandoned {
                    self.violations
                        .push(format!("booking {} was deleted in state {:?}", before.id, before.state));
                }
                self.bookings.remove(&before.id);
            }
            return;
        };
        let (id, now) = (after.id, self.clock.now());
        match &before {
            None => count(&mut self.transitions, format!("new -> {:?}", after.state)),
            Some(before) if before.state != after.state => {
                count(&mut self.transitions, format!("{:?} -> {:?}", before.state, after.state));
                if !before.state.may_become(after.state) {
                    self.violations
                        .push(format!("{id}: no way from {:?} to {:?}", before.state, after.state));
                }
            }
            Some(before) if before.owes_balance() && !after.owes_balance() => {
                count(&mut self.transitions, BALANCE_PAID.to_owned());
            }
            Some(_) => {}
        }
        let is_new = before.as_ref().is_none_or(|before| before.state != after.state);
        if is_new && after.state == State::Cancelled && after.reason.as_deref() == Some(UNPAID) {
            count(&mut self.transitions, BALANCE_UNPAID.to_owned());
        }
        // Every write is conditional on the version that it read.
        if let Some(before) = &before
            && after.version != before.version + 1
        {
            self.violations.push(format!("{id}: version {} after {}", after.version, before.version));
        }
        if let Some(before) = &before
            && before.state == State::Held
            && after.state == State::PaymentStarted
            && after.attempts.last().is_some_and(|attempt| attempt.started_at >= before.lapses_at)
        {
            self.violations.push(format!("{id} was paid after its hold had lapsed"));
        }
        self.states.entry(id).or_default().insert(format!("{:?}", after.state));
        self.bookings.insert(id, after);
        let after = &self.bookings[&id];
        if !after.is_live(now) || matches!(after.state, State::Assembling) {
            return;
        }
        // G1: no night has more live bookings than it takes.
        let capacity = self.capacities.get(&after.unit).copied().unwrap_or(1);
        for night in after.stay.iter() {
            let takers = self.bookings.values().filter(|other| {
                other.unit == after.unit
                    && other.is_live(now)
                    && other.state != State::Assembling
                    && other.stay.iter().any(|date| date == night)
            });
            let takers: Vec<String> =
                takers.map(|other| format!("{} ({:?})", other.id, other.state)).collect();
            if takers.len() > usize::from(capacity) {
                self.violations.push(format!("G1: {night} is sold to {}", takers.join(" and ")));
                return;
            }
        }
    }
}

fn count(counts: &mut Counts, what: String) {
    *counts.entry(what).or_default() += 1;
}

/// Everything that must hold once nothing moves any more.
pub(crate) fn at_rest(world: &World, attempts: &[Attempted], payments: &[Payment]) {
    let bookings = world.watch().bookings();
    nights_are_the_live_bookings(world, &bookings);
    requests_are_not_overtaken(world, &bookings);
    money::is_where_it_should_be(world, &bookings);
    answers_came_true(world, &bookings, attempts);
    payments_came_true(world, payments);
    events_were_told(world, &bookings);
    search_knows(world);
    the_books_agree(world);
}

/// What the product's own daily reconciliation says.
fn the_books_agree(world: &World) {
    let quiet = world.quiet().clone();
    let report = World::settle(async move { roost_operations::reconcile::reconciled(&quiet).await });
    for difference in report.expect("everything can be read").differences {
        world.watch().violated(format!("the reconciliation: {difference:?}"));
    }
}

/// G2: the bookings that nights name are exactly the live bookings.
fn nights_are_the_live_bookings(world: &World, bookings: &BTreeMap<BookingId, Booking>) {
    let now = world.now();
    let mut expected: BTreeSet<(UnitId, Date, BookingId)> = BTreeSet::new();
    for booking in bookings.values() {
        if matches!(booking.state, State::PaymentStarted | State::Assembling | State::Abandoned) {
            world.watch().violated(format!("G4: {} rests as {:?}", booking.id, booking.state));
        }
        if booking.is_live(now) {
            expected.extend(booking.stay.iter().map(|date| (booking.unit, date, booking.id)));
        }
    }
    let range = Nights::between(world.day(0), world.day(400)).expect("days");
    for home in 0..world.homes() {
        let unit = UnitId::from(world.home(home));
        let quiet = world.quiet().clone();
        let nights = World::settle(async move { quiet.store.nights(unit, range, true).await });
        for night in nights.expect("the nights are read") {
            if night.blocked.is_some() && !night.claims.is_empty() {
                world.watch().violated(format!("G1: {} is blocked and booked", night.date));
            }
            for claim in &night.claims {
                if !expected.remove(&(unit, night.date, claim.booking)) {
                    let state = bookings.get(&claim.booking).map(|booking| booking.state);
                    world.watch().violated(format!(
                        "G2: {} of {unit} names {}, which is {state:?}",
                        night.date, claim.booking
                    ));
                }
            }
        }
    }
    for (unit, date, booking) in expected {
        let state = bookings[&booking].state;
        world.watch().violated(format!("G2: {booking} ({state:?}) has lost its night {date} of {unit}"));
    }
}

/// A request whose nights are sold out is open no longer.
fn requests_are_not_overtaken(world: &World, bookings: &BTreeMap<BookingId, Booking>) {
    let now = world.now();
    for request in bookings.values().filter(|booking| booking.state_at(now) == State::Requested) {
        let capacity = world.watch().capacity_of(request.unit);
        for night in request.stay.iter() {
            let takers = bookings.values().filter(|other| {
                other.unit == request.unit
                    && matches!(other.state, State::Confirmed | State::CheckedIn | State::Completed)
                    && other.stay.iter().any(|date| date == night)
            });
            if takers.count() >= usize::from(capacity) {
                world
                    .watch()
                    .violated(format!("{} is still asked for {night}, which is sold out", request.id));
                break;
            }
        }
    }
}

/// G6, G11, and the history checker: what was answered is so.
fn answers_came_true(world: &World, bookings: &BTreeMap<BookingId, Booking>, attempts: &[Attempted]) {
    fn made(attempt: &Attempted) -> Vec<&Value> {
        let made = attempt.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Made(body) => Some(body),
            _ => None,
        });
        made.collect()
    }
    for attempt in attempts {
        let answers = made(attempt);
        if let Some(first) = attempt.reuses.and_then(|first| attempts.get(first))
            && !answers.is_empty()
            && !made(first).is_empty()
        {
            world.watch().violated(format!("G6: one key, two bodies, one answer: {}", answers[0]));
        }
        for (first, other) in answers.iter().zip(answers.iter().skip(1)) {
            if first != other {
                world.watch().violated(format!("G6: one key, two answers: {first} and {other}"));
            }
        }
        let declined = attempt.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Refused(402, body) => Some(body),
            _ => None,
        });
        for body in declined {
            let id: Option<BookingId> = body["bookingId"].as_str().and_then(|id| id.parse().ok());
            if id.is_some_and(|id| world.watch().was(id, State::Confirmed)) {
                world.watch().violated(format!("a payment was answered as refused, and was made: {body}"));
            }
        }
        let Some(body) = answers.first() else { continue };
        let id: Option<BookingId> = body["id"].as_str().and_then(|id| id.parse().ok());
        let Some(booking) = id.and_then(|id| bookings.get(&id)) else {
            world.watch().violated(format!("an answered booking is gone: {body}"));
            continue;
        };
        if body["price"]["total"]["amount"].as_i64() != attempt.quoted
            || Some(booking.price.total()) != attempt.quoted
        {
            world
                .watch()
                .violated(format!("G11: quoted {:?}, booked {}", attempt.quoted, body["price"]["total"]));
        }
        if booking.guest != attempt.user {
            world.watch().violated(format!("G8: {} is another's booking", booking.id));
        }
        if attempt.expires_at.is_some_and(|until| booking.created_at >= until) {
            world.watch().violated(format!("G11: {} was booked after its quote had expired", booking.id));
        }
        if body["status"] == "confirmed" && !world.watch().was(booking.id, State::Confirmed) {
            world.watch().violated(format!("{} was answered as confirmed and never was", booking.id));
        }
    }
}

/// G6: a key that has paid has paid, whoever asks again, and has made a stay.
fn payments_came_true(world: &World, payments: &[Payment]) {
    for Payment { booking, outcomes } in payments {
        let made = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Made(_)));
        let refused = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(402, _)));
        if made && refused {
            world.watch().violated(format!("G6: a payment of {booking} was answered as made and as refused"));
        }
        let id: Option<BookingId> = booking.parse().ok();
        // What its guest is to confirm is answered as made, and is no stay yet.
        let waits = |outcome: &Outcome| matches!(outcome, Outcome::Made(body) if body["status"] == "held");
        let paid = made && !outcomes.iter().any(waits);
        if paid && !id.is_some_and(|id| world.watch().was(id, State::Confirmed)) {
            world.watch().violated(format!("{booking} was answered as paid, and never was confirmed"));
        }
    }
}

/// G7: every state that others are told of was told at least once.
fn events_were_told(world: &World, bookings: &BTreeMap<BookingId, Booking>) {
    let told: BTreeSet<(String, String)> = world
        .parts()
        .bus
        .published(None)
        .into_iter()
        .filter_map(|event| Some((event.kind, event.detail["bookingId"].as_str()?.to_owned())))
        .collect();
    for booking in bookings.values() {
        for (state, kind) in [
            (State::Held, "booking.held"),
            (State::Requested, "booking.requested"),
            (State::Confirmed, "booking.confirmed"),
            (State::Expired, "booking.expired"),
            (State::PaymentFailed, "booking.payment_failed"),
            (State::Cancelled, "booking.cancelled"),
            (State::Declined, "booking.declined"),
            (State::CheckedIn, "booking.checked_in"),
            (State::Completed, "booking.completed"),
        ] {
            if world.watch().was(booking.id, state)
                && !told.contains(&(kind.to_owned(), booking.id.to_string()))
            {
                world.watch().violated(format!("G7: nobody was told {kind} of {}", booking.id));
            }
        }
    }
}

/// G7: cells and index are what the tables say, and what a fresh projection makes of them.
fn search_knows(world: &World) {
    let quiet = world.quiet().clone();
    let units: Vec<UnitId> = (0..world.homes()).map(|home| world.home(home).into()).collect();
    let (before, after) = World::settle(async move {
        let before = quiet.store.filed_page(None).await.expect("projections are read").filed;
        for unit in units {
            quiet.store.project(unit).await.expect("a unit is projected");
        }
        (before, quiet.store.filed_page(None).await.expect("projections are read").filed)
    });
    let documents = world.parts().index.documents();
    for new in &after {
        let Some(old) = before.iter().find(|old| old.unit == new.unit) else {
            world.watch().violated(format!("G7: {} was never projected", new.unit));
            continue;
        };
        if said(world, old) != said(world, new) {
            world
                .watch()
                .violated(format!("G7: the cells know something else of {} than the tables", new.unit));
        }
        let kept = documents.get(&new.unit.to_string()).and_then(|document| document["projection"].as_str());
        let bytes = kept.and_then(|kept| STANDARD.decode(kept).ok()).unwrap_or_default();
        let indexed = bytes.first_chunk().map(|version| u64::from_be_bytes(*version));
        if indexed != Some(old.version) {
            world.watch().violated(format!(
                "G7: the index has version {indexed:?} of {}, and {} is filed",
                new.unit, old.version
            ));
        }
    }
}

/// What a projection says of the days to come: whether they are open, under which rules, at what price.
fn said(world: &World, filed: &Filed) -> Vec<(bool, i64, BindingRules)> {
    let Some(projection) = &filed.projection else { return Vec::new() };
    let today = epoch_day(world.now().to_zoned(jiff::tz::TimeZone::UTC).date());
    let of_day = |day: i32| {
        (projection.is_open(day, day + 1), projection.mean_night(day, day + 1), projection.rules(day))
    };
    (today + 1..today + 120).map(of_day).collect()
}

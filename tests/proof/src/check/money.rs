//! The money of every booking when everything has come to rest: the provider's book, the bookings' own
//! word and their ledgers say the same, and it is what should be.

use std::collections::BTreeMap;

use roost::booking::dispute::Standing;
use roost::booking::{Booking, Outcome as Paid, State};
use roost::clock::{Duration as Span, Instant};
use roost::ids::BookingId;
use roost::ledger::{Account, Entry};

use crate::world::{HOST, World};

/// G3, G4, G11: of each stay exactly the quoted total is held until it is due and then taken, of a
/// cancelled one what its policy keeps, and nothing of anything else.
pub(super) fn is_where_it_should_be(world: &World, bookings: &BTreeMap<BookingId, Booking>) {
    let mut moneys = moneys(world);
    let mut paid_for_debts = 0;
    for booking in bookings.values() {
        let money = moneys.remove(&booking.id.to_string()).unwrap_or_default();
        // Whether a refund was made before its bank had the money is asked when that has decided.
        let returning = booking.returning.as_ref().map_or(0, |returning| returning.parts.total());
        if booking.is_disputed() && returning > 0 && money.taken == booking.taken.total() - returning {
            continue;
        }
        // What became of the balance shows in what was taken: see below.
        let last = booking.attempts.iter().rfind(|attempt| !attempt.is_balance);
        let kept = booking.settlement.as_ref().map_or(0, |settlement| settlement.kept.total());
        let due = match (booking.state, last.and_then(|attempt| attempt.outcome.as_ref())) {
            // Its bank took the hold back: an operator's matter.
            (_, Some(Paid::Lapsed(_))) => Money::default(),
            // A bank that has the money, or has given it to the guest, returns no more of it.
            _ if booking.dispute.as_ref().is_some_and(|dispute| dispute.standing != Standing::Won) => {
                Money { taken: booking.taken.total(), ..Money::default() }
            }
            (State::Confirmed, _) if last.is_some_and(|attempt| !attempt.captures) => {
                Money { held: vec![booking.price.total()], ..Money::default() }
            }
            (state, _) if state.is_stay() => {
                Money { taken: due_of_stay(booking, &money), ..Money::default() }
            }
            (State::Cancelled, _) => Money { taken: kept, ..Money::default() },
            _ => Money::default(),
        };
        hosts_are_paid_in_time(world, booking, &money);
        if (&money.held, money.taken) != (&due.held, due.taken) {
            world.watch().violated(format!(
                "G3: {} is {:?}, {due:?} is due and {money:?} is there",
                booking.id, booking.state
            ));
        }
        if booking.unsettled {
            let (quiet, id) = (world.quiet().clone(), booking.id);
            let issue = World::settle(async move { quiet.store.payment_issue(id).await });
            world.watch().violated(format!(
                "G4: {} ({:?}) rests unsettled, {:?} next, {:?}, {:?}",
                booking.id,
                booking.state,
                booking.step(),
                booking.trouble,
                issue.ok().flatten().map(|issue| issue.history)
            ));
        }
        paid_for_debts += ledger_agrees(world, booking, &money);
    }
    for (booking, money) in moneys {
        world.watch().violated(format!("G3: {money:?} is there for {booking}, which is no booking"));
    }
    if let Some(booking) = bookings.values().next() {
        let (quiet, currency) = (world.quiet().clone(), booking.price.currency);
        let debt = World::settle(async move { quiet.store.debt(HOST, currency).await });
        let owed = debt.expect("the debt is read").owed();
        if owed != -paid_for_debts || owed < 0 {
            world.watch().violated(format!("G5: the host owes {owed}, and his ledgers say {paid_for_debts}"));
        }
    }
}

/// What is due of a stay: its price, or its deposit while the balance is not paid and it has not begun.
fn due_of_stay(booking: &Booking, money: &Money) -> i64 {
    let whole = booking.price.total();
    match &booking.balance {
        Some(balance) if money.captures == 1 && booking.state == State::Confirmed => {
            let percent = i64::from(balance.deposit_percent);
            let part = |line: i64| (line * percent + 50).div_euclid(100);
            booking.price.lines().iter().map(|line| part(line.amount.amount)).sum()
        }
        _ => whole,
    }
}

/// What a provider's book says of a booking's money.
#[derive(Debug, Default, PartialEq, Eq)]
struct Money {
    /// The holds that are open.
    held: Vec<i64>,
    /// What was taken and not returned.
    taken: i64,
    /// How often something was taken.
    captures: usize,
    /// What went to the host, and the first time that something did.
    paid_out: i64,
    paid_at: Option<Instant>,
}

/// The provider's book by booking.
fn moneys(world: &World) -> BTreeMap<String, Money> {
    let ledger = world.parts().provider.ledger();
    let mut moneys: BTreeMap<String, Money> = BTreeMap::new();
    let mut open: BTreeMap<String, (String, i64)> = BTreeMap::new();
    for entry in ledger["entries"].as_array().into_iter().flatten() {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let amount = entry["amount"]["amount"].as_i64().unwrap_or_default();
        let (id, booking, succeeded) = (text("id"), text("bookingId"), text("status") == "succeeded");
        match (text("operation").as_str(), succeeded) {
            ("authorize", true) => {
                open.insert(id, (booking, amount));
            }
            // A capture that fails finds the hold lapsed.
            ("void", true) | ("capture", false) => {
                open.remove(&id);
            }
            ("capture", true) => {
                open.remove(&id);
                let money = moneys.entry(booking).or_default();
                money.taken += amount;
                money.captures += 1;
            }
            ("refund" | "dispute_lost", true) => moneys.entry(booking).or_default().taken -= amount,
            ("reversal", true) => moneys.entry(booking).or_default().paid_out -= amount,
            ("transfer", true) => {
                let money = moneys.entry(booking).or_default();
                money.paid_out += amount;
                let at = entry["at"].as_str().and_then(|at| at.parse().ok());
                money.paid_at = money.paid_at.or(at);
            }
            _ => {}
        }
    }
    for (booking, amount) in open.into_values() {
        moneys.entry(booking).or_default().held.push(amount);
    }
    moneys
}

/// G5: a host gets what a stay has earned, a day after check-in and no sooner; one minute for clocks that
/// are ahead.
fn hosts_are_paid_in_time(world: &World, booking: &Booking, money: &Money) {
    let due_at = booking.check_in_at + roost::booking::money::PAYOUT_AFTER;
    let (now, early, late) = (world.now(), due_at - Span::from_mins(6), due_at + Span::from_mins(90));
    let earned = if booking.unsettled { 0 } else { booking.taken.host() - booking.withheld };
    let owed = booking.state != State::Confirmed && earned > 0 && !booking.is_disputed();
    let paid = match money.paid_out {
        // After a dispute it comes later.
        0 => !owed || now < late || booking.dispute.is_some(),
        // What went out before the bank has taken it back waits for what it decides.
        paid if booking.is_disputed() => paid == earned,
        paid => owed && paid == earned && money.paid_at.is_some_and(|at| at >= early),
    };
    if !paid {
        world.watch().violated(format!(
            "G5: {} ({:?}) has earned {}, due at {due_at}, and {money:?}",
            booking.id,
            booking.state,
            booking.taken.host()
        ));
    }
}

/// G5: every entry of a booking's ledger sums to zero, and together they say what the provider's book
/// says. What it says of the host's debt.
fn ledger_agrees(world: &World, booking: &Booking, money: &Money) -> i64 {
    let (taken, paid_out) = (money.taken, money.paid_out);
    let (quiet, id) = (world.quiet().clone(), booking.id);
    let entries = World::settle(async move { quiet.store.ledger_entries(id).await });
    let entries = entries.expect("the ledger is read");
    let sum = |account| entries.iter().map(|entry| entry.of(account).amount).sum::<i64>();
    let penalty = booking.settlement.as_ref().map_or(0, |settlement| settlement.penalty);
    let parts = &booking.taken;
    let payments: Vec<_> = (0..booking.attempts.len()).map(|index| booking.payment_id(index)).collect();
    let agrees = entries.iter().all(Entry::is_balanced)
        && entries.iter().all(|entry| payments.contains(&entry.payment))
        && u32::try_from(entries.len()).is_ok_and(|count| count == booking.entries)
        && sum(Account::Guest) == -taken
        && parts.total() == taken
        && parts.is_sound()
        && sum(Account::Tax) == parts.tax()
        && sum(Account::Host) == parts.host() - booking.withheld - paid_out
        && sum(Account::Debt) == booking.withheld - penalty
        && sum(Account::Bank) == paid_out
        && booking.paid_out == paid_out
        && sum(Account::Platform) + sum(Account::Provider) + sum(Account::Dispute)
            == parts.service_fee + penalty;
    if !agrees {
        world.watch().violated(format!(
            "G5: {taken} was taken for {id} ({:?}), {parts:?} by its own word, {penalty} is its host's penalty, \
             and its ledger has {entries:?}",
            booking.state
        ));
    }
    sum(Account::Debt)
}

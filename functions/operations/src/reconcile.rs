//! Every night: nights against bookings, bookings against their ledger, the ledger against the provider's
//! book. What differs is reported and counted; nothing is mended, since what is wrong here is a mistake of
//! ours that somebody has to understand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use roost::app::App;
use roost::booking::Booking;
use roost::clock::Instant;
use roost::error::{Error, Result};
use roost::function::Schedule;
use roost::ids::{BookingId, UnitId};
use roost::ledger::Entry;
use roost::metrics;
use roost::money::Money;
use roost::night::Night;
use roost::psp::stripe::to_stripe;
use roost::reconciliation::{
    ASKED, Checked, Difference, Filed, Kind, Look, ProviderMovement, Report, Survey, Suspect, Suspicions,
    Written, compared,
};
use roost::stay::{Date, Nights, add_days};

/// The function.
pub const RECONCILE: Schedule = Schedule { name: "reconcile", run };

/// How many suspects are looked at a second time: so many take a minute or two. More of them are one
/// mistake, which the first of them show.
const MOST_LOOKED_AT: usize = 5_000;

fn run(app: App) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let report = reconciled(&app).await?;
        app.store.keep_reconciliation(&report).await?;
        if report.count > 0 {
            tracing::error!(count = report.count, first = ?report.differences.first(), "the books differ");
        }
        metrics::count("Differences", report.count, report.at);
        Ok(())
    })
}

/// What differs now.
///
/// # Errors
/// `Unavailable` when the store did not answer.
pub async fn reconciled(app: &App) -> Result<Report> {
    let at = app.clock.now();
    let Suspicions { mut suspects, crowded, written, unreadable, checked } = surveyed(app, at).await?;
    let more = suspects.len().saturating_sub(MOST_LOOKED_AT);
    suspects.truncate(MOST_LOOKED_AT);
    let mut differences = unreadable;
    differences.extend(suspected(app, suspects).await?);
    differences.extend(oversold(app, crowded).await?);
    let (movements, of_provider) = against_provider(app, at, &written).await?;
    differences.extend(of_provider);
    Ok(Report::new(at, differences, more, Checked { movements, ..checked }))
}

/// The first look, at both tables as they change.
async fn surveyed(app: &App, at: Instant) -> Result<Suspicions> {
    let survey = Mutex::new(Survey::new(at));
    let see_booking = |filed: Filed| locked(&survey).see_booking(filed);
    app.store.scan_bookings(&see_booking).await?;
    let see_night = |read: Result<(UnitId, Night)>| locked(&survey).see_night(read);
    app.store.scan_nights(&see_night).await?;
    Ok(survey.into_inner().unwrap_or_else(PoisonError::into_inner).finish())
}

fn locked(survey: &Mutex<Survey>) -> MutexGuard<'_, Survey> {
    survey.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn suspected(app: &App, suspects: Vec<Suspect>) -> Result<Vec<Difference>> {
    let looked = |suspect: Suspect| async move {
        let id = suspect.booking;
        match look(app, suspect).await {
            Ok(look) => Ok(look.map_or_else(Vec::new, |look| look.differences(app.clock.now()))),
            Err(Error::Internal { context }) => Ok(vec![Difference::of(Kind::Unreadable, id, context)]),
            Err(error) => Err(error),
        }
    };
    let found: Vec<Vec<Difference>> =
        stream::iter(suspects).map(looked).buffer_unordered(8).try_collect().await?;
    Ok(found.concat())
}

/// The second look: strong reads between two of the booking. `None` for one that changes meanwhile: it is
/// looked at by the next run.
async fn look(app: &App, suspect: Suspect) -> Result<Option<Look>> {
    let id = suspect.booking;
    let booking = app.store.booking(id).await?;
    let entries = app.store.ledger_entries(id).await?;
    let mut nights = Vec::new();
    if let Some(Booking { unit, stay, .. }) = booking {
        let own = app.store.nights(unit, stay, true).await?;
        nights.extend(own.into_iter().map(|night| (unit, night)));
    }
    for (unit, date) in suspect.nights {
        let is_own = booking.as_ref().is_some_and(|own| own.unit == unit && own.stay.contains(date));
        if !is_own {
            nights.extend(night(app, unit, date).await?.map(|night| (unit, night)));
        }
    }
    let before = booking.as_ref().map(|own| own.version);
    let is_as_before = app.store.booking(id).await?.map(|own| own.version) == before;
    Ok(is_as_before.then_some(Look { id, booking, entries, nights }))
}

async fn night(app: &App, unit: UnitId, date: Date) -> Result<Option<Night>> {
    let Some(only) = Nights::between(date, add_days(date, 1)) else { return Ok(None) };
    Ok(app.store.nights(unit, only, true).await?.pop())
}

/// Nights with more live bookings than their units take.
async fn oversold(app: &App, crowded: BTreeMap<UnitId, Vec<(Date, usize)>>) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    for (unit, dates) in crowded {
        let capacity = app.store.terms(unit).await?.map_or(1, |terms| usize::from(terms.capacity));
        for (date, _) in dates.into_iter().filter(|(_, claims)| *claims > capacity) {
            let live = live(app, unit, date).await?;
            if live.len() > capacity {
                let detail = format!("{} bookings where {capacity} fit: {live:?}", live.len());
                found.push(Difference::without_booking(Kind::Oversold, detail).at(unit, date));
            }
        }
    }
    Ok(found)
}

/// The live bookings of a night.
async fn live(app: &App, unit: UnitId, date: Date) -> Result<Vec<BookingId>> {
    let claims = night(app, unit, date).await?.map(|night| night.claims).unwrap_or_default();
    let ids: Vec<BookingId> = claims.iter().map(|claim| claim.booking).collect();
    // One that cannot be read is told of by itself.
    let bookings = match app.store.bookings(&ids, true).await {
        Err(Error::Internal { .. }) => return Ok(Vec::new()),
        read => read?,
    };
    let now = app.clock.now();
    let has = |booking: &Booking| {
        let is_claimed = booking.claim().is_some_and(|claim| claims.contains(&claim));
        is_claimed && booking.unit == unit && booking.stay.contains(date) && booking.is_live(now)
    };
    Ok(bookings.iter().filter(|booking| has(booking)).map(|booking| booking.id).collect())
}

/// How many movements the provider told of, and what differs.
async fn against_provider(app: &App, at: Instant, written: &[Written]) -> Result<(u64, Vec<Difference>)> {
    let movements = match app.stripe()?.movements(at - ASKED, at).await {
        Ok(movements) => movements,
        Err(error) => {
            let silent = Difference::without_booking(Kind::ProviderUnreachable, error.to_string());
            return Ok((0, vec![silent]));
        }
    };
    let found = compared(written, &movements, at, is_same);
    let mut differences = Vec::new();
    for entry in found.not_moved.into_iter().take(MOST_LOOKED_AT) {
        differences.extend(not_moved(app, &entry).await?);
    }
    for (booking, movement) in found.doubled {
        let detail = format!("{:?} of {:?} was made twice", movement.kind, movement.amount);
        differences.push(Difference::of(Kind::DoubledMovement, booking, detail));
    }
    for (booking, movement) in found.not_entered.into_iter().take(MOST_LOOKED_AT) {
        differences.extend(not_entered(app, booking, &movement).await?);
    }
    Ok((u64::try_from(movements.len()).unwrap_or(u64::MAX), differences))
}

/// The second look for an entry's movement, however long ago it was made.
async fn not_moved(app: &App, entry: &Entry) -> Result<Option<Difference>> {
    let id = entry.booking;
    let Some((booking, entries)) = with_ledger(app, id).await? else { return Ok(None) };
    let made = match app.stripe()?.made_like(&booking, entry).await {
        Ok(made) => made,
        Err(Error::Unavailable { context }) => {
            return Ok(Some(Difference::of(Kind::ProviderUnreachable, id, context)));
        }
        Err(error) => return Err(error),
    };
    let all: Vec<&Entry> = entries.iter().collect();
    let detail = || format!("the provider does not have entry {}, {:?}", entry.number, entry.movement);
    let has = made.iter().any(|made| made.is_entry(entry, &all, is_same));
    Ok((!has).then(|| Difference::of(Kind::MissingMovement, id, detail())))
}

/// The second look for a movement's entry. A booking that is not there is another deployment's, which
/// shares the account.
async fn not_entered(app: &App, id: BookingId, movement: &ProviderMovement) -> Result<Option<Difference>> {
    let Some((_, entries)) = with_ledger(app, id).await? else { return Ok(None) };
    Ok((!movement.is_entered(&entries, is_same)).then(|| movement.unknown(id)))
}

/// A booking that is there, and its ledger; nothing of one that cannot be read: it is told of by itself.
async fn with_ledger(app: &App, id: BookingId) -> Result<Option<(Booking, Vec<Entry>)>> {
    let read = async { Ok::<_, Error>((app.store.booking(id).await?, app.store.ledger_entries(id).await?)) };
    match read.await {
        Ok((booking, entries)) => Ok(booking.map(|booking| (booking, entries))),
        Err(Error::Internal { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether two amounts are one to the provider, whose unit may be coarser than ours.
fn is_same(one: Money, other: Money) -> bool {
    one.currency == other.currency && to_stripe(one) == to_stripe(other)
}

//! Nights against bookings. The first look is at whole tables, which change while they are read: it only
//! suspects. What it suspects is read a second time, strongly and together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::tz::TimeZone;

use crate::booking::{Booking, State};
use crate::clock::{Duration, Instant};
use crate::error::{Error, Result};
use crate::ids::{BookingId, UnitId};
use crate::ledger::Entry;
use crate::night::{Claim, Night};
use crate::stay::{Date, Nights, add_days};

use super::{Checked, Difference, Kind, Written, of_money};

/// How long the claims of what has ended may stand: takers replace them, the sweeper and the stream take
/// them away.
const TOLERATED: Duration = Duration::from_mins(30);

/// What the first look has seen so far. Of each booking whose stay is not over it keeps about 100 bytes, of
/// the others nothing.
#[derive(Debug)]
pub struct Survey {
    now: Instant,
    from: Date,
    kept: HashMap<BookingId, Kept>,
    suspects: BTreeMap<BookingId, BTreeSet<(UnitId, Date)>>,
    crowded: BTreeMap<UnitId, Vec<(Date, usize)>>,
    written: Vec<Written>,
    unreadable: Vec<Difference>,
    checked: Checked,
}

/// What the bookings' table holds under one id.
#[derive(Debug, Default)]
pub struct Filed {
    /// The id, where it is one.
    pub id: Option<BookingId>,
    /// The booking.
    pub booking: Option<Booking>,
    /// Its ledger.
    pub entries: Vec<Entry>,
    /// Why something of it cannot be read.
    pub unreadable: Option<String>,
}

/// A booking to be read again, with the nights that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Which.
    pub booking: BookingId,
    /// Nights with a claim of its that is not as expected.
    pub nights: Vec<(UnitId, Date)>,
}

/// What the first look leaves to be looked at.
#[derive(Debug)]
pub struct Suspicions {
    /// Bookings.
    pub suspects: Vec<Suspect>,
    /// Nights with more than one claim, and how many.
    pub crowded: BTreeMap<UnitId, Vec<(Date, usize)>>,
    /// The entries of the last days, to be compared with the provider's book.
    pub written: Vec<Written>,
    /// What could not be read.
    pub unreadable: Vec<Difference>,
    /// How much was looked at.
    pub checked: Checked,
}

#[derive(Debug)]
struct Kept {
    unit: UnitId,
    stay: Nights,
    claim: Claim,
    lapses_at: Instant,
    is_live: bool,
    /// How many nights are to have its claim, and how many do.
    wanted: u32,
    found: u32,
}

impl Survey {
    /// A look that begins at `now`. Nights that are over are counted and not judged.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            from: first_night(now),
            kept: HashMap::new(),
            suspects: BTreeMap::new(),
            crowded: BTreeMap::new(),
            written: Vec::new(),
            unreadable: Vec::new(),
            checked: Checked::default(),
        }
    }

    /// Looks at a booking and its ledger. All bookings are to be seen before the first night.
    pub fn see_booking(&mut self, filed: Filed) {
        let Filed { id, booking, entries, unreadable } = filed;
        match (unreadable, id) {
            (None, _) => {}
            (Some(_), Some(id)) => {
                self.suspects.entry(id).or_default();
                return;
            }
            (Some(why), None) => {
                self.unreadable.push(Difference::without_booking(Kind::Unreadable, why));
                return;
            }
        }
        self.checked.entries += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let Some(booking) = booking else {
            if let Some(id) = id.filter(|_| !entries.is_empty()) {
                self.suspects.entry(id).or_default();
            }
            return;
        };
        self.checked.bookings += 1;
        if !of_money(&booking, &entries, self.now).is_empty() {
            self.suspects.entry(booking.id).or_default();
        }
        let recent = |entry| Written::recent(&booking, entry, self.now);
        self.written.extend(entries.into_iter().filter_map(recent));
        if let Some(claim) = booking.claim().filter(|_| self.from < booking.stay.end()) {
            let is_live = booking.is_live(self.now);
            let rest = Nights::between(booking.stay.first().max(self.from), booking.stay.end());
            // A long stay that is being made has not all its nights yet.
            let is_whole = is_live && booking.state != State::Assembling;
            let kept = Kept {
                unit: booking.unit,
                stay: booking.stay,
                claim,
                lapses_at: booking.lapses_at,
                is_live,
                wanted: rest.filter(|_| is_whole).map_or(0, Nights::count),
                found: 0,
            };
            self.kept.insert(booking.id, kept);
        }
    }

    /// Looks at a night of a unit, or at why it cannot be read.
    pub fn see_night(&mut self, read: Result<(UnitId, Night)>) {
        self.checked.nights += 1;
        let (unit, night) = match read {
            Ok(read) => read,
            Err(why) => {
                self.unreadable.push(Difference::without_booking(Kind::Unreadable, why.to_string()));
                return;
            }
        };
        if night.date < self.from {
            return;
        }
        for claim in &night.claims {
            let kept = self.kept.get_mut(&claim.booking);
            let kept = kept.filter(|kept| kept.has(unit, night.date, claim));
            let is_expected = match kept {
                Some(kept) if kept.is_live => {
                    kept.found += 1;
                    true
                }
                Some(kept) => !is_leftover(claim, kept.lapses_at, self.now),
                None => false,
            };
            if !is_expected {
                self.suspects.entry(claim.booking).or_default().insert((unit, night.date));
            }
        }
        if night.claims.len() > 1 {
            self.crowded.entry(unit).or_default().push((night.date, night.claims.len()));
        }
    }

    /// What there is to be looked at again, when all was seen.
    #[must_use]
    pub fn finish(mut self) -> Suspicions {
        for (id, kept) in self.kept {
            if kept.found < kept.wanted {
                self.suspects.entry(id).or_default();
            }
        }
        let suspect = |(booking, nights): (BookingId, BTreeSet<_>)| Suspect {
            booking,
            nights: nights.into_iter().collect(),
        };
        Suspicions {
            suspects: self.suspects.into_iter().map(suspect).collect(),
            crowded: self.crowded,
            written: self.written,
            unreadable: self.unreadable,
            checked: self.checked,
        }
    }
}

impl Kept {
    fn has(&self, unit: UnitId, date: Date, claim: &Claim) -> bool {
        self.unit == unit && self.stay.contains(date) && self.claim == *claim
    }
}

/// A booking, its ledger and its nights, read strongly while it did not change.
#[derive(Clone, Debug)]
pub struct Look {
    /// Which.
    pub id: BookingId,
    /// The booking, if it is there.
    pub booking: Option<Booking>,
    /// Its ledger.
    pub entries: Vec<Entry>,
    /// The nights of its stay, and others that named it, as they stand.
    pub nights: Vec<(UnitId, Night)>,
}

impl Look {
    /// What is wrong with it at `now`.
    #[must_use]
    pub fn differences(&self, now: Instant) -> Vec<Difference> {
        let mut found = match &self.booking {
            Some(booking) => of_money(booking, &self.entries, now),
            None if self.entries.is_empty() => Vec::new(),
            None => {
                let detail = format!("its ledger has {} entries", self.entries.len());
                vec![Difference::of(Kind::MissingBooking, self.id, detail)]
            }
        };
        let from = first_night(now);
        for (unit, night) in self.nights.iter().filter(|(_, night)| from <= night.date) {
            for claim in night.claims.iter().filter(|claim| claim.booking == self.id) {
                let wrong = self.wrong(*unit, night.date, claim, now);
                found.extend(
                    wrong.map(|(kind, why)| Difference::of(kind, self.id, why).at(*unit, night.date)),
                );
            }
        }
        let missing = self.booking.iter().flat_map(|booking| self.missing(booking, now));
        let difference = |(unit, date)| {
            Difference::of(Kind::MissingClaim, self.id, "the night does not have its claim").at(unit, date)
        };
        found.extend(missing.map(difference));
        found
    }

    /// What is wrong with a claim of its on a night.
    fn wrong(&self, unit: UnitId, date: Date, claim: &Claim, now: Instant) -> Option<(Kind, &'static str)> {
        let Some(booking) = &self.booking else {
            return Some((Kind::StrayClaim, "the night is taken by a booking that is not there"));
        };
        let is_own = booking.unit == unit && booking.stay.contains(date) && booking.claim() == Some(*claim);
        if !is_own {
            return Some((Kind::StrayClaim, "the night is taken by a booking that does not have it"));
        }
        let is_leftover = !booking.is_live(now) && is_leftover(claim, booking.lapses_at, now);
        is_leftover.then_some((Kind::Leftover, "the night is taken by a booking that has ended"))
    }

    /// The nights that ought to have its claim and do not.
    fn missing(&self, booking: &Booking, now: Instant) -> Vec<(UnitId, Date)> {
        let whole = booking.is_live(now) && booking.state != State::Assembling;
        let Some(claim) = booking.claim().filter(|_| whole) else { return Vec::new() };
        let has = |date: Date| {
            self.nights.iter().any(|(unit, night)| {
                *unit == booking.unit && night.date == date && night.claims.contains(&claim)
            })
        };
        let dates = booking.stay.iter().filter(|date| first_night(now) <= *date && !has(*date));
        dates.map(|date| (booking.unit, date)).collect()
    }
}

/// A claim of what has ended that should be gone.
fn is_leftover(claim: &Claim, lapses_at: Instant, now: Instant) -> bool {
    claim.until.max(lapses_at) + TOLERATED < now
}

/// The first night that is judged: wherever the unit is, those before are over.
fn first_night(now: Instant) -> Date {
    add_days(now.to_zoned(TimeZone::UTC).date(), -2)
}

impl Filed {
    /// What cannot be read of an id.
    #[must_use]
    pub fn unreadable(id: Option<BookingId>, why: &Error) -> Self {
        Self { id, unreadable: Some(why.to_string()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::tests::large;
    use crate::pricing::parts::Parts;
    use crate::stay::date_of_epoch_day;

    /// The days of its stay are 20,000 to 20,007.
    fn now() -> Instant {
        Instant::from_second(20_000 * 86_400).unwrap()
    }

    fn booking(state: State) -> Booking {
        Booking {
            state,
            attempts: Vec::new(),
            captured: 0,
            taken: Parts::default(),
            entries: 0,
            unsettled: false,
            check_in_at: now() + Duration::from_hours(12),
            lapses_at: now() - Duration::from_hours(2),
            claim_until: Some(now() - Duration::from_hours(2)),
            ..large()
        }
    }

    fn nights(booking: &Booking) -> Vec<(UnitId, Night)> {
        let night = |date| {
            let claims = booking.claim().into_iter().collect();
            (booking.unit, Night { date, claims, blocked: None, note: None })
        };
        booking.stay.iter().map(night).collect()
    }

    /// What both looks make of it.
    fn found(
        booking: Option<&Booking>,
        id: BookingId,
        nights: &[(UnitId, Night)],
    ) -> Vec<(Kind, Option<Date>)> {
        let mut survey = Survey::new(now());
        survey.see_booking(Filed { id: Some(id), booking: booking.cloned(), ..Filed::default() });
        for (unit, night) in nights {
            survey.see_night(Ok((*unit, night.clone())));
        }
        let look = Look { id, booking: booking.cloned(), entries: Vec::new(), nights: nights.to_vec() };
        let found = look.differences(now());
        let suspects = survey.finish().suspects;
        assert_eq!(suspects.is_empty(), found.is_empty(), "the first look suspects what is: {found:?}");
        assert!(found.iter().all(|found| found.unit.is_some() == found.date.is_some()), "{found:?}");
        found.into_iter().map(|difference| (difference.kind, difference.date)).collect()
    }

    #[test]
    fn nights_are_of_live_bookings_and_theirs_are_all_there() {
        let stay = booking(State::Confirmed);
        let mut standing = nights(&stay);
        assert_eq!(found(Some(&stay), stay.id, &standing), []);
        standing[3].1.claims.clear();
        let date = date_of_epoch_day(20_003);
        assert_eq!(found(Some(&stay), stay.id, &standing), [(Kind::MissingClaim, Some(date))]);
        let mut beside = nights(&stay);
        beside.push((stay.unit, Night { date: date_of_epoch_day(20_008), ..beside[0].1.clone() }));
        assert_eq!(
            found(Some(&stay), stay.id, &beside),
            [(Kind::StrayClaim, Some(date_of_epoch_day(20_008)))]
        );
        let nobodys = &nights(&stay)[..1];
        assert_eq!(found(None, stay.id, nobodys), [(Kind::StrayClaim, Some(date_of_epoch_day(20_000)))]);
    }

    #[test]
    fn claims_of_the_dead_are_left_over_after_half_an_hour() {
        for state in [State::Expired, State::Cancelled, State::Held] {
            let dead = booking(state);
            assert_eq!(found(Some(&dead), dead.id, &nights(&dead)).len(), 8, "{state:?}");
            let ended = now() - Duration::from_mins(20);
            let fresh = Booking { lapses_at: ended, claim_until: Some(ended), ..dead };
            assert_eq!(found(Some(&fresh), fresh.id, &nights(&fresh)), [], "{state:?}");
        }
    }

    #[test]
    fn a_stay_that_is_over_needs_its_nights_no_more() {
        let mut past = booking(State::Completed);
        past.stay = Nights::between(date_of_epoch_day(19_990), date_of_epoch_day(19_995)).unwrap();
        assert_eq!(found(Some(&past), past.id, &[]), []);
    }

    #[test]
    fn the_night_before_the_last_is_the_first_that_is_judged_and_all_that_is_seen_is_counted() {
        let id = BookingId::from_bits(9);
        let until = now() - Duration::from_hours(2);
        let night = |date| {
            let claims = BTreeSet::from([Claim { booking: id, until }]);
            (
                booking(State::Held).unit,
                Night { date: date_of_epoch_day(date), claims, blocked: None, note: None },
            )
        };
        let stray = [(Kind::StrayClaim, Some(date_of_epoch_day(19_998)))];
        assert_eq!(found(None, id, &[night(19_997), night(19_998)]), stray);
        let mut survey = Survey::new(now());
        let entries = vec![
            crate::ledger::Heading {
                booking: id,
                number: 1,
                payment: crate::ids::PaymentId::from_bits(1),
                at: now(),
                currency: booking(State::Held).price.currency,
            }
            .payout(5),
        ];
        for _ in 0..2 {
            survey.see_booking(Filed { id: Some(id), entries: entries.clone(), ..Filed::default() });
            survey.see_night(Ok(night(19_000)));
        }
        let why = Error::internal("not JSON");
        survey.see_booking(Filed::unreadable(Some(BookingId::from_bits(3)), &why));
        survey.see_booking(Filed::unreadable(None, &why));
        survey.see_night(Err(why));
        let Suspicions { suspects, unreadable, checked, .. } = survey.finish();
        let suspects: Vec<u128> = suspects.iter().map(|suspect| suspect.booking.bits()).collect();
        assert_eq!((suspects, unreadable.len()), (vec![3, 9], 2));
        assert_eq!((checked.entries, checked.nights, checked.bookings), (2, 3, 0));
    }
}

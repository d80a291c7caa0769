//! The ledger against the payment provider's book.

use std::collections::HashMap;

use crate::booking::Booking;
use crate::clock::{Duration, Instant};
use crate::ids::{BookingId, PaymentId, PayoutId};
use crate::ledger::{Entry, Movement};
use crate::money::Money;
use crate::payment::ProviderName;

use super::{Difference, Kind};

/// How far back the provider is asked: a movement may be older than its entry by as long as its answer was
/// lost.
pub const ASKED: Duration = Duration::from_hours(50);
/// How far back the two have to agree: since the run before, and a while.
const COMPARED: Duration = Duration::from_hours(26);
/// What is younger may be about to be written.
const YOUNG: Duration = Duration::from_hours(2);
/// By how much an entry may seem older than its movement: clocks differ.
const SKEW: Duration = Duration::from_hours(1);

/// One movement of money in the provider's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMovement {
    /// What it was.
    pub kind: MovementKind,
    /// Which booking's, if any of ours.
    pub booking: Option<BookingId>,
    /// The payment that was captured.
    pub payment: Option<PaymentId>,
    /// The number of a refund or of what was taken back of a host: its entry's, or an earlier one.
    pub number: Option<u32>,
    /// The payout that was transferred.
    pub payout: Option<PayoutId>,
    /// How much, above zero.
    pub amount: Money,
    /// What the provider kept of it, in minor units; nothing where it is in another currency.
    pub fee: i64,
    /// When.
    pub at: Instant,
}

/// What the provider has made of something: its own entry is sought among those of its kind and payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The number of a refund or of what was taken back of a host: its entry's, or an earlier one.
    pub number: Option<u32>,
    /// How much, above zero.
    pub amount: Money,
}

/// What a movement in the provider's book was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// Taken from a guest.
    Capture,
    /// Returned to a guest.
    Refund,
    /// Sent to a host.
    Transfer,
    /// Came back: of a host, or of a refund that failed.
    Reversal,
    /// Taken back by a guest's bank.
    Dispute,
}

/// An entry of the last days, and whether the provider has its movement.
#[derive(Clone, Debug)]
pub struct Written {
    entry: Entry,
    is_asked: bool,
}

impl Written {
    /// An entry of a booking, if it is recent enough at `now` to be compared.
    pub(super) fn recent(booking: &Booking, entry: Entry, now: Instant) -> Option<Self> {
        if entry.at < now - COMPARED - SKEW {
            return None;
        }
        let paid = |(index, _): &(usize, _)| booking.payment_id(*index) == entry.payment;
        let by = booking.attempts.iter().enumerate().find(paid);
        let is_asked = match entry.movement {
            Movement::Capture | Movement::Refund => {
                by.is_none_or(|(_, attempt)| attempt.provider == ProviderName::Stripe)
            }
            Movement::Payout | Movement::Reversal => true,
            // The provider's side of a dispute does not say of which booking it is.
            Movement::Penalty
            | Movement::Withholding
            | Movement::Dispute
            | Movement::DisputeWon
            | Movement::DisputeLost => false,
        };
        Some(Self { entry, is_asked })
    }
}

/// What the comparison of both books found.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Entries whose movement was not seen: to be asked for, since a step that was stuck for days is entered
    /// long after it was made.
    pub not_moved: Vec<Entry>,
    /// Movements whose entry was not seen, with their bookings: to be looked for again.
    pub not_entered: Vec<(BookingId, ProviderMovement)>,
    /// Movements that were made twice, with their bookings: one payment captured, one refund, payout or
    /// reversal made, more than once.
    pub doubled: Vec<(BookingId, ProviderMovement)>,
}

/// Compares the entries of the last days with the provider's movements since [`ASKED`] before `now`. `same`
/// tells whether two amounts are one in the provider's unit, which may be coarser than ours.
#[must_use]
pub fn compared(
    written: &[Written],
    movements: &[ProviderMovement],
    now: Instant,
    same: fn(Money, Money) -> bool,
) -> Compared {
    let mut entries: HashMap<BookingId, Vec<&Entry>> = HashMap::new();
    for Written { entry, .. } in written {
        entries.entry(entry.booking).or_default().push(entry);
    }
    let mut of_booking: HashMap<BookingId, Vec<&ProviderMovement>> = HashMap::new();
    let mut found = Compared::default();
    for movement in movements {
        let Some(booking) = movement.booking else { continue };
        let earlier = of_booking.get(&booking).into_iter().flatten();
        if earlier.into_iter().any(|earlier| earlier.is_another(movement)) {
            found.doubled.push((booking, movement.clone()));
        }
        of_booking.entry(booking).or_default().push(movement);
        let is_compared = now - COMPARED <= movement.at && movement.at < now - YOUNG;
        let entered = entries.get(&booking).into_iter().flatten();
        if is_compared && !movement.is_entered(entered.copied(), same) {
            found.not_entered.push((booking, movement.clone()));
        }
    }
    for Written { entry, is_asked } in written {
        let is_compared = *is_asked && now - COMPARED <= entry.at && entry.at < now - YOUNG;
        let mut movements = of_booking.get(&entry.booking).into_iter().flatten();
        let all = entries.get(&entry.booking).map(Vec::as_slice).unwrap_or_default();
        // Of less than its unit the provider has nothing.
        let moves = entry.moved().is_some_and(|moved| !same(moved, Money { amount: 0, ..moved }));
        if is_compared && moves && !movements.any(|movement| movement.is_entry(entry, all, same)) {
            found.not_moved.push(entry.clone());
        }
    }
    found
}

impl ProviderMovement {
    /// Whether both are what is to be made once.
    fn is_another(&self, other: &Self) -> bool {
        let named = self.payment.is_some() || self.number.is_some() || self.payout.is_some();
        let same = self.kind == other.kind && self.number == other.number;
        named && same && self.payment == other.payment && self.payout == other.payout
    }

    /// Whether one of a booking's entries is its own. There is none of a refund that came back: that is for
    /// people to see.
    #[must_use]
    pub fn is_entered<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a Entry>,
        same: fn(Money, Money) -> bool,
    ) -> bool {
        let entries: Vec<&Entry> = entries.into_iter().collect();
        entries.iter().any(|entry| self.is_entry(entry, &entries, same))
    }

    /// Whether `entry` is its own, of `all` of its booking's.
    fn is_entry(&self, entry: &Entry, all: &[&Entry], same: fn(Money, Money) -> bool) -> bool {
        let is_its_kind = match (self.kind, entry.movement) {
            (MovementKind::Capture, Movement::Capture) => self.payment == Some(entry.payment),
            (MovementKind::Refund, Movement::Refund)
            | (MovementKind::Transfer, Movement::Payout)
            | (MovementKind::Reversal, Movement::Reversal) => true,
            _ => false,
        };
        is_its_kind && Made { number: self.number, amount: self.amount }.is_entry(entry, all, same)
    }

    /// The difference that it is when the ledger does not have it.
    #[must_use]
    pub fn unknown(&self, booking: BookingId) -> Difference {
        let Self { kind, amount, at, .. } = self;
        let detail = format!("the ledger does not have a {kind:?} of {amount}, at the provider since {at}");
        Difference::of(Kind::MissingFromLedger, booking, detail)
    }
}

impl Made {
    /// Whether it is what an entry of its kind and payment tells of, of `all` of its booking's.
    #[must_use]
    pub fn is_entry(&self, entry: &Entry, all: &[&Entry], same: fn(Money, Money) -> bool) -> bool {
        let is_numbered = matches!(entry.movement, Movement::Refund | Movement::Reversal);
        let is_as_much = entry.moved().is_some_and(|moved| same(moved, self.amount));
        is_as_much && (!is_numbered || self.is_of(entry, all))
    }

    /// Whether its number is an entry's, or an earlier one and no other of its kind is nearer: of a dispute that
    /// came between the decision and the movement there is an entry too.
    fn is_of(&self, entry: &Entry, all: &[&Entry]) -> bool {
        let Some(number) = self.number else { return false };
        let is_nearer = |other: &&&Entry| {
            other.movement == entry.movement && (number..entry.number).contains(&other.number)
        };
        number <= entry.number && !all.iter().any(|other| is_nearer(&other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Heading;
    use crate::money::Currency;
    use crate::pricing::parts::Parts;

    fn entries(now: Instant, hours: i64) -> Vec<Entry> {
        let heading = |number| Heading {
            booking: BookingId::from_bits(1),
            number,
            payment: PaymentId::from_bits(7),
            at: now - Duration::from_hours(hours),
            currency: Currency::of("EUR").unwrap(),
        };
        let (whole, half) =
            (Parts { nights: 400, ..Parts::default() }, Parts { nights: 200, ..Parts::default() });
        vec![heading(1).capture(&whole, 9), heading(2).refund(&half), heading(3).payout(200)]
    }

    fn movements(now: Instant, hours: i64) -> Vec<ProviderMovement> {
        let movement = |kind, amount, number| ProviderMovement {
            kind,
            booking: Some(BookingId::from_bits(1)),
            payment: Some(PaymentId::from_bits(7)),
            number,
            payout: None,
            amount: Money { amount, currency: Currency::of("EUR").unwrap() },
            fee: 9,
            at: now - Duration::from_hours(hours),
        };
        vec![
            movement(MovementKind::Capture, 400, None),
            movement(MovementKind::Refund, 200, Some(2)),
            movement(MovementKind::Transfer, 200, None),
        ]
    }

    fn same(one: Money, other: Money) -> bool {
        one == other
    }

    #[test]
    fn what_one_book_lacks_is_told_once_and_what_is_young_or_old_is_not() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let all = (0..40).flat_map(|hours| (0..4).map(move |missing| (hours, missing)));
        for ((hours, missing), of_ledger) in all.flat_map(|one| [(one, false), (one, true)]) {
            let (mut ours, mut theirs) = (entries(now, hours), movements(now, hours));
            if missing < 3 && of_ledger {
                ours.remove(missing);
            } else if missing < 3 {
                theirs.remove(missing);
            }
            let written: Vec<Written> =
                ours.into_iter().map(|entry| Written { entry, is_asked: true }).collect();
            let found = compared(&written, &theirs, now, same);
            let is_told = usize::from(missing < 3 && (3..=26).contains(&hours));
            let told = (found.not_entered.len(), found.not_moved.len());
            assert_eq!(
                told,
                if of_ledger { (is_told, 0) } else { (0, is_told) },
                "{hours} h, without {missing}"
            );
        }
    }

    #[test]
    fn what_is_to_be_made_once_and_was_made_twice_is_told() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let mut theirs = movements(now, 5);
        theirs.extend(movements(now, 4));
        for (transfer, payout) in [(2, 1), (5, 2)] {
            theirs[transfer].payment = None;
            theirs[transfer].payout = Some(PayoutId::from_bits(payout));
        }
        theirs[4].number = Some(3);
        let doubled = |theirs: &[ProviderMovement]| compared(&[], theirs, now, same).doubled;
        let told = doubled(&theirs);
        assert_eq!((told.len(), &told[0].1), (1, &theirs[3]), "one charge, two refunds, two payouts");
        theirs[4].number = theirs[1].number;
        theirs[5].payout = theirs[2].payout;
        assert_eq!(doubled(&theirs).len(), 3);
    }

    #[test]
    fn another_amount_is_another_movement_and_what_is_not_ours_is_ignored() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let mut theirs = movements(now, 5);
        theirs[0].amount.amount += 1;
        theirs[1].booking = None;
        let found = compared(&[], &theirs, now, same);
        assert_eq!(found.not_entered.len(), 2);
        assert!(!theirs[0].is_entered(&entries(now, 5), same));
        assert!(theirs[1].is_entered(&entries(now, 5), same));
    }

    #[test]
    fn entries_of_the_last_days_are_asked_for_where_stripe_has_moved_them() {
        use crate::booking::tests::large;
        let now = Instant::from_second(1_800_000_000).unwrap();
        let mut booking = large();
        let ours = booking.payment_id(0);
        let recent = |booking: &Booking, mut entry: Entry, payment| {
            entry.payment = payment;
            Written::recent(booking, entry, now).map(|written| written.is_asked)
        };
        let [capture, refund, payout] = <[Entry; 3]>::try_from(entries(now, 3)).unwrap();
        let penalty = Entry { movement: Movement::Penalty, ..payout.clone() };
        let oldest = Entry { at: now - COMPARED - SKEW, ..capture.clone() };
        let older = Entry { at: oldest.at - Duration::from_millis(1), ..capture.clone() };
        assert_eq!(recent(&booking, oldest, ours), Some(true));
        assert_eq!(recent(&booking, older, ours), None);
        assert_eq!(recent(&booking, penalty, ours), Some(false));
        booking.attempts[0].provider = ProviderName::Adyen;
        assert_eq!(recent(&booking, capture.clone(), ours), Some(false));
        assert_eq!(recent(&booking, refund, ours), Some(false));
        assert_eq!(recent(&booking, payout, ours), Some(true), "hosts are paid by Stripe");
        assert_eq!(
            recent(&booking, capture, PaymentId::from_bits(7)),
            Some(true),
            "an attempt of ours is not this"
        );
    }

    #[test]
    fn a_movement_is_the_entry_of_its_own_payment_and_the_nearest_of_its_number() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let (ours, theirs) = (entries(now, 5), movements(now, 5));
        let of_another = ProviderMovement { payment: Some(PaymentId::from_bits(8)), ..theirs[0].clone() };
        assert!(theirs[0].is_entered(&ours, same) && !of_another.is_entered(&ours, same));
        let refund = |number| Entry { number, ..ours[1].clone() };
        let is_entered = |movement: &ProviderMovement, entries: &[Entry]| movement.is_entered(entries, same);
        // A dispute has come in between: its number is now a later one.
        assert!(is_entered(&theirs[1], &[refund(4)]));
        assert!(!is_entered(&theirs[1], &[refund(1)]), "it was entered before it was decided");
        let other = Entry { amounts: Vec::new(), ..refund(3) };
        assert!(!is_entered(&theirs[1], &[other, refund(4)]), "another refund is nearer");
        assert!(is_entered(&theirs[1], &[Entry { movement: Movement::Dispute, ..refund(3) }, refund(4)]));
        let heading = |number| Heading {
            booking: BookingId::from_bits(1),
            number,
            payment: PaymentId::from_bits(7),
            at: now,
            currency: Currency::of("EUR").unwrap(),
        };
        let back = ProviderMovement { kind: MovementKind::Reversal, ..theirs[1].clone() };
        assert!(is_entered(&back, &[heading(2).reversal(200)]));
        assert!(!is_entered(&back, &[heading(2).reversal(201)]) && !is_entered(&back, &[refund(2)]));
        let (first, later) = (heading(2).reversal(200), heading(3).reversal(200));
        let made = Made { number: Some(2), amount: back.amount };
        assert!(made.is_entry(&first, &[&first, &later], same));
        assert!(!made.is_entry(&later, &[&first, &later], same), "two of one amount are two");
    }

    #[test]
    fn what_is_less_than_the_providers_unit_is_not_missed_there() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let in_tens: fn(Money, Money) -> bool = |one, other| one.amount / 10 == other.amount / 10;
        let missed = |amount: i64| {
            let entry = Entry { number: 4, ..entries(now, 5)[2].clone() };
            let amounts =
                vec![(crate::ledger::Account::Host, -amount), (crate::ledger::Account::Bank, amount)];
            let written = Written { entry: Entry { amounts, ..entry }, is_asked: true };
            compared(&[written], &[], now, in_tens).not_moved.len()
        };
        assert_eq!((missed(9), missed(10)), (0, 1));
    }
}

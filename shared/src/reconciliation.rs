//! The daily reconciliation: nights against bookings, bookings against their ledger, the ledger against
//! the payment provider's book. What differs is a [`Difference`], which only a mistake of ours can make.

mod movements;
mod survey;

use serde::{Deserialize, Serialize};

use crate::booking::{Booking, Outcome, State};
use crate::clock::{Duration, Instant};
use crate::ids::{BookingId, UnitId};
use crate::ledger::{Account, Entry, Movement};
use crate::pricing::parts::Parts;
use crate::stay::Date;

pub use movements::{ASKED, Compared, Made, MovementKind, ProviderMovement, Written, compared};
pub use survey::{Filed, Look, Survey, Suspect, Suspicions};

/// How many differences a report keeps; it counts them all.
pub const MOST_KEPT: usize = 500;
/// How late money may be: hosts are paid by the hour, and a provider may be down for a while.
const PATIENCE: Duration = Duration::from_hours(24);
/// So many tries in vain take a day. See [`Booking::in_trouble`].
const TRIES_OF_A_DAY: u16 = 12;

/// What a run of the reconciliation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Reconciliation")]
pub struct Report {
    /// When the run began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Instant,
    /// What differs, at most 500 of it.
    pub differences: Vec<Difference>,
    /// How many differences there are in all.
    pub count: u64,
    /// What was looked at.
    pub checked: Checked,
}

impl Report {
    /// The report of a run that began at `at`, found `differences`, and suspects `more` that it had no time
    /// to look at a second time.
    #[must_use]
    pub fn new(at: Instant, mut differences: Vec<Difference>, more: usize, checked: Checked) -> Self {
        let count = u64::try_from(differences.len().saturating_add(more)).unwrap_or(u64::MAX);
        differences.truncate(MOST_KEPT);
        Self { at, differences, count, checked }
    }
}

/// How many of each were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Checked {
    /// Bookings, whatever their state.
    pub bookings: u64,
    /// Nights that are taken or were.
    pub nights: u64,
    /// Entries of bookings' ledgers.
    pub entries: u64,
    /// Movements in the payment provider's book.
    pub movements: u64,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What is wrong.
    pub kind: Kind,
    /// With which booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// In whose nights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// In which of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub date: Option<Date>,
    /// A sentence for an operator.
    pub detail: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DifferenceKind")]
pub enum Kind {
    /// An entry of the ledger does not sum to zero.
    Unbalanced,
    /// The ledger has fewer entries than its booking counts, or others.
    MissingEntry,
    /// What a booking says of its money is not what its ledger sums to.
    WrongSum,
    /// What was taken of the guest is not what is due.
    WrongAmount,
    /// More went from the host's money than he had.
    Overdrawn,
    /// Money should have moved more than a day ago.
    Overdue,
    /// There are entries of a booking that is not there.
    MissingBooking,
    /// A booking does not have a night of its stay.
    MissingClaim,
    /// A night is taken by a booking that has ended.
    Leftover,
    /// A night is taken by a booking that does not have it.
    StrayClaim,
    /// A night has more bookings than fit.
    Oversold,
    /// The provider does not know of a movement that the ledger has.
    MissingMovement,
    /// The ledger does not have a movement that the provider knows of.
    MissingFromLedger,
    /// The provider has made a movement twice.
    DoubledMovement,
    /// The provider did not tell its movements.
    ProviderUnreachable,
    /// Something is kept in a shape that cannot be read.
    Unreadable,
}

impl Difference {
    /// One that is of a booking.
    #[must_use]
    pub fn of(kind: Kind, booking: BookingId, detail: impl Into<String>) -> Self {
        Self { booking_id: Some(booking), ..Self::without_booking(kind, detail) }
    }

    /// One that is of none.
    #[must_use]
    pub fn without_booking(kind: Kind, detail: impl Into<String>) -> Self {
        // Details may quote what another has sent: a report of 500 has to stay far below 400 KB.
        let detail = detail.into().chars().take(300).collect();
        Self { kind, booking_id: None, unit: None, date: None, detail }
    }

    /// The same in a night.
    #[must_use]
    pub fn at(self, unit: UnitId, date: Date) -> Self {
        Self { unit: Some(unit), date: Some(date), ..self }
    }
}

/// What is wrong with a booking's money and its ledger, which were read together, at `now`.
#[must_use]
pub fn of_money(booking: &Booking, entries: &[Entry], now: Instant) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |holds: bool, kind: Kind, detail: &dyn Fn() -> String| {
        if !holds {
            found.push(Difference::of(kind, booking.id, detail()));
        }
    };
    for entry in entries {
        differ(entry.is_balanced(), Kind::Unbalanced, &|| {
            format!("entry {} does not sum to zero: {:?}", entry.number, entry.amounts)
        });
    }
    let mut numbers: Vec<u32> = entries.iter().map(|entry| entry.number).collect();
    numbers.sort_unstable();
    let complete = numbers.iter().copied().eq(1..=booking.entries);
    differ(complete, Kind::MissingEntry, &|| {
        format!("its entries are {numbers:?}, and it counts {}", booking.entries)
    });
    // Sums of a part would only say once more that a part is missing.
    if complete {
        let sum = |account: Account, counts: &dyn Fn(Movement) -> bool| -> i64 {
            let counted = entries.iter().filter(|entry| counts(entry.movement));
            counted.map(|entry| entry.of(account).amount).sum()
        };
        let sums = [
            ("taken", booking.taken.total(), -sum(Account::Guest, &|_| true)),
            ("captured", booking.captured, -sum(Account::Guest, &|why| why == Movement::Capture)),
            ("paid out", booking.paid_out, sum(Account::Bank, &|_| true)),
            ("withheld", booking.withheld, sum(Account::Debt, &|why| why == Movement::Withholding)),
        ];
        for (what, says, is) in sums {
            differ(says == is, Kind::WrongSum, &|| format!("{what} is {says}, its ledger says {is}"));
        }
        let host = sum(Account::Host, &|_| true);
        differ(booking.unsettled || host >= 0, Kind::Overdrawn, &|| format!("its host has {host}"));
    }
    // What a bank has taken back is no longer what is due.
    let is_judged = booking.dispute.is_none() && (booking.state.is_stay() || booking.state.is_dead());
    if !booking.unsettled && is_judged {
        let due = due(booking);
        let parts = |parts: &Parts| (parts.host(), parts.service_fee, parts.tax());
        let stands = parts(&booking.taken) == parts(&due) && booking.step().is_none();
        differ(stands, Kind::WrongAmount, &|| {
            format!("{} is taken, {} is due, and it is settled", booking.taken.total(), due.total())
        });
    }
    if let Some(detail) = overdue(booking, now) {
        found.push(Difference::of(Kind::Overdue, booking.id, detail));
    }
    found
}

/// What has to be taken of the guest when nothing is left to do: nothing where no money was captured, as
/// of a hold that waits for its check-in or has lapsed.
fn due(booking: &Booking) -> Parts {
    match booking.paying_attempt() {
        Some((_, Outcome::Captured(_))) => booking.due_from_guest(),
        _ => Parts::default(),
    }
}

/// Which money should have moved a day ago.
fn overdue(booking: &Booking, now: Instant) -> Option<&'static str> {
    let late = |since: Instant| since + PATIENCE < now;
    let is_late = match booking.state {
        State::Confirmed | State::CheckedIn | State::Completed => late(booking.check_in_at),
        // When it was called off is not kept; how often its money was tried since is.
        State::Cancelled => booking
            .trouble
            .is_some_and(|trouble| trouble.again_at.is_none() || trouble.tries >= TRIES_OF_A_DAY),
        _ => late(booking.lapses_at),
    };
    if booking.unsettled && is_late {
        Some("a step of its money should have been made a day ago")
    } else if booking.state == State::Confirmed && is_late {
        Some("it should have been checked in a day ago")
    } else if booking.state == State::Confirmed
        && booking.owes_balance()
        && late(booking.balance_collected_by())
    {
        Some("its balance should have been paid, or it called off, a day ago")
    } else if booking.payout().is_some_and(|(_, at)| late(at)) {
        Some("its host should have been paid out a day ago")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::Attempt;
    use crate::booking::balance::Balance;
    use crate::booking::dispute::{Dispute, Standing};
    use crate::booking::refund::Settlement;
    use crate::booking::tests::large;
    use crate::ids::PaymentId;
    use crate::ledger::Heading;
    use proptest::prelude::*;

    fn heading(booking: &Booking, number: u32) -> Heading {
        Heading {
            booking: booking.id,
            number,
            payment: PaymentId::from_bits(1),
            at: booking.created_at,
            currency: booking.price.currency,
        }
    }

    /// A stay whose host was paid, or one that was called off and kept so much of its nights.
    fn settled(fee: i64, kept: Option<i64>, penalty: i64) -> (Booking, Vec<Entry>) {
        let mut booking = Booking { unsettled: false, paid_out: 0, ..large() };
        let whole = booking.price.parts();
        booking.attempts[0].outcome = Some(Outcome::Captured("pi_1".into()));
        booking.captured = whole.total();
        booking.taken = whole.clone();
        let mut entries = vec![heading(&booking, 1).capture(&whole, fee)];
        if let Some(nights) = kept {
            let kept = Parts { nights, taxes: vec![0], ..Parts::default() };
            booking.state = State::Cancelled;
            entries.push(heading(&booking, 2).refund(&whole.minus(&kept)));
            booking.taken = kept.clone();
            booking.settlement = Some(Settlement { kept, penalty });
        } else {
            booking.state = State::Completed;
        }
        if penalty > 0 {
            let number = u32::try_from(entries.len()).unwrap() + 1;
            entries.push(heading(&booking, number).penalty(penalty));
        }
        booking.paid_out = booking.taken.host();
        if booking.paid_out > 0 {
            let number = u32::try_from(entries.len()).unwrap() + 1;
            entries.push(heading(&booking, number).payout(booking.paid_out));
        }
        booking.entries = u32::try_from(entries.len()).unwrap();
        (booking, entries)
    }

    fn kinds(booking: &Booking, entries: &[Entry]) -> Vec<Kind> {
        let now = booking.created_at + Duration::from_hours(24 * 365);
        of_money(booking, entries, now).iter().map(|difference| difference.kind).collect()
    }

    #[test]
    fn money_that_should_have_moved_a_day_ago_is_overdue() {
        let (booking, entries) = settled(10, None, 0);
        let unpaid = Booking { paid_out: 0, entries: 1, ..booking.clone() };
        assert_eq!(kinds(&unpaid, &entries[..1]), [Kind::Overdue]);
        let at =
            |hours: i64| of_money(&unpaid, &entries[..1], unpaid.check_in_at + Duration::from_hours(hours));
        assert_eq!(at(47), [], "it is due a day after check-in");
        assert_eq!(at(49).len(), 1);
        // Without an account it is looked at again in a day, and that is no mistake.
        let now = unpaid.check_in_at + Duration::from_hours(24 * 30);
        let waiting = Booking { payout_at: Some(now), ..unpaid.clone() };
        assert_eq!(of_money(&waiting, &entries[..1], now), []);
        let overdue = of_money(&unpaid, &entries[..1], now);
        assert_eq!(overdue[0].booking_id, Some(booking.id));
        assert_eq!(kinds(&Booking { unsettled: true, ..booking }, &entries), [Kind::Overdue]);
    }

    #[test]
    fn what_a_bank_has_taken_back_is_not_missed() {
        let (mut booking, mut entries) = settled(10, None, 0);
        let returning = Some(crate::booking::Returning { number: 9, parts: Parts::default(), of: None });
        let returns = Booking { returning, ..booking.clone() };
        assert_eq!(
            kinds(&returns, &entries),
            [Kind::WrongAmount],
            "it is not settled while it returns something"
        );
        booking.taken = Parts { nights: booking.taken.nights - 1, ..booking.taken };
        booking.captured -= 1;
        entries[0] = heading(&booking, 1).capture(&booking.taken, 10);
        let wrong =
            |booking: &Booking, entries: &[Entry]| kinds(booking, entries).contains(&Kind::WrongAmount);
        assert!(wrong(&booking, &entries));
        let in_the_making = Booking { unsettled: true, ..booking.clone() };
        assert!(!wrong(&in_the_making, &entries));
        assert!(!wrong(&Booking { state: State::PaymentStarted, ..booking.clone() }, &entries));
        let lost = Dispute::new("dp_1".into(), 1, 15, Standing::Lost, None);
        assert!(!wrong(&Booking { dispute: Some(lost), ..booking }, &entries));
    }

    #[test]
    fn a_balance_that_was_asked_for_late_is_overdue_a_day_after_its_last_chance() {
        let mut booking = Booking { state: State::Confirmed, unsettled: false, ..large() };
        let asked = booking.balance_ends_at() + Duration::from_hours(20);
        booking.balance = Some(Balance { deposit_percent: 30, next_at: asked });
        let is_overdue =
            |booking: &Booking, hours: i64| overdue(booking, asked + Duration::from_hours(hours)).is_some();
        assert!(is_overdue(&booking, 5), "nobody has asked");
        let declined = Some(Outcome::Declined);
        booking.attempts.push(Attempt {
            is_balance: true,
            outcome: declined,
            ..Attempt::new(None, asked, true)
        });
        booking.miss_balance(asked);
        assert!(!is_overdue(&booking, 48));
        assert!(is_overdue(&booking, 49));
        // What comes to nothing meanwhile takes nothing of his day, and gives nothing to it.
        let later = asked + Duration::from_hours(20);
        let failed = Some(Outcome::Failed);
        booking.attempts.push(Attempt {
            is_balance: true,
            outcome: failed,
            ..Attempt::new(None, later, true)
        });
        booking.miss_balance(later);
        assert!(!is_overdue(&booking, 48));
        assert!(is_overdue(&booking, 49));
    }

    proptest! {
        #[test]
        fn whole_books_have_no_difference_and_each_mistake_is_named(
            fee in 0i64..1_000, nights in 1i64..8_000_000, penalty in 0i64..2, called_off: bool, mistake in 0usize..6,
        ) {
            let (mut booking, mut entries) = settled(fee, called_off.then_some(nights), penalty);
            prop_assert_eq!(kinds(&booking, &entries), []);
            let expected: &[Kind] = match mistake {
                0 => {
                    entries.remove(0);
                    &[Kind::MissingEntry]
                }
                1 => {
                    booking.entries += 1;
                    &[Kind::MissingEntry]
                }
                2 => {
                    entries[0].amounts.push((Account::Tax, 1));
                    &[Kind::Unbalanced]
                }
                3 => {
                    booking.captured -= 1;
                    &[Kind::WrongSum]
                }
                4 => {
                    booking.taken.service_fee += 1;
                    &[Kind::WrongSum, Kind::WrongAmount]
                }
                _ => {
                    let last = entries.last_mut().unwrap();
                    last.amounts = vec![(Account::Host, -nights - 8_000_000_000), (Account::Bank, nights + 8_000_000_000)];
                    &[Kind::WrongSum, Kind::Overdrawn]
                }
            };
            let found = kinds(&booking, &entries);
            // Money taken twice over is also money to be returned.
            let found: Vec<Kind> = found.into_iter().filter(|kind| *kind != Kind::Overdue).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

//! Bookings: what was sold to whom, and the one table of what may become of it.

pub mod answer;
mod attempt;
pub mod balance;
pub mod code;
pub mod dispute;
mod heard;
pub mod money;
pub mod refund;
mod state;
pub mod trouble;

use serde::{Deserialize, Serialize};

use crate::clock::{Duration, Instant, Zone};
use crate::ids::{BookingId, ListingId, PayoutId, UnitId, UserId};
use crate::listing::CancellationPolicy;
use crate::money::Money;
use crate::night::Claim;
use crate::pricing::StayPrice;
use crate::pricing::parts::Parts;
use crate::secrets::fingerprint;
use crate::stay::Nights;
pub use attempt::{Attempt, Outcome};
use balance::Balance;
use dispute::Dispute;
pub use heard::Heard;
use refund::Settlement;
pub use state::{State, TRANSITIONS, Transition};
use trouble::Trouble;

/// How long a hold keeps its nights, and how long a payment may run before its nights are free.
pub const HOLD: Duration = Duration::from_mins(15);
/// How long a host has to answer a request.
pub const TIME_TO_RESPOND: Duration = Duration::from_hours(24);
/// After how long a payment that has not been recorded is asked about.
pub const PAYMENT_PATIENCE: Duration = Duration::from_mins(2);
/// How often a hold may be tried to be paid.
pub const MOST_ATTEMPTS: usize = 5;

/// A booking, from its first hold or request to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Derived from caller, path and idempotency key: the same put is the idempotency record.
    pub id: BookingId,
    /// Who stays and pays.
    pub guest: UserId,
    /// Whose place it is.
    pub host: UserId,
    /// Where.
    pub listing: ListingId,
    /// Whose nights.
    pub unit: UnitId,
    /// Where it stands.
    pub state: State,
    /// Which nights.
    pub stay: Nights,
    /// How many people.
    pub guests: Party,
    /// What it costs, as it was quoted.
    pub price: StayPrice,
    /// The balance, where it is paid in two: a deposit first.
    pub balance: Option<Balance>,
    /// What a cancellation returns.
    pub policy: CancellationPolicy,
    /// Where its nights are counted.
    pub zone: Zone,
    /// When the guest may come.
    pub check_in_at: Instant,
    /// When the guest has to leave.
    pub check_out_at: Instant,
    /// How it was asked for.
    pub mode: Mode,
    /// When it was made.
    pub created_at: Instant,
    /// When a hold, a running payment or a request lapses.
    pub lapses_at: Instant,
    /// The claim that its nights hold; `None` for a request, which holds none.
    pub claim_until: Option<Instant>,
    /// The call that made it.
    pub made_by: Sent,
    /// The attempts to pay it, oldest first.
    pub attempts: Vec<Attempt>,
    /// The provider's token of the card of the latest attempt, or of the one to come when a request
    /// is accepted.
    pub method: Option<String>,
    /// Why it was declined or cancelled.
    pub reason: Option<String>,
    /// Who cancelled it.
    pub cancelled_by: Option<Side>,
    /// What a cancellation keeps of its price, as it was announced.
    pub settlement: Option<Settlement>,
    /// Whether the host's penalty is in the ledger.
    pub is_fined: bool,
    /// What was taken of the guest's money in all, in minor units.
    pub captured: i64,
    /// What of it has not been returned, by the parts of the price.
    pub taken: Parts,
    /// What is being returned to its guest, and not known to be.
    pub returning: Option<Returning>,
    /// What was paid out to its host, in minor units.
    pub paid_out: i64,
    /// What of its host's share was kept for what he owes, in minor units.
    pub withheld: i64,
    /// What is being sent to its host, in minor units, and not known to have come; nothing otherwise.
    pub sending: i64,
    /// What is being taken back of its host, and not known to be.
    pub reversing: Option<Reversing>,
    /// When to try again to pay its host out, who had no account when it was due.
    pub payout_at: Option<Instant>,
    /// How many entries its ledger has.
    pub entries: u32,
    /// Whether there may be a step of its money to make: see [`Booking::step`].
    pub unsettled: bool,
    /// The latest dispute over its money.
    pub dispute: Option<Dispute>,
    /// What stands in the way of the next step of its money.
    pub trouble: Option<Trouble>,
    /// The provider's events that have changed it, latest last: the newest few of them. See [`Booking::hearing`].
    pub heard: Vec<Heard>,
    /// Whether its details are kept in a second item.
    pub has_details: bool,
    /// Counts its changes: every write is conditional on the version it read.
    pub version: u64,
}

/// A refund that is decided, and asked for until it is made, whatever else becomes of the money meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returning {
    /// Tells it from the booking's other refunds at the provider.
    pub number: u32,
    /// What goes back.
    pub parts: Parts,
    /// By which attempt it was paid, where there is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u8>,
}

/// A reversal of a payout that is decided, and asked for until it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversing {
    /// Tells it from the booking's other reversals at the provider.
    pub number: u32,
    /// How much, in minor units.
    pub amount: i64,
}

/// Which party did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who stays.
    Guest,
    /// Whose place it is.
    Host,
    /// The platform.
    System,
}

/// How a booking was asked for: it decides what the first answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Booked and paid in one call.
    PaidAtOnce,
    /// Held first, paid later.
    Held,
    /// Asked of the host.
    Requested,
}

/// Who stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Party {
    /// Adults, at least one.
    pub adults: u16,
    /// Children: they need a place too.
    #[serde(default)]
    pub children: u16,
    /// Infants: they need none.
    #[serde(default)]
    pub infants: u16,
    /// Pets.
    #[serde(default)]
    pub pets: u16,
}

impl Party {
    /// How many need a place.
    #[must_use]
    pub const fn places(self) -> u16 {
        self.adults.saturating_add(self.children)
    }
}

/// A call with an idempotency key, as far as it has to be recognised and answered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The first 16 bytes of the body's SHA-256.
    pub fingerprint: [u8; 16],
    /// The request's id, which a replay answers with.
    pub request_id: String,
}

impl Booking {
    /// The claim that stands in its nights.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        self.claim_until.map(|until| Claim { booking: self.id, until })
    }

    /// Whether its nights are its own at `now`. Past its time a hold or a running payment has no
    /// right to them, whether or not anybody has written that down yet.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        match self.state {
            State::Assembling | State::Held | State::PaymentStarted => now < self.lapses_at,
            State::Confirmed | State::CheckedIn | State::Completed => true,
            State::Requested
            | State::Expired
            | State::Declined
            | State::PaymentFailed
            | State::Cancelled
            | State::Abandoned => false,
        }
    }

    /// The state as it reads at `now`: what has lapsed reads so at once, swept or not.
    #[must_use]
    pub fn state_at(&self, now: Instant) -> State {
        let lapsed = now >= self.lapses_at;
        match self.state {
            State::Held | State::Requested if lapsed => State::Expired,
            State::PaymentStarted if lapsed => State::PaymentFailed,
            state => state,
        }
    }

    /// Whether its parties know of it. Of a long stay that has not all its nights nobody does, unless it was asked
    /// for before: then its host is accepting it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.state.is_visible() || self.state == State::Assembling && self.mode == Mode::Requested
    }

    /// What becomes of it when its time has passed and nobody did anything; `None` while it has
    /// time, or when time does nothing to it. A payment that lapsed may yet turn out to have held
    /// money, so it stays unsettled until the provider has been asked.
    #[must_use]
    pub fn lapsed(&self, now: Instant) -> Option<Self> {
        if now < self.lapses_at {
            return None;
        }
        let (state, unsettled) = match self.state {
            State::Held | State::Requested => (State::Expired, self.waiting_attempt().is_some()),
            State::PaymentStarted => (State::PaymentFailed, true),
            State::Assembling if self.mode == Mode::Requested => (State::Requested, false),
            State::Assembling => (State::Abandoned, false),
            _ => return None,
        };
        let mut after = Self { state, unsettled, ..self.clone() };
        if state == State::Requested {
            after.lapses_at = self.created_at + TIME_TO_RESPOND;
        }
        Some(after)
    }

    /// The id of its payout.
    #[must_use]
    pub fn payout_id(&self) -> PayoutId {
        PayoutId::from_bits(derived(&[b"payout", &self.id.bits().to_be_bytes()]))
    }

    /// What the guest pays.
    #[must_use]
    pub fn total(&self) -> Money {
        self.price.total_money()
    }
}

/// Bits that follow from these alone. No key is in them: a secret that is rotated would make another
/// payment of the same attempt.
fn derived(parts: &[&[u8]]) -> u128 {
    let digest = fingerprint(&parts.concat());
    let (bits, _) = digest.split_first_chunk::<16>().expect("32 bytes have 16");
    u128::from_be_bytes(*bits)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payment::ProviderName;
    use crate::pricing::TaxLine;
    use crate::stay::date_of_epoch_day;

    /// A booking as large as one may get: eight price runs, long identifiers, a reason of its own.
    pub(crate) fn large() -> Booking {
        let at = |second: i64| Instant::from_second(1_800_000_000 + second).unwrap();
        let first = 20_000;
        let night =
            |n| Nights::between(date_of_epoch_day(first + n), date_of_epoch_day(first + n + 1)).unwrap();
        let listing = ListingId::from_bits(u128::MAX);
        Booking {
            id: BookingId::from_bits(u128::MAX - 1),
            guest: UserId::from_bits(u128::MAX - 2),
            host: UserId::from_bits(u128::MAX - 3),
            listing,
            unit: listing.into(),
            state: State::PaymentStarted,
            stay: Nights::between(date_of_epoch_day(first), date_of_epoch_day(first + 8)).unwrap(),
            guests: Party { adults: 12, children: 3, infants: 1, pets: 1 },
            price: StayPrice {
                currency: Currency::of("EUR").unwrap(),
                nights: (0..8).map(|n| (night(n), 1_000_000 + i64::from(n))).collect(),
                cleaning_fee: 1_000_000,
                service_fee: 2_000_000,
                taxes: vec![TaxLine { label: "City tax".into(), amount: 123_456 }],
            },
            balance: None,
            policy: CancellationPolicy::Moderate,
            zone: Zone::named("America/Argentina/ComodRivadavia")
                .or_else(|| Zone::named("America/New_York"))
                .unwrap(),
            check_in_at: at(1),
            check_out_at: at(2),
            mode: Mode::PaidAtOnce,
            created_at: at(3),
            lapses_at: at(4),
            claim_until: Some(at(5)),
            made_by: Sent { fingerprint: [7; 16], request_id: "0f8fad5b-d9cb-469f-a165-70867728950e".into() },
            attempts: vec![Attempt {
                asked_by: None,
                started_at: at(6),
                provider: ProviderName::Stripe,
                resumes: None,
                captures: true,
                is_balance: false,
                returned: 0,
                outcome: Some(Outcome::Held("pi_3MtwBwLkdIwHu7ix28a3tqPa".into())),
            }],
            method: Some("pm_1MqM05LkdIwHu7ixlDxxO6Mc".into()),
            reason: None,
            cancelled_by: None,
            settlement: None,
            is_fined: false,
            captured: 11_123_484,
            taken: Parts {
                nights: 8_000_028,
                cleaning_fee: 1_000_000,
                service_fee: 2_000_000,
                taxes: vec![123_456],
            },
            returning: None,
            paid_out: 0,
            withheld: 0,
            sending: 0,
            reversing: None,
            payout_at: None,
            entries: 1,
            unsettled: true,
            dispute: None,
            trouble: None,
            heard: Vec::new(),
            has_details: true,
            version: 3,
        }
    }
    #[test]
    fn adults_and_children_need_a_place() {
        assert_eq!(Party { adults: 2, children: 1, infants: 4, pets: 8 }.places(), 3);
        assert_eq!(Party { adults: u16::MAX, children: 1, infants: 0, pets: 0 }.places(), u16::MAX);
    }

    #[test]
    fn time_ends_what_waits_in_its_moment_and_nothing_else() {
        use State::{
            Abandoned, Assembling, Cancelled, CheckedIn, Completed, Confirmed, Declined, Expired, Held,
            PaymentFailed, PaymentStarted, Requested,
        };
        // How it reads, what becomes of it, whether its money is asked about, and whether its nights are its own.
        let cases = [
            (Held, Expired, Some((Expired, false)), true),
            (Requested, Expired, Some((Expired, false)), false),
            (PaymentStarted, PaymentFailed, Some((PaymentFailed, true)), true),
            (Assembling, Assembling, Some((Abandoned, false)), true),
            (Expired, Expired, None, false),
            (Declined, Declined, None, false),
            (PaymentFailed, PaymentFailed, None, false),
            (Cancelled, Cancelled, None, false),
            (Abandoned, Abandoned, None, false),
        ];
        let end = large().lapses_at;
        let just_before = Instant::from_millisecond(end.as_millisecond() - 1).unwrap();
        for (state, reads, becomes, is_live) in cases {
            let booking = Booking { state, unsettled: false, ..large() };
            assert_eq!((booking.state_at(just_before), booking.lapsed(just_before)), (state, None));
            assert_eq!(booking.state_at(end), reads, "{state:?}");
            let after = booking.lapsed(end);
            assert_eq!(after.map(|after| (after.state, after.unsettled)), becomes, "{state:?}");
            assert_eq!((booking.is_live(just_before), booking.is_live(end)), (is_live, false), "{state:?}");
        }
        for state in [Confirmed, CheckedIn, Completed] {
            let booking = Booking { state, ..large() };
            assert_eq!((booking.state_at(end), booking.lapsed(end)), (state, None));
            assert!(booking.is_live(end));
        }
        // An accepted long request that did not get its nights is a request again, with its own time.
        let asked = Booking { state: Assembling, mode: Mode::Requested, unsettled: false, ..large() };
        let again = asked.lapsed(end).unwrap();
        assert_eq!((again.state, again.unsettled), (Requested, false));
        assert_eq!(again.lapses_at, asked.created_at + TIME_TO_RESPOND);
        // A hold whose guest is at his bank may have been paid there.
        let mut waits = Booking { state: Held, unsettled: false, ..large() };
        waits.attempts[0].outcome =
            Some(Outcome::ActionRequired { reference: "pi_1".into(), secret: "s".into(), is_open: true });
        assert!(waits.lapsed(end).unwrap().unsettled);
    }
}

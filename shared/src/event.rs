//! Domain events: what happened, told in ids and versions to whoever wants to know. Nothing of a
//! person is in them: who needs more reads it, and is allowed to or not.

use serde::{Deserialize, Serialize};

use crate::booking::{Attempt, Booking, Mode, Outcome, State};
use crate::ids::{BookingId, EventId, ListingId, UserId};
use crate::listing::{ListingStatus, Terms};
use crate::secrets::fingerprint;

/// Who says so, on the bus.
pub const SOURCE: &str = "roost";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nights are kept for a guest who has not paid yet.
    BookingHeld,
    /// A guest has asked the host.
    BookingRequested,
    /// Paid: a stay.
    BookingConfirmed,
    /// The host said no, or others got the nights.
    BookingDeclined,
    /// Called off by guest, host or platform.
    BookingCancelled,
    /// Not paid, or not answered, in time.
    BookingExpired,
    /// The payment came to nothing.
    BookingPaymentFailed,
    /// The guest has arrived.
    BookingCheckedIn,
    /// The guest has left.
    BookingCompleted,
    /// A hold has only minutes left.
    BookingHoldExpiring,
    /// The guest's bank has taken the money back, or has decided whose it is.
    BookingDisputed,
    /// The balance of a stay is charged in a few days.
    BookingBalanceDue,
    /// The card has not paid the balance of a stay.
    BookingBalanceFailed,
    /// The balance of a stay is paid.
    BookingBalancePaid,
    /// A listing is on sale.
    ListingPublished,
    /// A listing is no longer on sale.
    ListingUnpublished,
    /// A listing is gone.
    ListingDeleted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::BookingHeld,
        Self::BookingRequested,
        Self::BookingConfirmed,
        Self::BookingDeclined,
        Self::BookingCancelled,
        Self::BookingExpired,
        Self::BookingPaymentFailed,
        Self::BookingCheckedIn,
        Self::BookingCompleted,
        Self::BookingHoldExpiring,
        Self::BookingDisputed,
        Self::BookingBalanceDue,
        Self::BookingBalanceFailed,
        Self::BookingBalancePaid,
        Self::ListingPublished,
        Self::ListingUnpublished,
        Self::ListingDeleted,
    ];

    /// Its name on the bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BookingHeld => "booking.held",
            Self::BookingRequested => "booking.requested",
            Self::BookingConfirmed => "booking.confirmed",
            Self::BookingDeclined => "booking.declined",
            Self::BookingCancelled => "booking.cancelled",
            Self::BookingExpired => "booking.expired",
            Self::BookingPaymentFailed => "booking.payment_failed",
            Self::BookingCheckedIn => "booking.checked_in",
            Self::BookingCompleted => "booking.completed",
            Self::BookingHoldExpiring => "booking.hold_expiring",
            Self::BookingDisputed => "booking.disputed",
            Self::BookingBalanceDue => "booking.balance_due",
            Self::BookingBalanceFailed => "booking.balance_failed",
            Self::BookingBalancePaid => "booking.balance_paid",
            Self::ListingPublished => "listing.published",
            Self::ListingUnpublished => "listing.unpublished",
            Self::ListingDeleted => "listing.deleted",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainEvent {
    /// What.
    pub kind: Kind,
    /// To which thing.
    pub detail: Detail,
}

/// Which thing an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// A booking.
    Booking(BookingDetail),
    /// A listing.
    Listing(ListingDetail),
}

/// The booking that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookingDetail {
    /// What happened has one id, however often it is published: who has seen it need not look again.
    pub event_id: EventId,
    /// The booking.
    pub booking_id: BookingId,
    /// Where.
    pub listing_id: ListingId,
    /// Whose place it is.
    pub host_id: UserId,
    /// Who stays.
    pub guest_id: UserId,
    /// The booking's version, which counts its changes.
    pub version: u64,
}

/// The listing that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListingDetail {
    /// As [`BookingDetail::event_id`].
    pub event_id: EventId,
    /// The listing.
    pub listing_id: ListingId,
    /// Whose it is.
    pub host_id: UserId,
}

impl DomainEvent {
    /// What a change of a booking means to others; `None` where it is nobody's business: a payment
    /// that has begun, a long stay that has not all its nights.
    #[must_use]
    pub fn of_booking(before: Option<&Booking>, after: &Booking) -> Option<Self> {
        if let Some(before) = before.filter(|before| before.state == after.state) {
            return Self::of_no_transition(before, after);
        }
        let from = before.map(|before| before.state);
        let kind = match after.state {
            State::Held if matches!(from, None | Some(State::Assembling)) => Kind::BookingHeld,
            // Booked and to be paid at once, and the bank wants the guest to confirm.
            State::Held if after.mode == Mode::PaidAtOnce && after.attempts.len() == 1 => Kind::BookingHeld,
            State::Requested if from.is_none() => Kind::BookingRequested,
            State::Confirmed => Kind::BookingConfirmed,
            State::Declined => Kind::BookingDeclined,
            State::Cancelled => Kind::BookingCancelled,
            State::Expired => Kind::BookingExpired,
            State::PaymentFailed => Kind::BookingPaymentFailed,
            State::CheckedIn => Kind::BookingCheckedIn,
            State::Completed => Kind::BookingCompleted,
            // A card that was refused leaves the hold as it was, and an acceptance that did not get
            // its nights the request.
            State::Held | State::Requested | State::Assembling | State::Abandoned | State::PaymentStarted => {
                return None;
            }
        };
        Some(Self::about(after, kind, &after.version.to_string()))
    }

    /// What a change means that leaves a booking in its state.
    fn of_no_transition(before: &Booking, after: &Booking) -> Option<Self> {
        if let Some(kind) = of_balance(before, after) {
            return Some(Self::about(after, kind, &after.version.to_string()));
        }
        let stood_at = Self::disputed(before).map(|turn| turn.id());
        Self::disputed(after).filter(|turn| stood_at != Some(turn.id()))
    }

    /// The turn that a booking's dispute stands at: once for each turn, whatever else becomes of the booking.
    #[must_use]
    pub fn disputed(booking: &Booking) -> Option<Self> {
        let dispute = booking.dispute.as_ref()?;
        let turn = format!("dispute {} {:?}", dispute.id, dispute.standing);
        Some(Self::about(booking, Kind::BookingDisputed, &turn))
    }

    /// That a hold has only minutes left: once for each hold.
    #[must_use]
    pub fn hold_expiring(hold: &Booking) -> Self {
        Self::about(hold, Kind::BookingHoldExpiring, Kind::BookingHoldExpiring.name())
    }

    fn about(booking: &Booking, kind: Kind, change: &str) -> Self {
        let detail = BookingDetail {
            event_id: id("bookings", &booking.id.to_string(), change),
            booking_id: booking.id,
            listing_id: booking.listing,
            host_id: booking.host,
            guest_id: booking.guest,
            version: booking.version,
        };
        Self { kind, detail: Detail::Booking(detail) }
    }

    /// What a change of a listing's terms means to others; `change` names it apart from every other
    /// of the table.
    #[must_use]
    pub fn of_terms(before: Option<&Terms>, after: Option<&Terms>, change: &str) -> Option<Self> {
        let on_sale =
            |terms: Option<&Terms>| terms.is_some_and(|terms| terms.status == ListingStatus::Active);
        let kind = match (on_sale(before), on_sale(after)) {
            _ if after.is_none() => Kind::ListingDeleted,
            (false, true) => Kind::ListingPublished,
            (true, false) => Kind::ListingUnpublished,
            _ => return None,
        };
        let terms = after.or(before)?;
        let event_id = id("listings", &terms.listing.to_string(), change);
        let detail = ListingDetail { event_id, listing_id: terms.listing, host_id: terms.host };
        Some(Self { kind, detail: Detail::Listing(detail) })
    }

    /// The id of what happened.
    #[must_use]
    pub const fn id(&self) -> EventId {
        match &self.detail {
            Detail::Booking(detail) => detail.event_id,
            Detail::Listing(detail) => detail.event_id,
        }
    }
}

/// What a change that leaves a booking in its state means for its balance.
fn of_balance(before: &Booking, after: &Booking) -> Option<Kind> {
    if after.state != State::Confirmed {
        return None;
    }
    if before.owes_balance() && !after.owes_balance() {
        return Some(Kind::BookingBalancePaid);
    }
    if let Some((latest, attempt)) = after.attempts.iter().enumerate().next_back()
        && is_told_of(after, latest)
        && before.attempts.get(latest).is_none_or(|known| known.outcome != attempt.outcome)
    {
        return Some(Kind::BookingBalanceFailed);
    }
    // What is looked at next when it is due, and was before, has been reminded of; other steps put it off too.
    let (due, balances) = (after.balance_due_at(), before.balance.zip(after.balance));
    let waits = balances.is_some_and(|(before, after)| before.next_at < due && due <= after.next_at);
    let is_reminded = waits && before.attempts == after.attempts && after.owes_balance();
    is_reminded.then_some(Kind::BookingBalanceDue)
}

/// Whether an attempt is the platform's own charge of a balance that the card's holder should know of: it was
/// refused, or came to nothing for the first time. A guest who pays is there, and has the answer.
fn is_told_of(booking: &Booking, index: usize) -> bool {
    let is_first = || !booking.attempts[..index].iter().any(Attempt::is_charge);
    booking.attempts[index].is_charge()
        && match booking.attempts[index].outcome {
            Some(Outcome::Declined | Outcome::AuthenticationRequired) => true,
            Some(Outcome::Failed | Outcome::Lapsed(_)) => is_first(),
            _ => false,
        }
}

/// The id of a change: the same whenever it is told.
fn id(table: &str, key: &str, change: &str) -> EventId {
    let digest = fingerprint(format!("{table} {key} {change}").as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    EventId::from_bits(u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::TRANSITIONS;
    use crate::booking::balance::{Balance, REMINDER};
    use crate::booking::dispute::{Dispute, Standing};
    use crate::booking::tests::large;
    use crate::clock::Duration;

    /// A stay whose balance the platform has tried to charge, and what became of each attempt.
    fn in_two(outcomes: &[Option<Outcome>]) -> Booking {
        let mut booking = Booking { state: State::Confirmed, ..large() };
        let due = booking.balance_due_at();
        booking.balance = Some(Balance { deposit_percent: 30, next_at: due });
        booking.attempts.extend(outcomes.iter().map(|outcome| Attempt {
            is_balance: true,
            outcome: outcome.clone(),
            ..Attempt::new(None, due, true)
        }));
        booking
    }

    /// The same, to be looked at again a day later.
    fn put_off(booking: Booking) -> Booking {
        let later =
            |balance: Balance| Balance { next_at: balance.next_at + Duration::from_hours(24), ..balance };
        Booking { balance: booking.balance.map(later), ..booking }
    }

    fn kind(before: &Booking, after: &Booking) -> Option<Kind> {
        DomainEvent::of_booking(Some(before), after).map(|event| event.kind)
    }

    #[test]
    fn every_transition_that_others_see_is_one_event_under_one_id() {
        for way in TRANSITIONS {
            let before = Booking { state: way.from, ..large() };
            let after = Booking { state: way.to, version: before.version + 1, ..large() };
            let event = DomainEvent::of_booking(Some(&before), &after);
            assert_eq!(event, DomainEvent::of_booking(Some(&before), &after));
            if let Some(event) = &event {
                assert_eq!(event.kind.name(), format!("booking.{}", way.to.word()));
            }
            let seen = way.to.is_final() && way.to.is_visible();
            assert!(!seen || event.is_some(), "{:?} to {:?}", way.from, way.to);
            let same = DomainEvent::of_booking(Some(&after), &Booking { unsettled: false, ..after.clone() });
            assert_eq!(same, None, "a change that is no transition");
        }
        let held = Booking { state: State::Held, ..large() };
        let again = Booking { version: held.version + 5, ..held.clone() };
        assert_eq!(DomainEvent::hold_expiring(&held).id(), DomainEvent::hold_expiring(&again).id());
        let made = DomainEvent::of_booking(None, &held).unwrap();
        assert_ne!(made.id(), DomainEvent::hold_expiring(&held).id());
    }

    #[test]
    fn a_balance_is_told_of_when_it_will_be_charged_when_its_card_is_refused_and_when_it_is_paid() {
        let (owing, begun) = (in_two(&[]), in_two(&[None]));
        let soon = Balance { deposit_percent: 30, next_at: owing.balance_due_at() - REMINDER };
        let soon = Booking { balance: Some(soon), ..owing.clone() };
        assert_eq!(kind(&soon, &soon.reminded()), Some(Kind::BookingBalanceDue));
        assert_eq!(kind(&soon, &put_off(soon.clone())), None, "it has not been reminded of yet");
        assert_eq!(kind(&owing, &put_off(owing.clone())), None, "it was due already");
        assert_eq!(kind(&soon, &begun), None, "who pays needs no reminder");
        assert_eq!(kind(&owing, &begun), None, "a payment that has begun");
        for refusal in [Outcome::Declined, Outcome::AuthenticationRequired] {
            let refused = put_off(in_two(&[Some(refusal.clone())]));
            for before in [&owing, &begun] {
                assert_eq!(kind(before, &refused), Some(Kind::BookingBalanceFailed));
            }
            let looked_at = Booking { unsettled: !refused.unsettled, ..refused.clone() };
            assert_eq!(kind(&refused, &looked_at), None, "it has been told");
            assert_eq!(kind(&refused, &in_two(&[Some(refusal.clone()), None])), None);
            let again = in_two(&[Some(refusal.clone()), Some(refusal)]);
            assert_eq!(kind(&refused, &again), Some(Kind::BookingBalanceFailed), "each time");
            let mut by_guest = refused.clone();
            by_guest.attempts[1].asked_by = Some((7, large().made_by));
            assert_eq!(kind(&begun, &by_guest), None, "who pays has the answer");
            let mut resumed = refused;
            resumed.attempts[1].resumes = Some(0);
            assert_eq!(kind(&begun, &resumed), None);
        }
        let failed = put_off(in_two(&[Some(Outcome::Failed)]));
        assert_eq!(kind(&begun, &failed), Some(Kind::BookingBalanceFailed));
        let again = in_two(&[Some(Outcome::Failed), Some(Outcome::Failed)]);
        assert_eq!(kind(&failed, &again), None, "that it comes to nothing is told once");
        let paid = in_two(&[Some(Outcome::Declined), Some(Outcome::Captured("pi_2".into()))]);
        let refused = in_two(&[Some(Outcome::Declined)]);
        assert_eq!(kind(&refused, &paid), Some(Kind::BookingBalancePaid));
        let paid_soon = Booking { balance: soon.balance, ..paid.clone() };
        assert_eq!(kind(&paid_soon, &paid), None, "it is paid");
    }

    #[test]
    fn a_turn_of_a_dispute_is_one_event_whatever_else_becomes_of_the_booking() {
        let at = |standing| Booking {
            dispute: Some(Dispute::new("dp_1".into(), 100, 15, standing, None)),
            ..large()
        };
        let (open, won) = (at(Standing::Open), at(Standing::Won));
        let opened = DomainEvent::of_booking(Some(&large()), &open).unwrap();
        let decided = DomainEvent::of_booking(Some(&open), &won).unwrap();
        assert_eq!((opened.kind, decided.kind), (Kind::BookingDisputed, Kind::BookingDisputed));
        assert_ne!(opened.id(), decided.id());
        let later = Booking { version: open.version + 5, unsettled: !open.unsettled, ..open.clone() };
        assert_eq!(DomainEvent::disputed(&later).unwrap().id(), opened.id());
        assert_eq!(DomainEvent::of_booking(Some(&open), &later), None);
        assert_eq!(DomainEvent::disputed(&large()), None);
    }

    #[test]
    fn an_event_tells_ids_and_a_version_and_no_more() {
        let event = DomainEvent::hold_expiring(&large());
        let detail = serde_json::to_value(&event.detail).unwrap();
        let members: Vec<&str> = detail.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["bookingId", "eventId", "guestId", "hostId", "listingId", "version"]);
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}

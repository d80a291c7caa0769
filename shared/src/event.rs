//! Domain events: what happened, told in ids and versions to whoever wants to know. Nothing of a
//! person is in them: who needs more reads it, and is allowed to or not.

use serde::{Deserialize, Serialize};

use crate::booking::{Booking, State};
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
    /// A listing is on sale.
    ListingPublished,
    /// A listing is no longer on sale.
    ListingUnpublished,
    /// A listing is gone.
    ListingDeleted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
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
        let from = before.map(|before| before.state);
        if from == Some(after.state) {
            return None;
        }
        let kind = match after.state {
            State::Held if matches!(from, None | Some(State::Assembling)) => Kind::BookingHeld,
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
    use crate::booking::tests::large;

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

//! Mail: which letters an event calls for, and what they say, as plain text and as HTML. What hosts
//! and guests have written is escaped in HTML, and never more than one line elsewhere.

mod letter;

use std::fmt;

use crate::account::{Email, User};
use crate::booking::{Booking, Mode, State};
use crate::clock::Instant;
use crate::error::Result;
use crate::event::{DomainEvent, Kind};
use crate::ids::{EventId, UserId};
use crate::listing::Listing;

/// A mail, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// To whom.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

impl fmt::Debug for Message {
    /// Without what it says: logs are no place for letters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.subject)
    }
}

/// The marketplace as its guests and hosts know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// The address of its pages, without a trailing slash.
    pub url: String,
}

/// A kind of letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// To the guest: it is booked, and paid, or its deposit is.
    Confirmed,
    /// To the host: somebody has booked.
    NewBooking,
    /// To the guest: the host has been asked.
    Requested,
    /// To the host: somebody asks.
    RequestToAnswer,
    /// To the guest: the host said no, or others got the nights.
    Declined,
    /// To the guest: it is called off.
    CancelledForGuest,
    /// To the host: it is called off.
    CancelledForHost,
    /// To the guest: pay now, or the nights are gone.
    HoldExpiring,
    /// To the host: the guest's bank has taken the money back, or has decided whose it is.
    Disputed,
    /// To the guest: the balance is charged in a few days.
    BalanceDue,
    /// To the guest: the card has not paid the balance.
    BalanceFailed,
    /// To the guest: the balance is paid.
    BalancePaid,
}

impl Letter {
    /// The letters that the event of this kind and id calls for, as its booking stands now: an event that
    /// comes late does not say what is no longer so.
    #[must_use]
    pub fn of(kind: Kind, event: EventId, booking: &Booking, now: Instant) -> &'static [Self] {
        match (kind, booking.state_at(now)) {
            (Kind::BookingConfirmed, State::Confirmed | State::CheckedIn | State::Completed) => {
                &[Self::Confirmed, Self::NewBooking]
            }
            (Kind::BookingRequested, State::Requested) => &[Self::Requested, Self::RequestToAnswer],
            (Kind::BookingDeclined, State::Declined) => &[Self::Declined],
            (Kind::BookingCancelled, State::Cancelled) if host_knows(booking) => {
                &[Self::CancelledForGuest, Self::CancelledForHost]
            }
            (Kind::BookingCancelled, State::Cancelled) => &[Self::CancelledForGuest],
            (Kind::BookingHoldExpiring, State::Held) => &[Self::HoldExpiring],
            (Kind::BookingDisputed, _) if is_latest_turn(event, booking) => &[Self::Disputed],
            (Kind::BookingBalanceDue, State::Confirmed)
                if booking.owes_balance() && now < booking.balance_due_at() =>
            {
                &[Self::BalanceDue]
            }
            (Kind::BookingBalanceFailed, State::Confirmed)
                if booking.owes_balance() && now < booking.balance_called_off_at() =>
            {
                &[Self::BalanceFailed]
            }
            (Kind::BookingBalancePaid, State::Confirmed | State::CheckedIn | State::Completed)
                if !booking.owes_balance() =>
            {
                &[Self::BalancePaid]
            }
            _ => &[],
        }
    }

    /// Its name, which tells apart what was sent about one event.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::NewBooking => "new-booking",
            Self::Requested => "requested",
            Self::RequestToAnswer => "request-to-answer",
            Self::Declined => "declined",
            Self::CancelledForGuest => "cancelled-for-guest",
            Self::CancelledForHost => "cancelled-for-host",
            Self::HoldExpiring => "hold-expiring",
            Self::Disputed => "disputed",
            Self::BalanceDue => "balance-due",
            Self::BalanceFailed => "balance-failed",
            Self::BalancePaid => "balance-paid",
        }
    }

    /// Whether the host reads it; the guest reads the others.
    #[must_use]
    pub const fn is_for_host(self) -> bool {
        matches!(self, Self::NewBooking | Self::RequestToAnswer | Self::CancelledForHost | Self::Disputed)
    }

    /// Who reads it.
    #[must_use]
    pub const fn reader(self, booking: &Booking) -> UserId {
        if self.is_for_host() { booking.host } else { booking.guest }
    }
}

/// What a letter is written from.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// The booking that it is about.
    pub booking: &'a Booking,
    /// Where.
    pub listing: &'a Listing,
    /// Who stays.
    pub guest: &'a User,
    /// Whose place it is.
    pub host: &'a User,
    /// Who writes.
    pub site: &'a Site,
}

impl Matter<'_> {
    /// The letter.
    ///
    /// # Errors
    /// Only when a template is broken.
    pub fn write(&self, letter: Letter) -> Result<Message> {
        letter::write(letter, self)
    }
}

/// Whether an event is of the turn that the dispute stands at: a later turn has an event of its own, and
/// the letters of both would say the same.
fn is_latest_turn(event: EventId, booking: &Booking) -> bool {
    DomainEvent::disputed(booking).is_some_and(|turn| turn.id() == event)
}

/// A host hears of requests and of what was paid, but not of holds.
fn host_knows(booking: &Booking) -> bool {
    booking.mode == Mode::Requested || (0..booking.attempts.len()).any(|index| booking.was_paid_by(index))
}

/// `text` as one line: line breaks and control characters are spaces, so that nothing in a subject or
/// a name can begin a header or a paragraph of its own.
#[must_use]
pub fn one_line(text: &str) -> String {
    let visible = |character: char| {
        // Marks that turn the direction of writing round would let a title rewrite its sentence.
        let turns =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = matches!(character, '\u{2028}' | '\u{2029}');
        if character.is_control() || turns || breaks { ' ' } else { character }
    };
    let text: String = text.chars().map(visible).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;

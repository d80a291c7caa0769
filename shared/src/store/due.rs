//! What is due for a booking, and when: the lists in which the schedules find it.

use crate::booking::trouble::Trouble;
use crate::booking::{Booking, State};
use crate::clock::Instant;

/// The waiting lists of the index `by_due`, a partition each. A partition takes 1,000 writes a second, and a
/// booking moves some five times in its life: room for 200 bookings a second, 17 million a day. What most runs
/// of a schedule find is nothing, and that costs a read for each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Holds, running payments and what has still to be settled, by the end of the first hold. It
    /// does not move while a hold is paid, which saves two index writes a booking.
    Open,
    /// Requests, by the end of the host's time.
    Asked,
    /// Stays, by their next check-in, check-out or payout, or by the check-in that is to be charged yet.
    Stay,
}

impl Due {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Asked => "asked",
            Self::Stay => "stay",
        }
    }
}

/// What is due for a booking, and when.
pub(super) fn due(booking: &Booking) -> Option<(Due, Instant)> {
    let (list, at) = due_untroubled(booking)?;
    match booking.trouble {
        None => Some((list, at)),
        // What no try mends waits for an operator; a stay still begins and ends.
        Some(Trouble { again_at: None, .. }) => match booking.state {
            State::Confirmed => Some((Due::Stay, booking.check_in_at)),
            State::CheckedIn => Some((list, booking.check_out_at)),
            _ => None,
        },
        Some(Trouble { again_at: Some(again), .. }) => match booking.state {
            // A guest who came before the time of check-in is not asked for his money by it.
            State::CheckedIn if booking.unsettled => Some((list, again.min(booking.check_out_at))),
            State::CheckedIn => Some((list, at.max(again).min(booking.check_out_at))),
            State::Confirmed if booking.unsettled && again < booking.check_in_at => {
                Some((list, at.max(again)))
            }
            State::Confirmed => Some((Due::Stay, again.min(booking.check_in_at))),
            _ => Some((list, at.max(again))),
        },
    }
}

/// The same where nothing stands in the way.
fn due_untroubled(booking: &Booking) -> Option<(Due, Instant)> {
    let open = booking.claim_until.unwrap_or(booking.created_at);
    match booking.state {
        State::Assembling | State::Abandoned | State::Held | State::PaymentStarted => Some((Due::Open, open)),
        State::Requested => Some((Due::Asked, booking.lapses_at)),
        // A guest who is there and has not been charged stays where he stood in the list: no index moves.
        State::Confirmed if booking.unsettled => Some((Due::Open, open)),
        State::Confirmed => Some((Due::Stay, next_of_stay(booking))),
        State::CheckedIn | State::Completed if booking.unsettled => Some((Due::Stay, booking.check_in_at)),
        State::CheckedIn => {
            let payout = booking.payout().map_or(booking.check_out_at, |(_, at)| at);
            Some((Due::Stay, payout.min(booking.check_out_at)))
        }
        State::Completed => booking.payout().map(|(_, at)| (Due::Stay, at)),
        State::Expired | State::Declined | State::PaymentFailed | State::Cancelled if booking.unsettled => {
            Some((Due::Open, open))
        }
        State::Cancelled => booking.payout().map(|(_, at)| (Due::Stay, at)),
        State::Expired | State::Declined | State::PaymentFailed => None,
    }
}

/// When something is to be done about a stay that has not begun.
fn next_of_stay(booking: &Booking) -> Instant {
    let balance = booking.balance.filter(|_| booking.owes_balance());
    balance.map_or(booking.check_in_at, |balance| balance.next_at.min(booking.check_in_at))
}

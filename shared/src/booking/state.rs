//! The states of a booking, and the one table of its transitions.

use serde::{Deserialize, Serialize};

/// Where a booking stands, as the store keeps it. What has lapsed is told apart by its time: see
/// [`super::Booking::state_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A long stay takes its nights in chunks; invisible until it has them all.
    Assembling,
    /// A long stay that did not get all its nights gives back those it has; then it is forgotten.
    Abandoned,
    /// The nights are kept, nothing is paid.
    Held,
    /// The host has been asked; no night is taken.
    Requested,
    /// The provider has been or is being called.
    PaymentStarted,
    /// Paid: a stay.
    Confirmed,
    /// The guest is there.
    CheckedIn,
    /// The guest has left.
    Completed,
    /// Not paid, or not answered, in time.
    Expired,
    /// The host said no, or others got the nights.
    Declined,
    /// The payment came to nothing.
    PaymentFailed,
    /// Called off by guest, host or platform.
    Cancelled,
}

/// One way that a booking may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state it leaves: every write of a transition is conditional on it.
    pub from: State,
    /// The state it reaches.
    pub to: State,
    /// What happened.
    pub when: &'static str,
}

const fn way(from: State, to: State, when: &'static str) -> Transition {
    Transition { from, to, when }
}

/// Every transition there is.
pub const TRANSITIONS: &[Transition] = &[
    way(State::Assembling, State::Held, "a long hold has all its nights"),
    way(State::Assembling, State::PaymentStarted, "a long stay has all its nights and is being paid"),
    way(State::Assembling, State::Abandoned, "a long stay did not get its nights, or lapsed"),
    way(State::Assembling, State::Requested, "an accepted long request did not get its nights"),
    way(State::Requested, State::Assembling, "the host accepts a long request"),
    way(State::Requested, State::PaymentStarted, "the host accepts"),
    way(State::Requested, State::Declined, "the host declines, or others got the nights"),
    way(State::Requested, State::Expired, "the host did not answer in time"),
    way(State::Requested, State::Cancelled, "the guest withdraws"),
    way(State::Held, State::PaymentStarted, "the guest pays"),
    way(State::Held, State::Expired, "nobody paid in time"),
    way(State::Held, State::Cancelled, "guest or host gives the hold up"),
    way(State::PaymentStarted, State::Confirmed, "the money is held"),
    way(
        State::PaymentStarted,
        State::Held,
        "the card of a hold was refused; the hold stays until it expires",
    ),
    way(State::PaymentStarted, State::Expired, "the card was refused after the hold's time"),
    way(
        State::PaymentStarted,
        State::PaymentFailed,
        "the payment came to nothing, or did not settle in time",
    ),
    way(State::Confirmed, State::CheckedIn, "the guest arrives"),
    way(State::Confirmed, State::Cancelled, "guest, host or platform calls it off"),
    way(State::CheckedIn, State::Completed, "the guest leaves"),
];

impl State {
    /// Whether the table has a way from here to there.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        TRANSITIONS.iter().any(|transition| transition.from == self && transition.to == to)
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::Expired
                | Self::Declined
                | Self::PaymentFailed
                | Self::Cancelled
                | Self::Abandoned
        )
    }

    /// Whether its claims on nights are dead. A completed stay's are not: its nights were slept.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        self.is_final() && !matches!(self, Self::Completed)
    }

    /// Whether somebody stays, or stayed: it is paid, and its nights are its own for good.
    #[must_use]
    pub const fn is_stay(self) -> bool {
        matches!(self, Self::Confirmed | Self::CheckedIn | Self::Completed)
    }

    /// Whether the contract knows it: a long stay that has not all its nights is nobody's business.
    #[must_use]
    pub const fn is_visible(self) -> bool {
        !matches!(self, Self::Assembling | Self::Abandoned)
    }

    /// The contract's word. A booking whose payment runs reads as `held`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held | Self::PaymentStarted | Self::Assembling => "held",
            Self::Requested => "requested",
            Self::Confirmed => "confirmed",
            Self::CheckedIn => "checked_in",
            Self::Completed => "completed",
            Self::Expired | Self::Abandoned => "expired",
            Self::Declined => "declined",
            Self::PaymentFailed => "payment_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The words that the contract's filter takes.
    pub const WORDS: [&'static str; 9] = [
        "held",
        "requested",
        "confirmed",
        "checked_in",
        "completed",
        "expired",
        "declined",
        "payment_failed",
        "cancelled",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_have_no_way_out_and_every_other_has_one() {
        for state in TRANSITIONS.iter().flat_map(|transition| [transition.from, transition.to]) {
            let ways = TRANSITIONS.iter().filter(|transition| transition.from == state).count();
            assert_eq!(ways == 0, state.is_final(), "{state:?}");
        }
    }

    #[test]
    fn a_state_becomes_what_the_table_says_and_only_the_parts_of_a_long_stay_are_not_seen() {
        assert!(State::Held.may_become(State::PaymentStarted));
        assert!(!State::PaymentStarted.may_become(State::PaymentStarted));
        assert!(!State::Held.may_become(State::Confirmed) && !State::Confirmed.may_become(State::Held));
        for state in TRANSITIONS.iter().flat_map(|transition| [transition.from, transition.to]) {
            let is_part = matches!(state, State::Assembling | State::Abandoned);
            assert_eq!(state.is_visible(), !is_part, "{state:?}");
        }
    }
}

//! What stands in the way of a booking's money: how often its next step came to nothing, when it is tried
//! again, and from when on an operator is told. What is told, with its history, is a [`PaymentIssue`].

use serde::{Deserialize, Serialize};

use super::{Booking, State};
use crate::clock::{Duration, Instant};
use crate::ids::BookingId;

/// After how many tries in vain an operator is told: some minutes after the first.
pub const STUCK_AFTER: u16 = 5;
/// The step of an issue that is an open dispute: it ends with the dispute.
pub const DISPUTE: &str = "dispute";
/// The step of an issue that the provider has told of: it ends when an operator says so.
pub const PROVIDER: &str = "provider";
/// How many tries are followed by the next run's, without a pause.
const WITHOUT_PAUSE: u16 = 3;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);
/// The longest where money is held or taken for no stay. Guarantee G4: none is a quarter of an hour after the
/// last fault.
const LONGEST_PAUSE_FOR_NOTHING: Duration = Duration::from_mins(8);
/// How many tries of an issue are remembered: the first of them and the latest.
const REMEMBERED: usize = 20;

/// How the next step of a booking's money fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How often it came to nothing.
    pub tries: u16,
    /// When it is tried again; `None` when not by itself, since no try would mend it.
    pub again_at: Option<Instant>,
}

/// Something about a booking's money that an operator has to know, or will have to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentIssue {
    /// Whose money.
    pub booking: BookingId,
    /// What cannot be done: `refund`, `capture`, `void`, `payout` and the like.
    pub step: String,
    /// When it came to nothing first.
    pub since: Instant,
    /// How often it did, in all.
    pub tries: u32,
    /// Whether an operator is asked to look.
    pub is_open: bool,
    /// What happened, oldest first: the first and the latest tries, and what operators noted.
    pub history: Vec<Event>,
    /// Counts its changes.
    pub version: u64,
}

/// Something that happened to an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub detail: String,
}

impl Booking {
    /// The trouble after another try in vain at `now`: the first few are tried again by the next run, the
    /// others after pauses that double from a minute on. Not by itself where `is_refused`.
    #[must_use]
    pub fn in_trouble(&self, now: Instant, is_refused: bool) -> Trouble {
        let tries = self.trouble.map_or(0, |trouble| trouble.tries).saturating_add(1);
        let doublings = u32::from(tries.saturating_sub(WITHOUT_PAUSE + 1)).min(20);
        // Money that is held or taken for no stay at all goes back within a quarter of an hour.
        let is_for_nothing =
            self.state.is_dead() && (self.state != State::Cancelled || self.taken.total() == 0);
        let longest = if is_for_nothing { LONGEST_PAUSE_FOR_NOTHING } else { LONGEST_PAUSE };
        let doubled = Duration::from_mins(1 << doublings).min(longest);
        let pause = if tries <= WITHOUT_PAUSE { Duration::ZERO } else { doubled };
        Trouble { tries, again_at: (!is_refused).then(|| now + pause) }
    }

    /// Whether a schedule leaves the next step of its money alone at `now`.
    #[must_use]
    pub fn rests_at(&self, now: Instant) -> bool {
        self.trouble.is_some_and(|trouble| trouble.again_at.is_none_or(|again| now < again))
    }
}

impl Trouble {
    /// Whether an operator has to look.
    #[must_use]
    pub const fn is_stuck(self) -> bool {
        self.again_at.is_none() || self.tries >= STUCK_AFTER
    }
}

impl PaymentIssue {
    /// An issue that nothing is known of yet.
    #[must_use]
    pub const fn new(booking: BookingId, since: Instant) -> Self {
        Self {
            booking,
            step: String::new(),
            since,
            tries: 0,
            is_open: false,
            history: Vec::new(),
            version: 0,
        }
    }

    /// With another try in vain of `step`.
    #[must_use]
    pub fn tried(mut self, step: &str, at: Instant, detail: &str) -> Self {
        if !self.is_for_people() {
            step.clone_into(&mut self.step);
        }
        self.tries = self.tries.saturating_add(1);
        self.noted(at, format!("{step}: {detail}"))
    }

    /// Whether it tells already of this try of `step`.
    #[must_use]
    pub fn has_tried(&self, step: &str, detail: &str) -> bool {
        let said = format!("{step}: {detail}");
        self.history.iter().any(|event| event.detail == said)
    }

    /// Whether it stays open whatever is tried and done meanwhile.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        self.is_open && [DISPUTE, PROVIDER].contains(&self.step.as_str())
    }

    /// As one that begins anew at `at`, if the last one is over.
    #[must_use]
    pub fn anew(mut self, at: Instant) -> Self {
        if !self.is_open {
            (self.since, self.tries) = (at, 0);
        }
        self
    }

    /// As one that an operator has to look at.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// As one that nobody has to look at any more, and why.
    #[must_use]
    pub fn closed(mut self, at: Instant, why: String) -> Self {
        self.is_open = false;
        self.noted(at, why)
    }

    /// With a line more of its history.
    #[must_use]
    pub fn noted(mut self, at: Instant, detail: String) -> Self {
        if self.history.len() >= REMEMBERED {
            self.history.remove(REMEMBERED / 2);
        }
        self.history.push(Event { at, detail: detail.chars().take(500).collect() });
        self.version += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::tests::large;

    #[test]
    fn pauses_double_up_to_six_hours_and_an_operator_is_told_at_the_fifth_try() {
        let (mut booking, mut now) = (large(), Instant::from_second(1_800_000_000).unwrap());
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let trouble = booking.in_trouble(now, false);
            booking.trouble = Some(trouble);
            let again = trouble.again_at.unwrap();
            assert_eq!(trouble.is_stuck(), pauses.len() >= 4, "{trouble:?}");
            assert!(!booking.rests_at(again) && (again == now || booking.rests_at(now)));
            pauses.push(again.duration_since(now).as_mins());
            now = again;
        }
        assert_eq!(pauses[..13], [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
        assert_eq!(pauses[19], 360);
        let refused = large().in_trouble(now, true);
        assert!(refused.is_stuck());
        booking.trouble = Some(refused);
        assert!(booking.rests_at(now + Duration::from_hours(10_000)));
    }

    #[test]
    fn an_issue_remembers_how_it_began_and_what_came_last() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let tried = |issue: PaymentIssue, number: u32| issue.tried("refund", now, &number.to_string());
        let issue = (0..1_000).fold(PaymentIssue::new(BookingId::from_bits(1), now), tried);
        assert_eq!((issue.tries, issue.history.len()), (1_000, REMEMBERED));
        assert_eq!(issue.history[0].detail, "refund: 0");
        assert_eq!(issue.history[REMEMBERED - 1].detail, "refund: 999");
    }

    #[test]
    fn money_for_no_stay_is_tried_within_minutes_and_what_is_kept_of_one_is_not() {
        let longest = |state, kept| {
            let mut booking = Booking { state, ..large() };
            booking.taken = booking.taken.up_to(kept);
            booking.trouble = Some(Trouble { tries: 30, again_at: None });
            let now = booking.created_at;
            booking.in_trouble(now, false).again_at.unwrap().duration_since(now)
        };
        assert_eq!(longest(State::PaymentFailed, 100), LONGEST_PAUSE_FOR_NOTHING);
        assert_eq!(longest(State::Cancelled, 0), LONGEST_PAUSE_FOR_NOTHING);
        assert_eq!(longest(State::Cancelled, 100), LONGEST_PAUSE);
        assert_eq!(longest(State::Confirmed, 0), LONGEST_PAUSE);
    }

    #[test]
    fn only_an_open_issue_of_a_dispute_or_a_provider_stays_whatever_is_tried() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        for (step, is_open, stays) in
            [(DISPUTE, true, true), (PROVIDER, true, true), ("refund", true, false), (DISPUTE, false, false)]
        {
            let new = PaymentIssue::new(BookingId::from_bits(1), now);
            let issue = PaymentIssue { step: step.to_owned(), is_open, ..new };
            assert_eq!(issue.is_for_people(), stays, "{step}");
            let tried = issue.tried("capture", now, "no");
            assert_eq!(tried.step, if stays { step } else { "capture" });
        }
    }
}

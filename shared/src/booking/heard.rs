//! What a booking has heard of its provider: the events that have changed it, so that each does so once.

use super::Booking;

impl Booking {
    /// The booking as an event of the provider's changes it. The event stands in the booking itself, so it is
    /// written in the transaction that acts on it, or not at all, and costs no write of its own.
    #[must_use]
    pub fn hearing(mut self, event: Heard) -> Self {
        let forgotten = (self.heard.len() + 1).saturating_sub(MOST_HEARD);
        self.heard.drain(..forgotten);
        self.heard.push(event);
        self
    }
}

/// An event of a provider's, by a hash of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard(pub u64);

/// How many of the provider's events a booking remembers: a stay that is paid in two and disputed is told of
/// by half as many that change it.
const MOST_HEARD: usize = 8;

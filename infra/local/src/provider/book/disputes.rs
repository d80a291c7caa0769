//! The disputes in the book: captured money that a card's holder wants back by his bank.

use roost::clock::Instant;
use serde::{Deserialize, Serialize};

use super::{Book, Line};

/// A dispute of Stripe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::provider) struct Dispute {
    pub(in crate::provider) id: String,
    /// The intent's id.
    pub(in crate::provider) intent: String,
    /// The charge's id.
    pub(in crate::provider) charge: Option<String>,
    /// In Stripe's unit.
    pub(in crate::provider) amount: i64,
    /// The code in lower case.
    pub(in crate::provider) currency: String,
    pub(in crate::provider) standing: Standing,
    pub(in crate::provider) created: Instant,
    pub(in crate::provider) closed: Option<Instant>,
}

/// Where a dispute stands, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::provider) enum Standing {
    NeedsResponse,
    Won,
    Lost,
}

impl Book {
    /// The disputes, oldest first.
    pub(in crate::provider) fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }

    /// Whether an intent's money is under dispute, or lost to one.
    pub(in crate::provider) fn is_disputed(&self, intent: &str) -> bool {
        self.disputes.iter().any(|dispute| dispute.intent == intent && dispute.standing != Standing::Won)
    }

    /// Keeps a dispute as it is now.
    pub(in crate::provider) fn put_dispute(&mut self, dispute: Dispute) {
        self.write(Line::Dispute(dispute));
    }

    pub(super) fn apply_dispute(&mut self, dispute: Dispute) {
        match self.disputes.iter_mut().find(|known| known.id == dispute.id) {
            Some(known) => *known = dispute,
            None => self.disputes.push(dispute),
        }
    }
}

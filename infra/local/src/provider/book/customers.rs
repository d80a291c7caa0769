//! The customers in the book, and the cards that are kept for them.

use std::collections::BTreeMap;

use roost::clock::Instant;
use serde::{Deserialize, Serialize};

use super::{Book, Line};

/// A customer of Stripe's: whom cards are kept for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::provider) struct Customer {
    pub(in crate::provider) id: String,
    pub(in crate::provider) metadata: BTreeMap<String, String>,
    pub(in crate::provider) created: Instant,
}

/// A card that is kept for a customer, to be charged without its holder: a payment method of Stripe's. It has
/// held money once, so whatever its holder had to confirm, he has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::provider) struct KeptCard {
    pub(in crate::provider) id: String,
    /// The test token that it was first named by, whose card it is.
    pub(in crate::provider) token: String,
    /// The customer's id.
    pub(in crate::provider) customer: String,
}

impl Book {
    pub(in crate::provider) fn customer(&self, id: &str) -> Option<&Customer> {
        self.customers.get(id)
    }

    /// The kept card of this id. A test token is none.
    pub(in crate::provider) fn card(&self, id: &str) -> Option<&KeptCard> {
        self.cards.get(id)
    }

    /// Keeps a customer.
    pub(in crate::provider) fn put_customer(&mut self, customer: Customer) {
        self.write(Line::Customer(customer));
    }

    /// Keeps a card.
    pub(in crate::provider) fn put_card(&mut self, card: KeptCard) {
        self.write(Line::Card(card));
    }
}

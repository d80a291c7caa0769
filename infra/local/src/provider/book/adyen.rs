//! Adyen's payments in the book.

use std::collections::BTreeMap;

use roost::psp::adyen::from_adyen;
use serde::{Deserialize, Serialize};

use super::{About, Book, Line};
use crate::provider::webhooks::Told;

/// A payment of Adyen's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::provider) struct AdyenPayment {
    /// Adyen's own name of it: its `pspReference`.
    pub(in crate::provider) reference: String,
    /// The product's name of it.
    pub(in crate::provider) merchant_reference: String,
    pub(in crate::provider) merchant_account: String,
    /// In Adyen's minor unit.
    pub(in crate::provider) amount: i64,
    /// The code in capitals.
    pub(in crate::provider) currency: String,
    pub(in crate::provider) metadata: BTreeMap<String, String>,
    /// How much is held: nothing any more once it was taken or given up.
    pub(in crate::provider) held: i64,
    /// How much was taken.
    pub(in crate::provider) captured: i64,
    /// How much of what was taken went back.
    pub(in crate::provider) refunded: i64,
}

impl AdyenPayment {
    /// What could be refunded.
    pub(in crate::provider) fn refundable(&self) -> i64 {
        self.captured - self.refunded
    }
}

impl<'a> From<&'a AdyenPayment> for About<'a> {
    fn from(payment: &'a AdyenPayment) -> Self {
        let id = payment.metadata.get("payment").unwrap_or(&payment.merchant_reference);
        let (currency, metadata) = (&payment.currency, &payment.metadata);
        Self { provider: "adyen", counted: from_adyen, currency, metadata, id }
    }
}

impl Book {
    /// The payment that Adyen names so.
    pub(in crate::provider) fn adyen_payment(&self, reference: &str) -> Option<&AdyenPayment> {
        self.adyen.get(reference)
    }

    /// The payments that the product names so.
    pub(in crate::provider) fn adyen_payments_of(&self, merchant_reference: &str) -> Vec<AdyenPayment> {
        let named = |payment: &&AdyenPayment| payment.merchant_reference == merchant_reference;
        self.adyen.values().filter(named).cloned().collect()
    }

    /// Keeps a payment as it is now.
    pub(in crate::provider) fn put_adyen(&mut self, payment: AdyenPayment) {
        self.write(Line::Adyen(payment));
    }

    /// Has it told what Adyen's notification says.
    pub(in crate::provider) fn notify(&mut self, item: serde_json::Value) {
        self.told.push(Told::Item(item));
    }
}

//! Adyen's notifications: one for the end of each call that moves money, signed.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roost::clock::Instant;
use serde_json::{Value, json};

use super::Answer;
use crate::provider::ADYEN_WEBHOOK_KEY;
use crate::provider::book::AdyenPayment;

/// A notification that is being written.
pub(super) struct Notification {
    item: Value,
}

impl Notification {
    /// That `event` has happened to so much of a payment's money, in Adyen's minor unit.
    pub(super) fn of(payment: &AdyenPayment, event: &str, value: i64) -> Self {
        let metadata = payment.metadata.iter();
        let additional: serde_json::Map<String, Value> =
            metadata.map(|(name, value)| (format!("metadata.{name}"), Value::from(value.as_str()))).collect();
        let item = json!({
            "additionalData": additional,
            "amount": { "currency": payment.currency, "value": value },
            "eventCode": event,
            "merchantAccountCode": payment.merchant_account,
            "merchantReference": payment.merchant_reference,
            "paymentMethod": "visa",
            "pspReference": payment.reference,
            "reason": "",
            "success": "true",
        });
        Self { item }
    }

    /// It was the modification that was answered so: it has a name of its own, and the payment's is that of
    /// the original.
    pub(super) fn by(mut self, answer: &Answer) -> Self {
        self.item["originalReference"] = self.item["pspReference"].take();
        self.item["pspReference"] = answer.body["pspReference"].clone();
        self
    }

    /// It has not succeeded.
    pub(super) fn refused(mut self, reason: &str) -> Self {
        self.item["success"] = "false".into();
        self.item["reason"] = reason.into();
        self
    }

    /// What a reversal has turned out to be.
    pub(super) fn for_action(mut self, action: &str) -> Self {
        self.item["additionalData"]["modification.action"] = action.into();
        self
    }

    /// As it is sent, signed.
    pub(super) fn item(self, now: Instant) -> Value {
        let mut item = self.item;
        item["eventDate"] = now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into();
        item["additionalData"]["hmacSignature"] = sign_item(&item).into();
        item
    }
}

/// The value of `hmacSignature` for an item of a notification (`NotificationRequestItem`): the HMAC-SHA256 of
/// eight of its fields in this order, a colon between each, in Base64
/// (docs.adyen.com/development-resources/webhooks/verify-hmac-signatures).
#[must_use]
pub fn sign_item(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let value = item["amount"]["value"].to_string();
    let signed = [
        text("pspReference"),
        text("originalReference"),
        text("merchantAccountCode"),
        text("merchantReference"),
        value.as_str(),
        item["amount"]["currency"].as_str().unwrap_or_default(),
        text("eventCode"),
        text("success"),
    ];
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key());
    STANDARD.encode(hmac::sign(&key, signed.join(":").as_bytes()))
}

/// The key's bytes.
fn key() -> Vec<u8> {
    let digits = ADYEN_WEBHOOK_KEY.as_bytes().chunks(2).filter_map(|pair| str::from_utf8(pair).ok());
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

//! Adyen's standard notifications: hints that something has happened to payments. What they say is never
//! believed: the payment is asked for, and what it says is applied as any answer of Adyen's.
//!
//! Adyen signs no time, so who has once seen a notification can send it again whenever he likes. That does
//! no harm: a hint only makes us ask.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::ids::{BookingId, PaymentId};
use crate::payment::Hint;
use crate::psp::bytes_of;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    notification_items: Vec<Wrapped>,
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(rename = "NotificationRequestItem")]
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    additional_data: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    psp_reference: Option<String>,
    #[serde(default)]
    original_reference: Option<String>,
    #[serde(default)]
    merchant_account_code: Option<String>,
    #[serde(default)]
    merchant_reference: Option<String>,
    event_code: String,
    /// `true` or `false`, as a text.
    success: String,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    value: i64,
    currency: String,
}

/// Reads notifications that one of `keys` has signed, each for itself: the current key, or the one before
/// it while it is rotated, in hexadecimal digits as Adyen shows it.
///
/// # Errors
/// `Malformed` when the body is no notification; `Malformed` with `invalid_signature` when any item in it
/// is signed by nobody we know.
pub fn read(keys: &[String], body: &[u8]) -> Result<Vec<Hint>> {
    let notification: Notification = serde_json::from_slice(body).map_err(|why| Error::Malformed {
        code: "malformed_json",
        detail: format!("The body is no notification: {why}"),
    })?;
    let keys: Vec<_> = keys
        .iter()
        .filter_map(|key| bytes_of(key).filter(|key| !key.is_empty()))
        .map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key))
        .collect();
    let hint = |Wrapped { item }: Wrapped| {
        if item.is_signed(&keys) {
            return Ok(item.hint());
        }
        Err(Error::Malformed {
            code: "invalid_signature",
            detail: "The notification is not signed by the payment provider.".into(),
        })
    };
    notification.notification_items.into_iter().map(hint).collect()
}

impl Item {
    /// What Adyen signs of it, says
    /// <https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures>.
    fn signed(&self) -> String {
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        let value = self.amount.as_ref().map(|amount| amount.value.to_string());
        let currency = self.amount.as_ref().map(|amount| amount.currency.clone());
        [
            text(self.psp_reference.as_deref()),
            text(self.original_reference.as_deref()),
            text(self.merchant_account_code.as_deref()),
            text(self.merchant_reference.as_deref()),
            text(value.as_deref()),
            text(currency.as_deref()),
            self.event_code.clone(),
            self.success.clone(),
        ]
        .join(":")
    }

    fn is_signed(&self, keys: &[hmac::Key]) -> bool {
        let Some(signature) = self.additional("hmacSignature") else { return false };
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let signed = self.signed();
        // Compared in constant time.
        keys.iter().any(|key| hmac::verify(key, signed.as_bytes(), &signature).is_ok())
    }

    fn additional(&self, name: &str) -> Option<&str> {
        self.additional_data.as_ref()?.get(name)?.as_str()
    }

    fn hint(&self) -> Hint {
        let reference = self.merchant_reference.as_deref().unwrap_or_default();
        // A change's reference names the payment first and the booking last: metadata may come with the
        // payment's own notification alone.
        let booking = self.additional("metadata.booking").and_then(|id| id.parse::<BookingId>().ok());
        let named = || reference.rsplit(':').find_map(|part| part.parse::<BookingId>().ok());
        let payment = reference.split(':').next().and_then(|id| id.parse::<PaymentId>().ok());
        let psp = self.psp_reference.as_deref().unwrap_or_default();
        Hint {
            event: format!("{psp}:{}:{}", self.event_code, self.success),
            booking: booking.or_else(named),
            payment,
            may_end_payment: self.event_code == "AUTHORISATION",
            // Adyen tells of one by notifications alone: an operator follows it there.
            dispute: None,
            failed: self.failure(),
        }
    }

    /// What an operator has to know of it: something was taken on, and has failed days later.
    fn failure(&self) -> Option<String> {
        let has_failed = match self.event_code.as_str() {
            "CAPTURE" | "REFUND" | "CANCEL_OR_REFUND" | "TECHNICAL_CANCEL" => self.success != "true",
            // What was done is undone; or a guest's bank takes money back, or asks about it, which nothing
            // else here follows.
            "CAPTURE_FAILED"
            | "REFUND_FAILED"
            | "REFUNDED_REVERSED"
            | "NOTIFICATION_OF_CHARGEBACK"
            | "REQUEST_FOR_INFORMATION"
            | "CHARGEBACK"
            | "SECOND_CHARGEBACK"
            | "PREARBITRATION_LOST" => true,
            _ => false,
        };
        let reason = self.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("no reason given");
        let psp = self.psp_reference.as_deref().unwrap_or_default();
        has_failed.then(|| format!("{} {psp}: {reason}", self.event_code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    const OTHER: &str = "00782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    const PAYMENT: &str = "pyt_0000000000000000000001";
    const BOOKING: &str = "bkg_0000000000000000000002";

    fn item(event: &str, success: &str, reference: &str, signature: &str) -> String {
        format!(
            r#"{{"NotificationRequestItem":{{"additionalData":{{"hmacSignature":"{signature}"}},
            "amount":{{"value":94500,"currency":"USD"}},"pspReference":"7914073381342284",
            "eventDate":"2027-01-15T08:00:00+01:00","merchantAccountCode":"Roost",
            "merchantReference":"{reference}","eventCode":"{event}","success":"{success}"}}}}"#
        )
    }

    fn signature(key: &str, event: &str, success: &str, reference: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes_of(key).unwrap());
        let signed = format!("7914073381342284::Roost:{reference}:94500:USD:{event}:{success}");
        STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
    }

    fn body(items: &[String]) -> Vec<u8> {
        format!(r#"{{"live":"false","notificationItems":[{}]}}"#, items.join(",")).into_bytes()
    }

    #[test]
    fn adyens_own_example_is_signed() {
        // Of the tests of Adyen's libraries.
        let example = br#"{"live":"false","notificationItems":[{"NotificationRequestItem":{
            "additionalData":{"hmacSignature":"coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
            "amount":{"value":1130,"currency":"EUR"},"pspReference":"7914073381342284",
            "eventCode":"AUTHORISATION","merchantAccountCode":"TestMerchant",
            "merchantReference":"TestPayment-1407325143704","success":"true"}}]}"#;
        let hints = read(&[KEY.to_owned()], example).unwrap();
        assert_eq!(hints[0].event, "7914073381342284:AUTHORISATION:true");
        assert!(hints[0].may_end_payment && hints[0].booking.is_none() && hints[0].payment.is_none());
    }

    #[test]
    fn notifications_count_only_if_each_is_signed_by_one_we_know() {
        let reference = format!("{PAYMENT}:refund:1:{BOOKING}");
        let signed =
            |key: &str| item("REFUND", "false", &reference, &signature(key, "REFUND", "false", &reference));
        let keys = [KEY.to_owned(), OTHER.to_owned()];
        let hints = read(&keys, &body(&[signed(KEY), signed(OTHER)])).unwrap();
        assert_eq!(hints.len(), 2);
        assert_eq!(hints[0].booking, BOOKING.parse().ok());
        assert_eq!(hints[0].payment, PAYMENT.parse().ok());
        assert!(hints[0].failed.is_some() && !hints[0].may_end_payment);

        let forged = signed(KEY).replace("94500", "94501");
        let unsigned = item("REFUND", "false", &reference, "");
        for (keys, items) in [
            (&keys[..1], vec![signed(KEY), signed(OTHER)]),
            (&keys[..1], vec![forged]),
            (&keys[..1], vec![unsigned]),
            (&keys[..0], vec![signed(KEY)]),
        ] {
            let refused = read(keys, &body(&items));
            assert!(matches!(refused, Err(Error::Malformed { code: "invalid_signature", .. })));
        }
        assert!(matches!(read(&keys, b"[]"), Err(Error::Malformed { code: "malformed_json", .. })));
    }

    #[test]
    fn what_failed_later_is_told() {
        for (event, success, failed) in [
            ("AUTHORISATION", "false", false),
            ("CAPTURE", "true", false),
            ("CAPTURE", "false", true),
            ("CAPTURE_FAILED", "true", true),
            ("REFUND", "true", false),
            ("REFUND_FAILED", "true", true),
            ("REFUNDED_REVERSED", "true", true),
            ("CANCEL_OR_REFUND", "false", true),
        ] {
            let signed = item(event, success, PAYMENT, &signature(KEY, event, success, PAYMENT));
            let hints = read(&[KEY.to_owned()], &body(&[signed])).unwrap();
            assert_eq!(hints[0].failed.is_some(), failed, "{event} {success}");
            assert_eq!(hints[0].may_end_payment, event == "AUTHORISATION");
        }
    }
}

//! Stripe's webhooks: hints that something has happened to a payment. What they say is never believed: the
//! payment is asked for, and what it says is applied as any answer of Stripe's.

use aws_lc_rs::hmac;
use serde::Deserialize;

use crate::clock::{Duration, Instant};
use crate::error::{Error, Result};
use crate::payment::Hint;
use crate::psp::bytes_of;

/// How far the time of a signature may be from ours: what Stripe's own libraries allow.
pub const TOLERANCE: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    failure_reason: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    booking: Option<String>,
    #[serde(default)]
    payment: Option<String>,
}

/// Reads a webhook that one of `secrets` has signed: the current one, or the one before it while it is
/// rotated. `signature` is its `Stripe-Signature`, and signs the bytes of the body as they came.
///
/// # Errors
/// `Malformed` with `invalid_signature` when it is signed by nobody we know, or not now; `Malformed` when
/// it is signed and no event.
pub fn read(secrets: &[String], signature: &str, body: &[u8], now: Instant) -> Result<Hint> {
    if !is_signed(secrets, signature, body, now) {
        return Err(Error::Malformed {
            code: "invalid_signature",
            detail: "The event is not signed by the payment provider, or not now.".into(),
        });
    }
    let event: Event = serde_json::from_slice(body).map_err(|why| Error::Malformed {
        code: "malformed_json",
        detail: format!("The body is no event: {why}"),
    })?;
    let failed = failure(&event.kind, &event.data.object);
    let metadata = event.data.object.metadata.unwrap_or_default();
    let ends = ["amount_capturable_updated", "succeeded", "payment_failed", "canceled"];
    let action = event.kind.strip_prefix("payment_intent.");
    Ok(Hint {
        event: event.id,
        booking: metadata.booking.and_then(|id| id.parse().ok()),
        payment: metadata.payment.and_then(|id| id.parse().ok()),
        may_end_payment: action.is_some_and(|action| ends.contains(&action)),
        dispute: event.data.object.id.filter(|_| event.kind.starts_with("charge.dispute.")),
        failed,
    })
}

/// What an operator has to know of an event: a refund that was made has come back, days later. Newer
/// accounts are told so by an event of its own, older ones by the refund's change.
fn failure(kind: &str, object: &Object) -> Option<String> {
    let status = object.status.as_deref().unwrap_or_default();
    let has_failed = match kind {
        "refund.failed" => true,
        "charge.refund.updated" | "refund.updated" => matches!(status, "failed" | "canceled"),
        _ => false,
    };
    let id = object.id.as_deref().unwrap_or("a refund");
    let reason = object.failure_reason.as_deref().unwrap_or("no reason given");
    has_failed.then(|| format!("{kind}: {id} is {status}: {reason}"))
}

/// Whether the header holds a time near `now` and a signature of it and the body.
fn is_signed(secrets: &[String], header: &str, body: &[u8], now: Instant) -> bool {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let Some(time) = fields().find_map(|(name, value)| (name == "t").then_some(value)) else { return false };
    let Some(at) = time.parse().ok().and_then(|second| Instant::from_second(second).ok()) else {
        return false;
    };
    if now.duration_since(at).abs() > TOLERANCE {
        return false;
    }
    let signatures = || fields().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes_of(value));
    secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let mut signed = time.as_bytes().to_vec();
        signed.push(b'.');
        signed.extend_from_slice(body);
        // Compared in constant time.
        signatures().any(|signature| hmac::verify(&key, &signed, &signature).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1",
        "metadata":{"booking":"bkg_0000000000000000000002","payment":"pyt_0000000000000000000001"}}}}"#;

    fn sign(secret: &str, time: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[time.to_string().as_bytes(), b".", body].concat());
        tag.as_ref().iter().fold(format!("t={time},v1="), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn an_event_counts_only_if_it_is_signed_whole_by_one_we_know_and_now() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let secrets = ["current".to_owned(), "previous".to_owned()];
        let read = |signature: &str, body: &[u8]| read(&secrets, signature, body, now);
        let at = |time: i64| sign("current", 1_800_000_000 + time, BODY);
        let hint = read(&at(0), BODY).unwrap();
        assert_eq!(hint.event, "evt_1");
        assert!(hint.may_end_payment && hint.booking.is_some() && hint.payment.is_some());
        for good in [at(-300), at(300), sign("previous", 1_800_000_000, BODY)] {
            assert_eq!(read(&good, BODY).unwrap(), hint, "{good}");
        }
        // Another signature of it beside, as while Stripe rotates the secret.
        assert!(read(&format!("{},v1=00ff", at(0)), BODY).is_ok());
        for bad in [at(-301), at(301), sign("another", 1_800_000_000, BODY), String::new(), "t=1,v1=".into()]
        {
            assert!(matches!(read(&bad, BODY), Err(Error::Malformed { code: "invalid_signature", .. })));
        }
        let signature = at(0);
        for place in 0..BODY.len() {
            let mut forged = BODY.to_vec();
            forged[place] ^= 1;
            assert!(read(&signature, &forged).is_err(), "byte {place}");
        }
        let other = br#"{"id":"evt_2","type":"coupon.created","data":{"object":{"object":"coupon"}}}"#;
        let hint = read(&sign("current", 1_800_000_000, other), other).unwrap();
        assert!(!hint.may_end_payment && hint.booking.is_none());
    }

    #[test]
    fn a_refund_that_came_back_is_told() {
        let now = Instant::from_second(1_800_000_000).unwrap();
        let told = |kind: &str, status: &str| {
            let body = format!(
                r#"{{"id":"evt_3","type":"{kind}","data":{{"object":{{"id":"re_1","status":"{status}",
                "failure_reason":"lost_or_stolen_card","metadata":{{"booking":"bkg_0000000000000000000002",
                "refund":"1"}}}}}}}}"#
            );
            let signature = sign("current", 1_800_000_000, body.as_bytes());
            read(&["current".to_owned()], &signature, body.as_bytes(), now).unwrap()
        };
        for (kind, status, failed) in [
            ("refund.failed", "failed", true),
            ("refund.updated", "canceled", true),
            ("charge.refund.updated", "failed", true),
            ("refund.updated", "succeeded", false),
            ("payment_intent.payment_failed", "requires_payment_method", false),
        ] {
            let hint = told(kind, status);
            assert_eq!(hint.failed.is_some(), failed, "{kind} {status}");
            assert!(hint.booking.is_some() && hint.payment.is_none());
        }
        assert!(told("refund.failed", "failed").failed.unwrap().contains("lost_or_stolen_card"));
    }
}

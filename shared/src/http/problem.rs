//! The one mapping of errors to RFC 9457 problem documents.

use lambda_http::http::StatusCode;
use serde::Serialize;

use crate::error::{Because, Error, Field, Reason};
use crate::ids::BookingId;
use crate::stay::Date;

/// A problem document: what a client may know of an error, and no internals ever.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a sentence.
    pub detail: String,
    /// The path that was called.
    pub instance: String,
    /// Which problem it is: stable, `snake_case`.
    pub code: &'static str,
    /// The id of the request, for a question to the operator.
    pub request_id: String,
    /// Which fields are wrong, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub errors: Vec<Field>,
    /// Why a stay cannot be sold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub reasons: Vec<Reason>,
    /// Which nights are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, with = "Vec<String>")]
    pub dates: Vec<Date>,
    /// The booking whose payment was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// Why the card was refused, where the client can act on it: `authentication_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_reason: Option<&'static str>,
}

impl Problem {
    /// What a client may know of `error`, and the headers that go with it.
    #[must_use]
    pub fn of(error: Error, instance: &str, request_id: &str) -> (Self, Vec<(&'static str, String)>) {
        let mut headers = Vec::new();
        let (status, code, detail): (u16, &'static str, String) = match &error {
            Error::Malformed { code, detail } => (400, code, detail.clone()),
            Error::Unauthenticated { code, detail } => {
                headers.push(("www-authenticate", "Bearer".into()));
                (401, code, (*detail).into())
            }
            Error::PaymentRefused(refusal) if refusal.declined => {
                (402, "payment_declined", "The card was declined; nothing was charged.".into())
            }
            Error::PaymentRefused(_) => {
                (402, "payment_failed", "The payment came to nothing; nothing was charged.".into())
            }
            Error::Forbidden { detail } => (403, "forbidden", (*detail).into()),
            Error::NotFound => (404, "not_found", "There is no such thing here.".into()),
            Error::MethodNotAllowed { allow } => {
                headers.push(("allow", allow.clone()));
                (405, "method_not_allowed", format!("This path takes {allow}."))
            }
            Error::Conflict { code, detail, .. } => (409, code, detail.clone()),
            Error::QuoteExpired => (410, "quote_expired", "The quote has expired; ask for a new one.".into()),
            Error::Stale => (412, "stale", "The thing has changed since the version in If-Match.".into()),
            Error::TooLarge => (413, "too_large", "A body has at most 64 KB.".into()),
            Error::UnsupportedMediaType => {
                (415, "unsupported_media_type", "The body must be application/json.".into())
            }
            Error::Invalid { code, fields } => {
                let named: Vec<String> =
                    fields.iter().map(|field| format!("{} {}", field.pointer, field.detail)).collect();
                (422, code, format!("{}.", named.join("; ")))
            }
            Error::Unavailable { context } => {
                tracing::error!(request_id, instance, context, "a dependency did not answer");
                headers.push(("retry-after", "2".into()));
                (503, "unavailable_for_now", "Please try again in a moment.".into())
            }
            Error::Internal { context } => {
                tracing::error!(request_id, instance, context, "a broken invariant");
                (500, "internal", "Something is wrong on our side; the request id tells us what.".into())
            }
        };
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut problem = Self {
            kind: "about:blank",
            title: title.unwrap_or("Error"),
            status,
            detail,
            instance: instance.to_owned(),
            code,
            request_id: request_id.to_owned(),
            errors: Vec::new(),
            reasons: Vec::new(),
            dates: Vec::new(),
            booking_id: None,
            decline_reason: None,
        };
        match error {
            Error::Invalid { fields, .. } | Error::Conflict { because: Because::Fields(fields), .. } => {
                problem.errors = fields;
            }
            Error::Conflict { because: Because::Reasons(reasons), .. } => problem.reasons = reasons,
            Error::Conflict { because: Because::Dates(dates), .. } => problem.dates = dates,
            Error::PaymentRefused(refusal) => {
                problem.booking_id = Some(refusal.booking);
                problem.decline_reason = refusal.authentication_required.then_some("authentication_required");
                if refusal.replayed {
                    headers.push(("idempotency-replayed", "true".into()));
                }
                // The first answer's own request id, so that a replay is the same to the byte.
                problem.request_id = refusal.request_id;
            }
            _ => {}
        }
        (problem, headers)
    }
}

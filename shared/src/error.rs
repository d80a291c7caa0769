//! The one error type. It has a variant only where a client can act differently; what a client may
//! read is apart from what only the log may say. `http::problem` maps it, once, to problem documents.

use std::fmt;

use crate::ids::BookingId;
use crate::stay::Date;

/// Shorthand for results with the one error type.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command was not done.
#[derive(Debug)]
pub enum Error {
    /// The body is not JSON, or a header that the call needs is missing or malformed.
    Malformed {
        /// Stable, `snake_case`.
        code: &'static str,
        /// A sentence for the client.
        detail: String,
    },
    /// No valid token, or no valid credentials.
    Unauthenticated {
        /// Stable, `snake_case`.
        code: &'static str,
        /// A sentence for the client.
        detail: &'static str,
    },
    /// The provider or the card's bank refused the payment.
    PaymentRefused(Refusal),
    /// A party to the thing, but in the wrong role.
    Forbidden {
        /// A sentence for the client.
        detail: &'static str,
    },
    /// There is no such thing, or it is another's: the same answer.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed {
        /// The methods it has, as the `Allow` header lists them.
        allow: String,
    },
    /// The state of things does not allow it.
    Conflict {
        /// Stable, `snake_case`.
        code: &'static str,
        /// A sentence for the client.
        detail: String,
        /// What exactly stands in the way.
        because: Because,
    },
    /// The price in the quote is no longer on offer.
    QuoteExpired,
    /// `If-Match` names another version than the current one.
    Stale,
    /// The body is larger than 64 KB.
    TooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// JSON, but wrong: which fields, and why.
    Invalid {
        /// Stable, `snake_case`: `invalid` but for a few.
        code: &'static str,
        /// The fields.
        fields: Vec<Field>,
    },
    /// A part that we depend on did not answer; the same call may succeed later.
    Unavailable {
        /// For the log only.
        context: String,
    },
    /// A broken invariant of ours.
    Internal {
        /// For the log only.
        context: String,
    },
}

/// One field of a request that cannot be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Field {
    /// A JSON pointer into the body; for a query or path parameter `/` and its name.
    pub pointer: String,
    /// A sentence for the client.
    pub detail: String,
}

/// What exactly stands in the way of a command: further members of the problem document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Because {
    /// The code says it all.
    #[default]
    Code,
    /// Why a stay cannot be sold: `reasons`.
    Reasons(Vec<Reason>),
    /// Nights that are taken: `dates`.
    Dates(Vec<Date>),
    /// What is missing before it can be done: `errors`.
    Fields(Vec<Field>),
}

/// One reason why a stay cannot be sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Reason {
    /// The night it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub date: Option<Date>,
    /// Which.
    pub reason: Unsold,
}

/// Why a stay cannot be sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unsold {
    /// Somebody sleeps there, or holds the night.
    Booked,
    /// The host keeps the night, or does not sell from that date on.
    Blocked,
    /// The stay is shorter than the arrival night asks for.
    MinNights,
    /// The stay is longer than the arrival night allows.
    MaxNights,
    /// No stay arrives on that date.
    ClosedToArrival,
    /// No stay leaves on that date.
    ClosedToDeparture,
    /// More guests than fit.
    TooManyGuests,
    /// The listing is not on sale.
    NotActive,
    /// Check-in has passed at the listing.
    InThePast,
    /// Nights more than 730 days ahead are not sold yet.
    TooFarAhead,
}

/// Why a payment was refused, in the client's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The booking that the payment was for.
    pub booking: BookingId,
    /// `payment_declined` when the card was refused, `payment_failed` when the payment came to
    /// nothing without that.
    pub declined: bool,
    /// The card wants its holder to confirm the payment (3-D Secure).
    pub authentication_required: bool,
    /// The request that was refused first: a replay answers with the same id.
    pub request_id: String,
    /// Whether this answer repeats an earlier one.
    pub replayed: bool,
}

impl Error {
    /// A refused payment as the answer to this request, not to the one that brought the card.
    #[must_use]
    pub fn of_request(self, request_id: &str) -> Self {
        match self {
            Self::PaymentRefused(refusal) => {
                Self::PaymentRefused(Refusal { request_id: request_id.to_owned(), ..refusal })
            }
            other => other,
        }
    }

    /// A conflict that its code says all about.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into(), because: Because::Code }
    }

    /// The stay cannot be sold, for these reasons.
    #[must_use]
    pub fn unavailable_stay(reasons: Vec<Reason>) -> Self {
        Self::Conflict {
            code: "unavailable",
            detail: "The stay cannot be sold as asked for.".into(),
            because: Because::Reasons(reasons),
        }
    }

    /// A transition that the booking's state does not allow.
    #[must_use]
    pub fn invalid_transition(detail: impl Into<String>) -> Self {
        Self::conflict("invalid_transition", detail)
    }

    /// One wrong field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let field = Field { pointer: pointer.into(), detail: detail.into() };
        Self::Invalid { code: "invalid", fields: vec![field] }
    }

    /// A dependency that did not answer.
    pub fn unavailable(context: impl fmt::Display) -> Self {
        Self::Unavailable { context: context.to_string() }
    }

    /// A broken invariant.
    pub fn internal(context: impl fmt::Display) -> Self {
        Self::Internal { context: context.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { context } | Self::Internal { context } => f.write_str(context),
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::error::Error for Error {}

/// Collects every wrong field of a request, so that a client learns of all at once.
#[derive(Debug, Default)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// Notes a wrong field.
    pub fn refuse(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Field { pointer: pointer.into(), detail: detail.into() });
    }

    /// Notes a wrong field unless `holds`.
    pub fn check(&mut self, holds: bool, pointer: &str, detail: &str) {
        if !holds {
            self.refuse(pointer, detail);
        }
    }

    /// The value, or `None` and the sentence noted against `pointer`.
    pub fn take<T, E: fmt::Display>(&mut self, pointer: &str, value: std::result::Result<T, E>) -> Option<T> {
        value.map_err(|detail| self.refuse(pointer, detail.to_string())).ok()
    }

    /// A text of `least` to `most` characters without control characters other than line breaks,
    /// trimmed.
    pub fn text(&mut self, pointer: &str, text: &str, least: usize, most: usize) -> String {
        let text = text.trim();
        let length = text.chars().count();
        if length < least || length > most {
            self.refuse(pointer, format!("must have {least} to {most} characters"));
        }
        if text.chars().any(|character| character.is_control() && character != '\n' && character != '\r') {
            self.refuse(pointer, "must not have control characters");
        }
        text.to_owned()
    }

    /// A whole number within a range, in the type it is kept in.
    pub fn number<T: TryFrom<i64> + Default>(
        &mut self,
        pointer: &str,
        number: i64,
        least: i64,
        most: i64,
    ) -> T {
        if number < least || number > most {
            self.refuse(pointer, format!("must be a whole number from {least} to {most}"));
            return T::default();
        }
        T::try_from(number).unwrap_or_default()
    }

    /// `Ok` when nothing was refused.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid { code: "invalid", fields: self.0 }) }
    }

    /// What was refused so far.
    #[must_use]
    pub fn into_inner(self) -> Vec<Field> {
        self.0
    }
}

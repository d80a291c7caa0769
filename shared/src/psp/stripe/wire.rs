//! What Stripe sends and is sent: just the fields that are used.

use std::fmt;

use serde::Deserialize;

use super::amount::to_stripe;
use crate::payment::PaymentOrder;

/// Where intents live.
pub(super) const INTENTS: &str = "/v1/payment_intents";

/// A `PaymentIntent`.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) last_payment_error: Option<Failure>,
}

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
    #[serde(other)]
    Other,
}

/// Why something failed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// An answer that says no, for good.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: Failure,
}

/// The shape of every error answer.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) error: Failure,
}

impl Failure {
    /// The card was refused, as opposed to the request.
    pub(super) fn is_of_the_card(&self) -> bool {
        self.kind == "card_error"
    }

    /// The card wants its holder to confirm. Banks say so under either field.
    pub(super) fn wants_authentication(&self) -> bool {
        [&self.code, &self.decline_code].into_iter().flatten().any(|code| code == "authentication_required")
    }

    /// The key was used before for another request, so an answer says nothing about this one.
    pub(super) fn is_about_the_key(&self) -> bool {
        self.kind == "idempotency_error"
    }
}

impl Refusal {
    /// The card was refused.
    pub(super) fn is_of_the_card(&self) -> bool {
        self.status == 402 && self.error.is_of_the_card()
    }

    /// There is no such payment method.
    pub(super) fn is_of_an_unknown_card(&self) -> bool {
        self.error.code.as_deref() == Some("resource_missing")
            && self.error.param.as_deref() == Some("payment_method")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { kind, code, param, message, .. } = &self.error;
        write!(f, "{} {kind}", self.status)?;
        for part in [code, param, message].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// The form that creates an order's intent. The same order always gives the same bytes: Stripe
/// refuses a key that comes back with another form.
pub(super) fn create_form(order: &PaymentOrder) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("amount", &to_stripe(order.amount).to_string())
        .append_pair("currency", &order.amount.currency.code().to_ascii_lowercase())
        .append_pair("capture_method", "manual")
        .append_pair("payment_method", &order.method)
        .append_pair("payment_method_types[]", "card")
        .append_pair("metadata[booking]", &order.booking.to_string())
        .append_pair("metadata[payment]", &order.payment.to_string())
        .finish()
}

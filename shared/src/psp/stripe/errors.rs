//! What each of Stripe's errors means to the calls that this adapter makes. The codes are those of
//! <https://docs.stripe.com/error-codes>, the types those of <https://docs.stripe.com/api/errors>.

use super::wire::{Intent, Refusal, Status};
use crate::payment::{Authorization, PaymentOrder};
use crate::psp::setback::Setback;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Ask again later.
    Retry,
    /// The card or its bank says no.
    Decline,
    /// What was asked for is as it should be.
    Done,
    /// Our account, our key or our request is wrong, or Stripe will not: an operator has to look.
    Operator,
}

/// The codes that these calls can meet. What is not here is an operator's.
const CODES: [(&str, Class); 31] = [
    ("account_closed", Class::Operator),
    ("account_invalid", Class::Operator),
    ("amount_too_large", Class::Operator),
    ("amount_too_small", Class::Operator),
    ("api_key_expired", Class::Operator),
    // Stripe pays refunds and transfers from what the account has: later guests' money fills it again.
    ("balance_insufficient", Class::Retry),
    ("insufficient_funds", Class::Retry),
    // A hold has lapsed, or just been taken: the intent is asked, and what it says counts.
    ("capture_charge_authorization_expired", Class::Retry),
    ("charge_already_captured", Class::Retry),
    ("charge_expired_for_capture", Class::Retry),
    ("payment_intent_unexpected_state", Class::Retry),
    // Nothing is left to return: an operator may have returned it by hand. If that was less than what is
    // owed, the comparison of the amounts with Stripe's own shows it.
    ("charge_already_refunded", Class::Done),
    // The bank has the money already, or wants it.
    ("charge_disputed", Class::Operator),
    ("refund_disputed_payment", Class::Operator),
    ("charge_exceeds_source_limit", Class::Operator),
    ("country_unsupported", Class::Operator),
    // Another call of the same key is at work.
    ("idempotency_key_in_use", Class::Retry),
    ("lock_timeout", Class::Retry),
    ("rate_limit", Class::Retry),
    ("livemode_mismatch", Class::Operator),
    ("not_allowed_on_standard_account", Class::Operator),
    ("parameter_invalid_empty", Class::Operator),
    ("parameter_invalid_integer", Class::Operator),
    ("parameter_missing", Class::Operator),
    ("parameter_unknown", Class::Operator),
    ("parameters_exclusive", Class::Operator),
    ("platform_api_key_expired", Class::Operator),
    ("resource_missing", Class::Operator),
    ("secret_key_required", Class::Operator),
    ("testmode_charges_only", Class::Operator),
    ("transfers_not_allowed", Class::Operator),
];

/// What an error's type says where it has no code of these.
const KINDS: [(&str, Class); 4] = [
    ("api_connection_error", Class::Retry),
    ("api_error", Class::Retry),
    ("rate_limit_error", Class::Retry),
    ("idempotency_error", Class::Operator),
];

impl Refusal {
    /// What to do about it.
    pub(super) fn class(&self) -> Class {
        // Whatever the body says: the key is wrong, or may not do this.
        if matches!(self.status, 401 | 403) {
            return Class::Operator;
        }
        // A card's codes are its bank's, and more than any table has.
        if self.error.is_of_the_card() {
            return Class::Decline;
        }
        let of = |table: &[(&str, Class)], name: &str| {
            table.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
        };
        let code = self.error.code.as_deref().and_then(|code| of(&CODES, code));
        code.or_else(|| of(&KINDS, &self.error.kind)).unwrap_or(Class::Operator)
    }

    /// What it means where money is moved that is held or taken already: then no card has a say.
    pub(super) fn setback(&self) -> Setback {
        match self.class() {
            Class::Retry => Setback::Passing(self.to_string()),
            Class::Decline | Class::Done | Class::Operator => Setback::Lasting(self.to_string()),
        }
    }
}

/// How an attempt ends whose intent Stripe refused to make.
pub(super) fn never_begun(order: &PaymentOrder, refusal: &Refusal) -> Authorization {
    if refusal.is_of_the_card() || refusal.is_of_an_unknown_card() {
        let authentication_required = refusal.error.wants_authentication();
        return Authorization::Declined { reference: None, authentication_required };
    }
    if refusal.class() == Class::Retry {
        return Authorization::Unknown { context: refusal.to_string() };
    }
    // Not the guest's doing: the account, the key or the request is wrong, and an operator has to know.
    tracing::error!(payment = %order.payment, %refusal, "Stripe refused to begin a payment");
    if refusal.status == 400 && !refusal.error.is_about_the_key() {
        return Authorization::Nothing;
    }
    Authorization::Unknown { context: refusal.to_string() }
}

/// Why an intent that rests without a hold has none.
pub(super) fn why_not_held(intent: &Intent) -> Authorization {
    let reference = Some(intent.id.clone());
    match &intent.last_payment_error {
        _ if intent.status == Status::RequiresAction => {
            Authorization::Declined { reference, authentication_required: true }
        }
        Some(error) if error.is_a_decline() => {
            Authorization::Declined { reference, authentication_required: error.wants_authentication() }
        }
        _ => Authorization::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psp::stripe::wire::Envelope;

    fn refusal(status: u16, kind: &str, code: &str) -> Refusal {
        let body = format!(r#"{{"error":{{"type":"{kind}","code":"{code}"}}}}"#);
        let envelope: Envelope = serde_json::from_str(&body).unwrap();
        Refusal { status, replayed: false, error: envelope.error }
    }

    #[test]
    fn every_error_has_its_class_and_an_unknown_one_is_an_operators() {
        for (status, kind, code, class) in [
            (402, "card_error", "card_declined", Class::Decline),
            (402, "card_error", "insufficient_funds", Class::Decline),
            (400, "invalid_request_error", "insufficient_funds", Class::Retry),
            (400, "invalid_request_error", "balance_insufficient", Class::Retry),
            (400, "idempotency_error", "idempotency_key_in_use", Class::Retry),
            (400, "api_error", "", Class::Retry),
            (400, "invalid_request_error", "charge_already_refunded", Class::Done),
            (400, "invalid_request_error", "charge_disputed", Class::Operator),
            (400, "invalid_request_error", "parameter_unknown", Class::Operator),
            (400, "invalid_request_error", "made_up_tomorrow", Class::Operator),
            (401, "api_error", "rate_limit", Class::Operator),
            (403, "invalid_request_error", "balance_insufficient", Class::Operator),
        ] {
            assert_eq!(refusal(status, kind, code).class(), class, "{status} {kind} {code}");
        }
        for (index, (code, _)) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|(other, _)| other != code), "{code} is listed twice");
        }
    }
}

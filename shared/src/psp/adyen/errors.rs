//! What each of Adyen's errors means to the calls that this adapter makes. The codes are those of
//! <https://docs.adyen.com/development-resources/error-codes>.

use super::wire::Refusal;
use crate::payment::{Authorization, PaymentOrder};
use crate::psp::setback::Setback;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Ask again, under the same key.
    Retry,
    /// The card cannot be paid with.
    Decline,
    /// Our account, our key or our request is wrong: an operator has to look.
    Operator,
}

/// The codes that these calls can meet. What is not here is an operator's.
const CODES: [(&str, Class); 23] = [
    ("000", Class::Operator),
    // The key lacks a role.
    ("010", Class::Operator),
    ("100", Class::Operator),
    // The card's number, kind, code, holder and expiry, as they were stored.
    ("101", Class::Decline),
    ("102", Class::Decline),
    ("103", Class::Decline),
    ("129", Class::Decline),
    ("140", Class::Decline),
    ("141", Class::Decline),
    // Reference, amount, currency.
    ("130", Class::Operator),
    ("137", Class::Operator),
    ("138", Class::Operator),
    // No such payment, says a capture, a reversal or a refund.
    ("167", Class::Operator),
    // Something at Adyen is away for the moment; and another call of the same key is at work.
    ("703", Class::Retry),
    ("704", Class::Retry),
    // The card's token is not known, or no longer.
    ("800", Class::Decline),
    ("803", Class::Decline),
    ("805", Class::Decline),
    // The merchant account, the request, the method and the currency, as the account is set up.
    ("901", Class::Operator),
    ("902", Class::Operator),
    ("905", Class::Operator),
    ("907", Class::Operator),
    ("916", Class::Operator),
];

impl Refusal {
    /// What to do about it.
    pub(super) fn class(&self) -> Class {
        // Whatever the body says: the key is wrong, or may not do this.
        if matches!(self.status, 401 | 403) {
            return Class::Operator;
        }
        let known = CODES.iter().find(|(code, _)| self.error.code.as_deref() == Some(*code));
        known.map_or(Class::Operator, |(_, class)| *class)
    }

    /// What it means where money is moved that is held or taken already: then no card has a say.
    pub(super) fn setback(&self) -> Setback {
        match self.class() {
            Class::Retry => Setback::Passing(self.to_string()),
            Class::Decline | Class::Operator => Setback::Lasting(self.to_string()),
        }
    }
}

/// How an attempt ends that Adyen refused to begin.
pub(super) fn never_begun(order: &PaymentOrder, refusal: &Refusal) -> Authorization {
    match refusal.class() {
        Class::Decline => Authorization::Declined { reference: None, authentication_required: false },
        Class::Retry => Authorization::Unknown { context: refusal.to_string() },
        Class::Operator => {
            // Not the guest's doing: an operator has to know.
            tracing::error!(payment = %order.payment, %refusal, "Adyen refused to begin a payment");
            // What did not stand its examination never went to the bank; of a failure of Adyen's own
            // nobody knows how far it came.
            if refusal.is_of_the_request() {
                return Authorization::Nothing;
            }
            Authorization::Unknown { context: refusal.to_string() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        let body = format!(r#"{{"status":{status},"errorCode":"{code}","errorType":"validation"}}"#);
        Refusal { status, error: serde_json::from_str(&body).unwrap() }
    }

    #[test]
    fn every_error_has_its_class_and_an_unknown_one_is_an_operators() {
        for (status, code, class) in [
            (422, "101", Class::Decline),
            (422, "803", Class::Decline),
            (422, "704", Class::Retry),
            (422, "138", Class::Operator),
            (422, "made up tomorrow", Class::Operator),
            (401, "704", Class::Operator),
            (403, "010", Class::Operator),
        ] {
            assert_eq!(refusal(status, code).class(), class, "{status} {code}");
        }
        for (index, (code, _)) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|(other, _)| other != code), "{code} is listed twice");
        }
        assert_eq!(refusal(422, "704").setback(), Setback::Passing("422 validation 704".into()));
        assert_eq!(refusal(422, "803").setback(), Setback::Lasting("422 validation 803".into()));
    }
}

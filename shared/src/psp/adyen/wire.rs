//! What Adyen sends and is sent: just the fields that are used.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amount::to_adyen;
use crate::money::Money;
use crate::payment::{Authorization, PaymentOrder};

/// An amount in Adyen's own unit.
#[derive(Debug, Serialize)]
struct Amount {
    value: i64,
    currency: &'static str,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { value: to_adyen(money), currency: money.currency.code() }
    }
}

/// The body that begins a payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    merchant_account: &'a str,
    amount: Amount,
    reference: String,
    payment_method: Method<'a>,
    shopper_reference: String,
    shopper_interaction: &'static str,
    recurring_processing_model: &'static str,
    additional_data: AdditionalData,
    metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Method<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    stored_payment_method_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalData {
    manual_capture: &'static str,
}

#[derive(Serialize)]
struct Metadata {
    booking: String,
    payment: String,
}

/// The body that changes a payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    merchant_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    /// The payment, for the one call that does not have it in its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_reference: Option<String>,
    reference: String,
}

/// What became of a payment, as it was when the answer was first given.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    #[serde(default)]
    psp_reference: Option<String>,
    result_code: String,
    #[serde(default)]
    refusal_reason_code: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "shown in the log")]
    refusal_reason: Option<String>,
}

/// The answer to a change.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    status: String,
}

impl Changed {
    /// Whether Adyen has taken it on. What becomes of it is told by a notification.
    pub(super) fn is_taken_on(&self) -> bool {
        self.status == "received"
    }
}

/// Why something failed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    #[serde(rename = "errorCode", default)]
    pub(super) code: Option<String>,
    #[serde(rename = "errorType", default)]
    kind: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    psp_reference: Option<String>,
}

/// An answer that says no, for good.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: Failure,
}

impl Refusal {
    /// The request or the account is wrong, as opposed to Adyen.
    pub(super) fn is_of_the_request(&self) -> bool {
        let kind = self.error.kind.as_deref();
        matches!(self.status, 400 | 422) && matches!(kind, Some("validation" | "configuration"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { code, kind, message, psp_reference } = &self.error;
        write!(f, "{}", self.status)?;
        for part in [kind, code, message, psp_reference].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

impl Payment {
    /// What it means for the attempt. The results are those of
    /// <https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes>.
    pub(super) fn outcome(self) -> Authorization {
        let reference = self.psp_reference.clone();
        let declined = |authentication_required| Authorization::Declined {
            reference: reference.clone(),
            authentication_required,
        };
        match (self.result_code.as_str(), &self.psp_reference) {
            ("Authorised", Some(reference)) => {
                Authorization::Held { reference: reference.clone(), capture_before: None }
            }
            // 38: "Authentication required".
            ("Refused", _) => declined(self.refusal_reason_code.as_deref() == Some("38")),
            // The bank wants the guest, whom this adapter does not bring to it. Only a further call of ours
            // could finish such a payment, and there is none.
            ("RedirectShopper" | "IdentifyShopper" | "ChallengeShopper", _) => declined(true),
            // Final for this payment: Adyen itself takes back what an acquirer may have done of it.
            ("Cancelled" | "Error", _) => Authorization::Nothing,
            // `Received` and `Pending` have no end yet; what else there may be is not for cards.
            _ => Authorization::Unknown { context: format!("{self:?}") },
        }
    }
}

/// The body that begins an order's payment. The same order always gives the same bytes.
pub(super) fn create_body(merchant: &str, order: &PaymentOrder) -> String {
    json(&Create {
        merchant_account: merchant,
        amount: order.amount.into(),
        reference: order.payment.to_string(),
        payment_method: Method { kind: "scheme", stored_payment_method_id: &order.method },
        shopper_reference: order.guest.to_string(),
        shopper_interaction: "ContAuth",
        recurring_processing_model: "CardOnFile",
        additional_data: AdditionalData { manual_capture: "true" },
        metadata: Metadata { booking: order.booking.to_string(), payment: order.payment.to_string() },
    })
}

/// The body of a change. Its reference comes back with what Adyen tells of it, where no metadata may: so
/// it names the payment first and the booking last.
pub(super) fn change_body(
    merchant: &str,
    order: &PaymentOrder,
    change: &str,
    amount: Option<Money>,
) -> String {
    json(&Change {
        merchant_account: merchant,
        amount: amount.map(Amount::from),
        payment_reference: None,
        reference: format!("{}:{change}:{}", order.payment, order.booking),
    })
}

/// The body that cancels an order's payment, whatever Adyen calls it.
pub(super) fn cancel_body(merchant: &str, order: &PaymentOrder) -> String {
    json(&Change {
        merchant_account: merchant,
        amount: None,
        payment_reference: Some(order.payment.to_string()),
        reference: format!("{}:cancel:{}", order.payment, order.booking),
    })
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("texts and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_code_has_its_meaning() {
        let outcome = |code: &str, reason: &str| {
            let body = format!(
                r#"{{"pspReference":"993617895204576J","resultCode":"{code}","refusalReasonCode":"{reason}"}}"#
            );
            serde_json::from_str::<Payment>(&body).unwrap().outcome()
        };
        let reference = || "993617895204576J".to_owned();
        let declined = |authentication_required| Authorization::Declined {
            reference: Some(reference()),
            authentication_required,
        };
        let held = Authorization::Held { reference: reference(), capture_before: None };
        assert_eq!(outcome("Authorised", "0"), held);
        assert_eq!(outcome("Refused", "2"), declined(false));
        assert_eq!(outcome("Refused", "38"), declined(true));
        for code in ["RedirectShopper", "IdentifyShopper", "ChallengeShopper"] {
            assert_eq!(outcome(code, ""), declined(true), "{code}");
        }
        for code in ["Cancelled", "Error"] {
            assert_eq!(outcome(code, "4"), Authorization::Nothing, "{code}");
        }
        for code in ["Received", "Pending", "PartiallyAuthorised", "MadeUpTomorrow"] {
            assert!(matches!(outcome(code, ""), Authorization::Unknown { .. }), "{code}");
        }
        let nameless: Payment = serde_json::from_str(r#"{"resultCode":"Authorised"}"#).unwrap();
        assert!(matches!(nameless.outcome(), Authorization::Unknown { .. }));
    }
}

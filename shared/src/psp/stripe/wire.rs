//! What Stripe sends and is sent: just the fields that are used.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::amount::{from_stripe, to_stripe};
use crate::clock::Instant;
use crate::money::Money;
use crate::payment::{PaymentOrder, Taken};

/// Where intents live.
pub(super) const INTENTS: &str = "/v1/payment_intents";
/// Where customers live.
pub(super) const CUSTOMERS: &str = "/v1/customers";
/// Where refunds live.
pub(super) const REFUNDS: &str = "/v1/refunds";
/// What Stripe is to show with an intent: the fee, and until when a hold can be captured.
pub(super) const EXPAND: (&str, &str) = ("expand[]", "latest_charge.balance_transaction");

/// A `PaymentIntent`.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: Status,
    /// What the guest's client confirms it with.
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    pub(super) last_payment_error: Option<Failure>,
    /// In Stripe's unit: what was captured.
    #[serde(default)]
    pub(super) amount_received: i64,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    latest_charge: Option<Charge>,
    /// For whom its card is kept, if it is.
    #[serde(default)]
    customer: Option<String>,
    #[serde(default)]
    payment_method: Option<String>,
}

/// Somebody for whom a card is kept.
#[derive(Debug, Deserialize)]
pub(super) struct Customer {
    pub(super) id: String,
}

/// A card, and for whom it is kept.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) customer: Option<String>,
    pub(super) method: String,
}

/// What no log may show.
#[derive(Deserialize)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What an intent has charged: a name, unless more was asked for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Charge {
    Shown(ShownCharge),
    Named(String),
}

#[derive(Debug, Deserialize)]
struct ShownCharge {
    id: String,
    #[serde(default)]
    payment_method_details: Option<MethodDetails>,
    #[serde(default)]
    balance_transaction: Option<BalanceTransaction>,
}

#[derive(Debug, Deserialize)]
struct MethodDetails {
    #[serde(default)]
    card: Option<CardDetails>,
}

#[derive(Debug, Deserialize)]
struct CardDetails {
    #[serde(default)]
    capture_before: Option<i64>,
}

/// What a charge did to the account's balance: a name, unless more was asked for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum BalanceTransaction {
    Shown {
        fee: i64,
        currency: String,
    },
    #[expect(dead_code, reason = "as of a charge")]
    Named(String),
}

/// Intents that were found.
#[derive(Debug, Deserialize)]
pub(super) struct Intents {
    pub(super) data: Vec<Intent>,
}

/// Something that carries what we know it by.
#[derive(Debug, Deserialize)]
pub(super) struct Marked {
    pub(super) id: String,
    /// In Stripe's unit.
    #[serde(default)]
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

impl Marked {
    /// The number under which it was taken back of a host.
    pub(super) fn reversal(&self) -> Option<u32> {
        self.metadata.get("reversal")?.parse().ok()
    }
}

/// Some of these.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    pub(super) data: Vec<Marked>,
}

/// Refunds, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Refunds {
    pub(super) data: Vec<Refund>,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    #[serde(default)]
    pub(super) id: String,
    pub(super) status: String,
    /// In Stripe's unit.
    #[serde(default)]
    pub(super) amount: i64,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Refund {
    /// Its number, if it is ours.
    pub(super) fn number(&self) -> Option<u32> {
        self.metadata.get("refund")?.parse().ok()
    }

    /// Whether the money goes back. A refund that failed, which happens days later, does not.
    pub(super) fn stands(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "pending" | "requires_action")
    }
}

impl Intent {
    fn charge(&self) -> Option<&ShownCharge> {
        match self.latest_charge.as_ref()? {
            Charge::Shown(charge) => Some(charge),
            Charge::Named(_) => None,
        }
    }

    /// The name of its charge.
    pub(super) fn charge_id(&self) -> Option<&str> {
        match self.latest_charge.as_ref()? {
            Charge::Shown(charge) => Some(&charge.id),
            Charge::Named(id) => Some(id),
        }
    }

    /// The card that it has kept.
    pub(super) fn kept_card(self) -> Option<Card> {
        Some(Card { customer: Some(self.customer?), method: self.payment_method? })
    }

    /// What its guest confirms it with, while it waits for that.
    pub(super) fn secret(&self) -> Option<&str> {
        let secret = self.client_secret.as_ref().filter(|_| self.status == Status::RequiresAction)?;
        Some(&secret.0)
    }

    /// Until when what it holds can be captured.
    pub(super) fn capture_before(&self) -> Option<Instant> {
        let card = self.charge()?.payment_method_details.as_ref()?.card.as_ref()?;
        Instant::from_second(card.capture_before?).ok()
    }

    /// What it has taken of `asked`, and what Stripe keeps of it.
    pub(super) fn taken(&self, asked: Money) -> Taken {
        let received = from_stripe(self.amount_received, &self.currency);
        // Stripe's unit may be coarser than ours.
        let as_asked = self.amount_received == to_stripe(asked);
        let amount = received.filter(|_| !as_asked).unwrap_or(asked);
        let fee = match self.charge().and_then(|charge| charge.balance_transaction.as_ref()) {
            // The balance may be kept in another currency; what such a fee is in ours is not said.
            Some(BalanceTransaction::Shown { fee, currency }) if *currency == self.currency => {
                from_stripe(*fee, currency).map_or(0, |fee| fee.amount)
            }
            _ => 0,
        };
        Taken { reference: self.id.clone(), amount, fee }
    }
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
    pub(super) kind: String,
    #[serde(default)]
    pub(super) code: Option<String>,
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
    /// Whether it is the one first given under the key.
    pub(super) replayed: bool,
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

    /// The guest was asked to confirm, and did not or could not.
    fn failed_authentication(&self) -> bool {
        self.code.as_deref() == Some("payment_intent_authentication_failure")
    }

    /// The attempt failed by its card or its guest, as opposed to the request.
    pub(super) fn is_a_decline(&self) -> bool {
        self.is_of_the_card() || self.failed_authentication()
    }

    /// The card wants its holder to confirm. Banks say so under either field.
    pub(super) fn wants_authentication(&self) -> bool {
        let codes = [&self.code, &self.decline_code];
        self.failed_authentication()
            || codes.into_iter().flatten().any(|code| code == "authentication_required")
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
pub(super) fn create_form(order: &PaymentOrder, card: &Card) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &to_stripe(order.amount).to_string())
        .append_pair("currency", &order.amount.currency.code().to_ascii_lowercase())
        .append_pair("capture_method", "manual")
        .append_pair("payment_method", &card.method)
        .append_pair("payment_method_types[]", "card")
        // A transfer of what this brings is found by its group, and Stripe gives it the charge's.
        .append_pair("transfer_group", &order.booking.to_string())
        .append_pair("metadata[booking]", &order.booking.to_string())
        .append_pair("metadata[payment]", &order.payment.to_string());
    if let Some(customer) = &card.customer {
        form.append_pair("customer", customer);
    }
    if order.keeps_card {
        form.append_pair("setup_future_usage", "off_session");
    }
    form.finish()
}

/// The form that makes the customer for whom an order's card is kept. It says nothing of the guest.
pub(super) fn customer_form(order: &PaymentOrder) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("metadata[booking]", &order.booking.to_string())
        .finish()
}

/// The form that confirms an order's intent: without the guest, where a kept card is charged.
pub(super) fn confirm_form(order: &PaymentOrder) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair(EXPAND.0, EXPAND.1);
    if order.card_of.is_some() && !order.guest_is_there {
        form.append_pair("off_session", "true");
    }
    form.finish()
}

/// The form that asks for more to be shown, and for nothing else.
pub(super) fn shown_form() -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(EXPAND.0, EXPAND.1).finish()
}

/// The query that finds an order's intent. Stripe's index is a minute behind at most, on a usual day.
pub(super) fn search_form(order: &PaymentOrder) -> String {
    let query = format!("metadata['payment']:'{}'", order.payment);
    form_urlencoded::Serializer::new(String::new()).append_pair("query", &query).finish()
}

/// The form that captures so much of a hold.
pub(super) fn capture_form(amount: Money) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("amount_to_capture", &to_stripe(amount).to_string())
        .append_pair(EXPAND.0, EXPAND.1)
        .finish()
}

/// The form of a refund: always the same bytes for the same number.
pub(super) fn refund_form(order: &PaymentOrder, intent: &str, amount: Money, number: u32) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", intent)
        .append_pair("amount", &to_stripe(amount).to_string())
        .append_pair("metadata[booking]", &order.booking.to_string())
        .append_pair("metadata[refund]", &number.to_string())
        .finish()
}

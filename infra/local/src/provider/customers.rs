//! Stripe's customers, and the cards that are kept for them: charged later, when their holders are not there.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::Answer;
use super::book::{Book, Customer, Intent, KeptCard};
use super::intents::Card;
use super::parameters::{Parameters, given, metadata, refuse_unknown};
use super::stripe::fresh;

/// What a card can be kept for, in Stripe's words.
pub(super) const OFF_SESSION: &str = "off_session";

/// Makes a customer, for whom nothing is kept yet.
pub(super) fn create(parameters: &Parameters, book: &mut Book, now: Instant) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["metadata"])?;
    let customer = Customer { id: fresh("cus"), metadata: metadata(parameters), created: now };
    let body = shown(&customer);
    book.put_customer(customer);
    Ok(Answer::shows(body))
}

/// The customer that an intent is to be of, where its parameters name one.
pub(super) fn named(parameters: &Parameters, book: &Book) -> Result<Option<String>, Answer> {
    let Some(id) = parameters.get("customer") else { return Ok(None) };
    match book.customer(id) {
        Some(customer) => Ok(Some(customer.id.clone())),
        None => Err(Answer::missing("customer", &format!("No such customer: '{id}'"))),
    }
}

/// Whether an intent's card is to be kept, which it can be for a customer only.
pub(super) fn keeps_card(parameters: &Parameters) -> Result<bool, Answer> {
    match parameters.get("setup_future_usage").map(String::as_str) {
        None => Ok(false),
        Some(OFF_SESSION) => given(parameters, "customer").map(|_| true),
        Some(_) => {
            let message = "The local provider keeps cards for use off_session only.";
            Err(Answer::invalid("parameter_invalid_string", Some("setup_future_usage"), message))
        }
    }
}

/// What is to pay an intent of `customer`: a test token, anybody's and as often as he likes, or a card that is
/// kept for that customer.
pub(super) fn method(parameters: &Parameters, customer: Option<&str>, book: &Book) -> Result<String, Answer> {
    let method = given(parameters, "payment_method")?;
    match book.card(method) {
        Some(card) if customer != Some(card.customer.as_str()) => Err(of_another(card, customer)),
        None if Card::of(method).is_none() => {
            Err(Answer::missing("payment_method", &format!("No such PaymentMethod: '{method}'")))
        }
        _ => Ok(method.to_owned()),
    }
}

/// Keeps the card of an intent that holds money, where that was asked for: the intent names the kept one from
/// then on. The card comes into the book first, so that no intent ever names one that is not there.
pub(super) fn keep(intent: &mut Intent, book: &mut Book) {
    if !intent.keeps_card || book.card(&intent.method).is_some() {
        return;
    }
    if let Some(customer) = intent.customer.clone() {
        let token = std::mem::replace(&mut intent.method, fresh("pm"));
        book.put_card(KeptCard { id: intent.method.clone(), token, customer });
    }
}

/// A kept card is for its own customer's payments. Stripe gives this refusal no code.
fn of_another(card: &KeptCard, customer: Option<&str>) -> Answer {
    let KeptCard { id, customer: owner, .. } = card;
    let message = match customer {
        None => format!(
            "The payment method supplied ({id}) belongs to the Customer {owner}. Please include the Customer \
             in the `customer` parameter on the PaymentIntent."
        ),
        Some(other) => format!(
            "The PaymentMethod {id} does not belong to the Customer you supplied {other}. Please use this \
             PaymentMethod with the Customer that it belongs to instead."
        ),
    };
    let error = json!({ "type": "invalid_request_error", "param": "payment_method", "message": message });
    Answer { status: 400, body: json!({ "error": error }), replayed: false, begun: false }
}

/// A customer as Stripe shows it.
fn shown(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "created": customer.created.as_second(),
        "livemode": false,
        "metadata": customer.metadata,
    })
}

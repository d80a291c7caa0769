//! Stripe's refunds: captured money that goes back to the card, all of it or in parts.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::Answer;
use super::book::{Book, Refund, Status};
use super::intents::{self, find};
use super::parameters::{Parameters, amount_or, given, metadata, page, refuse_unknown};
use super::stripe::fresh;

/// Why money goes back, where a reason is given.
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

/// Gives captured money back: what is left of it, or the part that is asked for.
pub(super) fn create(
    parameters: &Parameters,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["payment_intent", "amount", "metadata", "reason"])?;
    let reason = parameters.get("reason");
    if reason.is_some_and(|reason| !REASONS.contains(&reason.as_str())) {
        let message = format!("Invalid reason: must be one of {}.", REASONS.join(", "));
        return Err(Answer::invalid("parameter_invalid_string", Some("reason"), &message));
    }
    let intent = find(book, given(parameters, "payment_intent")?)?;
    let left = intent.refundable();
    let amount = amount_or(parameters, "amount", left)?;
    if intent.status != Status::Succeeded {
        return Err(Answer::unexpected(&intent, "refund"));
    }
    if book.is_disputed(&intent.id) {
        let message = "The charge of this PaymentIntent has been charged back: it cannot be refunded.";
        return Err(Answer::refused("charge_disputed", None, message));
    }
    if left == 0 {
        let message = "The charge of this PaymentIntent has already been refunded.";
        return Err(Answer::refused("charge_already_refunded", None, message));
    }
    if amount > left {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
        return Err(Answer::refused("amount_too_large", Some("amount"), &message));
    }
    if decline {
        book.note(&intent, "refund", amount, false, now);
        let message = "Insufficient funds in your balance to make this refund.";
        return Err(Answer::invalid("balance_insufficient", None, message));
    }
    let refund = Refund {
        id: fresh("re"),
        intent: intent.id.clone(),
        charge: intent.charge.clone(),
        amount,
        currency: intent.currency.clone(),
        metadata: metadata(parameters),
        reason: reason.cloned(),
        created: now,
    };
    let body = shown(&refund);
    book.give_back(refund);
    book.note(&intent, "refund", amount, true, now);
    let intent = find(book, &intent.id)?;
    if let Some(charge) = &intent.charge {
        book.tell("charge.refunded", intents::charge(&intent, charge, false));
    }
    Ok(Answer::shows(body))
}

/// The refund of this id.
pub(super) fn read(id: &str, book: &Book) -> Result<Answer, Answer> {
    match book.refunds().iter().find(|refund| refund.id == id) {
        Some(refund) => Ok(Answer::shows(shown(refund))),
        None => Err(Answer::not_found(Some("refund"), &format!("No such refund: '{id}'"))),
    }
}

/// The refunds of an intent, or of all of them, newest first.
pub(super) fn list(parameters: &Parameters, book: &Book) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["payment_intent", "limit"])?;
    let intent = parameters.get("payment_intent").map(|id| find(book, id)).transpose()?;
    let newest = book.refunds().iter().rev();
    let found =
        newest.filter(|refund| intent.as_ref().is_none_or(|intent| intent.id == refund.intent)).map(shown);
    page(parameters, "/v1/refunds", found)
}

/// A refund as Stripe shows it. A card's is done as soon as it is asked for.
pub(super) fn shown(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge,
        "created": refund.created.as_second(),
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "status": "succeeded",
    })
}

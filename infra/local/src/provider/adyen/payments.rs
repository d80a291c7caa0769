//! Adyen's payments: held, taken, given up and given back. What Adyen does some time after its answer is done
//! here before it: the answer says `received`, the notification tells the end.

use std::collections::BTreeMap;

use roost::clock::Instant;
use roost::psp::adyen::from_adyen;
use serde_json::{Value, json};

use super::notifications::Notification;
use super::{Answer, fresh};
use crate::provider::book::{AdyenPayment, Book};
use crate::provider::intents::Card;

/// What a modification is refused with that asks for more than there is: held, to be taken; taken, to be
/// given back.
const INSUFFICIENT: &str = "Insufficient balance on payment";

/// What is not possible now, and may be under the same key later.
const UNAVAILABLE: &str = "Required resource temporarily unavailable";

/// Holds the money, if the card lets it. Its holder is not there (`ContAuth`): a card that wants him is refused.
pub(super) fn authorize(
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let merchant_account = merchant_account(sent)?;
    let merchant_reference = given(sent, "reference", "130", "Reference Missing")?;
    let (amount, currency) = amount(sent)?;
    let token = sent["paymentMethod"]["storedPaymentMethodId"].as_str().unwrap_or_default();
    let card = Card::of(token).ok_or_else(|| Answer::invalid("803", "PaymentDetail not found"))?;
    let refusal = if decline { Some(("2", "Refused")) } else { refusal(&card) };
    let payment = AdyenPayment {
        reference: fresh(),
        merchant_reference,
        merchant_account,
        amount,
        currency,
        metadata: metadata(sent),
        held: if refusal.is_none() { amount } else { 0 },
        captured: 0,
        refunded: 0,
    };
    book.put_adyen(payment.clone());
    book.note(&payment, "authorize", amount, refusal.is_none(), now);
    let told = Notification::of(&payment, "AUTHORISATION", amount);
    let told = if let Some((_, reason)) = refusal { told.refused(reason) } else { told };
    book.notify(told.item(now));
    let mut body = json!({
        "pspReference": payment.reference,
        "resultCode": "Authorised",
        "amount": { "currency": payment.currency, "value": amount },
        "merchantReference": payment.merchant_reference,
    });
    if let Some((code, reason)) = refusal {
        body["resultCode"] = "Refused".into();
        body["refusalReason"] = reason.into();
        body["refusalReasonCode"] = code.into();
    }
    Ok(Answer { status: 200, body })
}

/// Takes what is held, or a part of it; the rest is released.
pub(super) fn capture(
    id: &str,
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let mut payment = find(id, sent, book)?;
    let value = amount_of(&payment, sent)?;
    if value > payment.held {
        return Err(Answer::invalid("137", INSUFFICIENT));
    }
    payment.held = 0;
    let answer = received(&payment, sent, Some(value));
    let told = Notification::of(&payment, "CAPTURE", value).by(&answer);
    if decline {
        // The hold has expired: nothing was taken, and nothing is held any more.
        book.put_adyen(payment.clone());
        book.note(&payment, "capture", value, false, now);
        book.notify(told.refused(INSUFFICIENT).item(now));
        return Err(Answer::invalid("137", INSUFFICIENT));
    }
    book.notify(told.item(now));
    payment.captured = value;
    book.put_adyen(payment.clone());
    book.note(&payment, "capture", value, true, now);
    Ok(answer)
}

/// Gives up what is held. Where nothing is, the notification says that nothing was cancelled.
pub(super) fn cancel(
    id: &str,
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let payment = find(id, sent, book)?;
    refuse_if(decline)?;
    let answer = received(&payment, sent, None);
    let told = Notification::of(&payment, "CANCELLATION", payment.amount).by(&answer);
    let told = if payment.held == 0 { told.refused(INSUFFICIENT) } else { told };
    book.notify(told.item(now));
    release(payment, book, now);
    Ok(answer)
}

/// Gives up what is held, or gives back what is left of what was taken: whichever there is.
pub(super) fn reverse(
    id: &str,
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let mut payment = find(id, sent, book)?;
    refuse_if(decline)?;
    let answer = received(&payment, sent, None);
    let left = payment.refundable();
    let value = if left > 0 { left } else { payment.amount };
    let told = Notification::of(&payment, "CANCEL_OR_REFUND", value).by(&answer);
    if left > 0 {
        book.notify(told.for_action("refund").item(now));
        payment.refunded += left;
        book.put_adyen(payment.clone());
        book.note(&payment, "refund", left, true, now);
        return Ok(answer);
    }
    let told = told.for_action("cancel");
    let told = if payment.held == 0 { told.refused(INSUFFICIENT) } else { told };
    book.notify(told.item(now));
    release(payment, book, now);
    Ok(answer)
}

/// Gives taken money back: as much as is asked for.
pub(super) fn refund(
    id: &str,
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let mut payment = find(id, sent, book)?;
    let value = amount_of(&payment, sent)?;
    if value > payment.refundable() {
        return Err(Answer::invalid("137", INSUFFICIENT));
    }
    if decline {
        book.note(&payment, "refund", value, false, now);
        return Err(Answer::invalid("703", UNAVAILABLE));
    }
    let answer = received(&payment, sent, Some(value));
    book.notify(Notification::of(&payment, "REFUND", value).by(&answer).item(now));
    payment.refunded += value;
    book.put_adyen(payment.clone());
    book.note(&payment, "refund", value, true, now);
    Ok(answer)
}

/// Gives up what is held by every payment that the product names so, also by one whose answer was lost.
pub(super) fn cancel_by_reference(
    sent: &Value,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    let merchant_account = merchant_account(sent)?;
    let reference = given(sent, "paymentReference", "130", "Reference Missing")?;
    refuse_if(decline)?;
    let mut body = json!({
        "merchantAccount": merchant_account,
        "paymentReference": reference,
        "pspReference": fresh(),
        "status": "received",
    });
    name(&mut body, sent);
    let answer = Answer { status: 201, body };
    for payment in book.adyen_payments_of(&reference) {
        let told = Notification::of(&payment, "TECHNICAL_CANCEL", payment.amount).by(&answer);
        let told = if payment.held == 0 { told.refused(INSUFFICIENT) } else { told };
        book.notify(told.item(now));
        release(payment, book, now);
    }
    Ok(answer)
}

fn release(mut payment: AdyenPayment, book: &mut Book, now: Instant) {
    let held = std::mem::take(&mut payment.held);
    // Without a hold there was no money to give back, and nothing to enter.
    if held > 0 {
        book.put_adyen(payment.clone());
        book.note(&payment, "void", held, true, now);
    }
}

/// Why a card is refused, in Adyen's words (docs.adyen.com/development-resources/refusal-reasons): the code,
/// and the reason.
fn refusal(card: &Card) -> Option<(&'static str, &'static str)> {
    match card {
        Card::Good => None,
        Card::WantsItsHolder => Some(("38", "Authentication required")),
        Card::Refused("insufficient_funds") => Some(("12", "Not enough balance")),
        Card::Refused("expired_card") => Some(("6", "Expired Card")),
        Card::Refused(_) => Some(("2", "Refused")),
    }
}

/// The hold stays, and the same key may be tried again.
fn refuse_if(decline: bool) -> Result<(), Answer> {
    if decline { Err(Answer::invalid("703", UNAVAILABLE)) } else { Ok(()) }
}

/// The payment of this `pspReference`.
fn find(id: &str, sent: &Value, book: &Book) -> Result<AdyenPayment, Answer> {
    let merchant_account = merchant_account(sent)?;
    let payment = book.adyen_payment(id).filter(|payment| payment.merchant_account == merchant_account);
    payment
        .cloned()
        .ok_or_else(|| Answer::invalid("167", "Original pspReference required for this operation"))
}

/// That Adyen has received what is to be done to a payment; the end is told of.
fn received(payment: &AdyenPayment, sent: &Value, value: Option<i64>) -> Answer {
    let mut body = json!({
        "merchantAccount": payment.merchant_account,
        "paymentPspReference": payment.reference,
        "pspReference": fresh(),
        "status": "received",
    });
    if let Some(value) = value {
        body["amount"] = json!({ "currency": payment.currency, "value": value });
    }
    name(&mut body, sent);
    Answer { status: 201, body }
}

/// Gives a modification the product's own name, if it has one.
fn name(body: &mut Value, sent: &Value) {
    if let Some(reference) = sent["reference"].as_str() {
        body["reference"] = reference.into();
    }
}

fn merchant_account(sent: &Value) -> Result<String, Answer> {
    given(sent, "merchantAccount", "901", "Invalid Merchant Account")
}

/// A text that has to be there; the error without it.
fn given(sent: &Value, field: &str, code: &str, message: &str) -> Result<String, Answer> {
    let text = sent[field].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Answer::invalid(code, message))
}

/// The amount, in Adyen's minor unit, and its currency.
fn amount(sent: &Value) -> Result<(i64, String), Answer> {
    let amount = &sent["amount"];
    if !amount.is_object() {
        return Err(Answer::invalid("100", "Required object 'amount' is not provided"));
    }
    let value = amount["value"].as_i64().filter(|value| *value > 0);
    let value = value.ok_or_else(|| Answer::invalid("137", "Invalid amount specified"))?;
    let currency = amount["currency"].as_str().filter(|code| from_adyen(0, code).is_some());
    let currency = currency.ok_or_else(|| Answer::invalid("138", "Unsupported currency specified"))?;
    Ok((value, currency.to_owned()))
}

/// The amount of a modification, in the currency of its payment.
fn amount_of(payment: &AdyenPayment, sent: &Value) -> Result<i64, Answer> {
    let (value, currency) = amount(sent)?;
    if currency == payment.currency {
        Ok(value)
    } else {
        Err(Answer::invalid("138", "Unsupported currency specified"))
    }
}

fn metadata(sent: &Value) -> BTreeMap<String, String> {
    let pairs = sent["metadata"].as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

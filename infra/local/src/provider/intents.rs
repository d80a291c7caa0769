//! Stripe's `PaymentIntents`, captured by hand, and the cards that pay them.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::Answer;
use super::book::{Book, Intent, Status};
use super::parameters::{Parameters, amount, amount_or, currency, given, metadata, refuse_unknown};
use super::stripe::fresh;

/// The one thing that can be asked to be shown whole.
const CHARGE: &str = "latest_charge.balance_transaction";

/// How long a hold lasts before it expires: seven days for a card payment online.
const HOLD_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Makes an intent, which holds nothing before it is confirmed.
pub(super) fn create(parameters: &Parameters, book: &mut Book, now: Instant) -> Result<Intent, Answer> {
    const KNOWN: [&str; 8] = [
        "amount",
        "currency",
        "capture_method",
        "payment_method",
        "payment_method_types[]",
        "description",
        "metadata",
        "expand[]",
    ];
    refuse_unknown(parameters, &KNOWN)?;
    let (amount, currency) = (amount(parameters)?, currency(parameters)?);
    if given(parameters, "capture_method")? != "manual" {
        let message = "The local provider knows manual capture only.";
        return Err(Answer::invalid("parameter_invalid_string", Some("capture_method"), message));
    }
    let method = given(parameters, "payment_method")?.to_owned();
    if Card::of(&method).is_none() {
        return Err(Answer::missing("payment_method", &format!("No such PaymentMethod: '{method}'")));
    }
    let intent = Intent {
        id: fresh("pi"),
        amount,
        currency,
        method,
        metadata: metadata(parameters),
        status: Status::RequiresConfirmation,
        last_error: None,
        created: now,
        canceled: None,
        charge: None,
        captured: 0,
        refunded: 0,
    };
    changed(&intent, book);
    Ok(intent)
}

/// Holds the money, if the card lets it.
pub(super) fn confirm(
    mut intent: Intent,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Intent, Answer> {
    if !matches!(intent.status, Status::RequiresConfirmation | Status::RequiresAction) {
        return Err(Answer::unexpected(&intent, "confirm"));
    }
    let card = if decline { Some(Card::Refused("generic_decline")) } else { Card::of(&intent.method) };
    if let Some(Card::Refused(decline_code)) = card {
        let error = json!({
            "type": "card_error",
            "code": if decline_code == "expired_card" { decline_code } else { "card_declined" },
            "decline_code": decline_code,
            "message": "Your card was declined.",
        });
        intent.status = Status::RequiresPaymentMethod;
        intent.last_error = Some(error.clone());
        changed(&intent, book);
        book.note(&intent, "authorize", intent.amount, false, now);
        return Err(Answer::of_the_card(error, &intent));
    }
    if matches!(card, Some(Card::WantsItsHolder)) {
        intent.status = Status::RequiresAction;
        changed(&intent, book);
        return Ok(intent);
    }
    intent.status = Status::RequiresCapture;
    intent.charge = Some(fresh("ch"));
    changed(&intent, book);
    book.note(&intent, "authorize", intent.amount, true, now);
    Ok(intent)
}

/// Takes what is held, or the part that is asked for; the rest is released.
pub(super) fn capture(
    mut intent: Intent,
    parameters: &Parameters,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Intent, Answer> {
    refuse_unknown(parameters, &["amount_to_capture", "expand[]"])?;
    let amount = amount_or(parameters, "amount_to_capture", intent.amount)?;
    if intent.status != Status::RequiresCapture {
        return Err(Answer::unexpected(&intent, "capture"));
    }
    if amount > intent.amount {
        let message = "The amount to capture is greater than the amount that was authorized.";
        return Err(Answer::refused("amount_too_large", Some("amount_to_capture"), message));
    }
    if decline {
        // The hold has expired: nothing was taken, and nothing is held any more.
        intent.status = Status::Canceled;
        intent.canceled = Some(now);
        changed(&intent, book);
        book.note(&intent, "capture", amount, false, now);
        let error = json!({
            "type": "card_error",
            "code": "charge_expired_for_capture",
            "message": "The charge cannot be captured as the authorization has expired.",
        });
        return Err(Answer::of_the_card(error, &intent));
    }
    intent.status = Status::Succeeded;
    intent.captured = amount;
    // An intent that was held before charges were kept gets its own now.
    intent.charge.get_or_insert_with(|| fresh("ch"));
    changed(&intent, book);
    book.note(&intent, "capture", amount, true, now);
    Ok(intent)
}

/// Gives up an intent, and what it holds.
pub(super) fn cancel(
    mut intent: Intent,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Intent, Answer> {
    if matches!(intent.status, Status::Canceled | Status::Succeeded) {
        return Err(Answer::unexpected(&intent, "cancel"));
    }
    if decline {
        let message = "This PaymentIntent could not be canceled.";
        return Err(Answer::invalid("intent_cancel_refused", None, message));
    }
    let held = intent.status == Status::RequiresCapture;
    intent.status = Status::Canceled;
    intent.canceled = Some(now);
    changed(&intent, book);
    // Without a hold there was no money to give back, and nothing to enter.
    if held {
        book.note(&intent, "void", intent.amount, true, now);
    }
    Ok(intent)
}

/// The intent of this id.
/// The intents that a search finds: by one of their metadata, `metadata['name']:'value'`.
pub(super) fn search(parameters: &Parameters, book: &Book) -> Result<Answer, Answer> {
    let query = parameters.get("query").map(String::as_str).unwrap_or_default();
    let read = query.strip_prefix("metadata['").and_then(|rest| rest.strip_suffix('\''));
    let Some((name, value)) = read.and_then(|rest| rest.split_once("']:'")) else {
        return Err(Answer::invalid(
            "parameter_invalid_string",
            Some("query"),
            "We were unable to parse it.",
        ));
    };
    let found: Vec<Value> =
        book.intents_with(name, value).into_iter().map(|intent| shown(intent, false)).collect();
    let url = "/v1/payment_intents/search";
    Ok(Answer::shows(json!({ "object": "search_result", "data": found, "has_more": false, "url": url })))
}

pub(super) fn find(book: &Book, id: &str) -> Result<Intent, Answer> {
    let message = || format!("No such payment_intent: '{id}'");
    book.intent(id).cloned().ok_or_else(|| Answer::not_found(Some("intent"), &message()))
}

/// Keeps an intent as it is now, and tells of it.
fn changed(intent: &Intent, book: &mut Book) {
    book.put(intent.clone());
    let kind = match intent.status {
        // It is only made: nothing has happened that anybody waits for.
        Status::RequiresConfirmation => return,
        Status::RequiresPaymentMethod => "payment_intent.payment_failed",
        Status::RequiresAction => "payment_intent.requires_action",
        Status::RequiresCapture => "payment_intent.amount_capturable_updated",
        Status::Canceled => "payment_intent.canceled",
        Status::Succeeded => "payment_intent.succeeded",
    };
    book.tell(kind, shown(intent, false));
}

/// Whether the intent is to be shown with its charge whole.
pub(super) fn expands(parameters: &Parameters) -> Result<bool, Answer> {
    match parameters.get("expand[]").map(String::as_str) {
        None => Ok(false),
        Some(CHARGE) => Ok(true),
        Some(_) => {
            let message = format!("The local provider expands {CHARGE} only.");
            Err(Answer::invalid("parameter_invalid_string", Some("expand[]"), &message))
        }
    }
}

/// What Stripe's test tokens do.
enum Card {
    Good,
    Refused(&'static str),
    WantsItsHolder,
}

impl Card {
    fn of(token: &str) -> Option<Self> {
        Some(match token {
            "pm_card_visa" | "pm_card_visa_debit" | "pm_card_mastercard" | "pm_card_amex"
            | "pm_card_discover" | "pm_card_diners" | "pm_card_jcb" | "pm_card_unionpay" => Self::Good,
            "pm_card_chargeDeclined" | "pm_card_visa_chargeDeclined" => Self::Refused("generic_decline"),
            "pm_card_chargeDeclinedInsufficientFunds" | "pm_card_visa_chargeDeclinedInsufficientFunds" => {
                Self::Refused("insufficient_funds")
            }
            "pm_card_chargeDeclinedExpiredCard" => Self::Refused("expired_card"),
            "pm_card_authenticationRequired" => Self::WantsItsHolder,
            _ => return None,
        })
    }
}

/// An intent as Stripe shows it, its charge by its id alone or whole.
pub(super) fn shown(intent: &Intent, expanded: bool) -> Value {
    let charge = match &intent.charge {
        Some(id) if expanded => charge(intent, id, true),
        id => json!(id),
    };
    let next_action = (intent.status == Status::RequiresAction)
        .then(|| json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }));
    let method = (intent.status != Status::RequiresPaymentMethod).then_some(&intent.method);
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable(),
        "amount_received": intent.captured,
        "canceled_at": intent.canceled.map(Instant::as_second),
        "capture_method": "manual",
        "client_secret": format!("{}_secret_local", intent.id),
        "confirmation_method": "automatic",
        "created": intent.created.as_second(),
        "currency": intent.currency,
        "last_payment_error": intent.last_error,
        "latest_charge": charge,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action,
        "payment_method": method,
        "payment_method_types": ["card"],
        "status": intent.status,
    })
}

/// An intent's charge as Stripe shows it, with the transaction that brought its money once there is one:
/// by its id alone or whole.
pub(super) fn charge(intent: &Intent, id: &str, expanded: bool) -> Value {
    let transaction = (intent.captured > 0).then(|| {
        let id = id.replacen("ch_", "txn_", 1);
        if !expanded {
            return json!(id);
        }
        json!({
            "id": id,
            "object": "balance_transaction",
            "fee": intent.fee(),
            "currency": intent.currency,
        })
    });
    json!({
        "id": id,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": intent.captured,
        "amount_refunded": intent.refunded,
        "balance_transaction": transaction,
        "currency": intent.currency,
        "livemode": false,
        "metadata": intent.metadata,
        "payment_intent": intent.id,
        "payment_method_details": { "card": { "capture_before": intent.created.as_second() + HOLD_SECONDS } },
        "refunded": intent.captured > 0 && intent.refundable() == 0,
    })
}

impl Answer {
    /// The card said no.
    fn of_the_card(mut error: Value, intent: &Intent) -> Self {
        error["payment_intent"] = shown(intent, false);
        Self { status: 402, body: json!({ "error": error }), replayed: false, begun: true }
    }

    /// An intent that has moved on.
    pub(super) fn unexpected(intent: &Intent, action: &str) -> Self {
        let status = serde_json::to_value(intent.status).unwrap_or_default();
        let message = format!("You cannot {action} this PaymentIntent because it has a status of {status}.");
        let mut answer = Self::refused("payment_intent_unexpected_state", None, &message);
        answer.body["error"]["payment_intent"] = shown(intent, false);
        answer
    }
}

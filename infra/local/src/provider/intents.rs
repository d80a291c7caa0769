//! Stripe's `PaymentIntents`, captured by hand, and the cards that pay them.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::book::{Book, Intent, Status};
use super::parameters::{Parameters, amount, amount_or, currency, flag, given, metadata, refuse_unknown};
use super::stripe::fresh;
use super::{AUTHENTICATION_PAGE, Answer, FRONT, customers};

/// The one thing that can be asked to be shown whole.
const CHARGE: &str = "latest_charge.balance_transaction";

/// How long a hold lasts before it expires: seven days for a card payment online.
const HOLD_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Why a card is refused whose holder is not there to confirm.
const WANTS_ITS_HOLDER: &str = "authentication_required";

/// Makes an intent, which holds nothing before it is confirmed.
pub(super) fn create(parameters: &Parameters, book: &mut Book, now: Instant) -> Result<Intent, Answer> {
    const KNOWN: [&str; 11] = [
        "amount",
        "currency",
        "capture_method",
        "payment_method",
        "payment_method_types[]",
        "customer",
        "setup_future_usage",
        "transfer_group",
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
    let customer = customers::named(parameters, book)?;
    let keeps_card = customers::keeps_card(parameters)?;
    let method = customers::method(parameters, customer.as_deref(), book)?;
    let id = fresh("pi");
    let intent = Intent {
        secret: Some(secret_of(&id)),
        id,
        amount,
        currency,
        method,
        customer,
        keeps_card,
        group: parameters.get("transfer_group").cloned(),
        metadata: metadata(parameters),
        status: Status::RequiresConfirmation,
        last_error: None,
        created: now,
        canceled: None,
        charge: None,
        captured: 0,
        captured_at: None,
        refunded: 0,
        page: None,
    };
    changed(&intent, book);
    Ok(intent)
}

/// Holds the money, if the card lets it. One that wants its holder to confirm sends him to the hosted page
/// of a provider that was found at `host`; where he is not there (`off_session`), it pays only if it is kept.
pub(super) fn confirm(
    intent: Intent,
    parameters: &Parameters,
    host: &str,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Intent, Answer> {
    refuse_unknown(parameters, &["off_session", "expand[]"])?;
    let off_session = flag(parameters, "off_session")?;
    if !matches!(intent.status, Status::RequiresConfirmation | Status::RequiresAction) {
        return Err(Answer::unexpected(&intent, "confirm"));
    }
    let kept = book.card(&intent.method);
    let (token, is_kept) = (kept.map_or(&intent.method, |card| &card.token), kept.is_some());
    let card = if decline { Some(Card::Refused("generic_decline")) } else { Card::of(token) };
    match card {
        Some(Card::Refused(decline_code)) => Err(refused(intent, decline_code, book, now)),
        Some(Card::WantsItsHolder) if !off_session => Ok(waiting(intent, host, book)),
        Some(Card::WantsItsHolder) if !is_kept => Err(refused(intent, WANTS_ITS_HOLDER, book, now)),
        _ => Ok(held(intent, book, now)),
    }
}

/// What an intent is answered with whose card says no, for this reason in Stripe's words.
fn refused(mut intent: Intent, decline_code: &str, book: &mut Book, now: Instant) -> Answer {
    let (code, message) = match decline_code {
        "expired_card" => (decline_code, "Your card was declined."),
        WANTS_ITS_HOLDER => {
            (decline_code, "Your card was declined. This transaction requires authentication.")
        }
        _ => ("card_declined", "Your card was declined."),
    };
    let error =
        json!({ "type": "card_error", "code": code, "decline_code": decline_code, "message": message });
    intent.status = Status::RequiresPaymentMethod;
    intent.last_error = Some(error.clone());
    changed(&intent, book);
    book.note(&intent, "authorize", intent.amount, false, now);
    Answer::of_the_card(error, &intent)
}

/// Has an intent wait for its card's holder, who is sent to the hosted page.
fn waiting(mut intent: Intent, host: &str, book: &mut Book) -> Intent {
    intent.status = Status::RequiresAction;
    // An intent that was made before secrets were kept gets its own now.
    let secret = intent.secret.get_or_insert_with(|| secret_of(&intent.id));
    intent.page = Some(format!("http://{host}{FRONT}{AUTHENTICATION_PAGE}{secret}"));
    changed(&intent, book);
    intent
}

/// What the card's holder has made of an intent that waited for him to confirm it.
pub(super) fn authenticated(mut intent: Intent, succeeded: bool, book: &mut Book, now: Instant) -> Intent {
    if succeeded {
        return held(intent, book, now);
    }
    intent.status = Status::RequiresPaymentMethod;
    intent.last_error = Some(json!({
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication. You can provide \
                    payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
    }));
    changed(&intent, book);
    book.note(&intent, "authorize", intent.amount, false, now);
    intent
}

fn held(mut intent: Intent, book: &mut Book, now: Instant) -> Intent {
    intent.status = Status::RequiresCapture;
    intent.charge = Some(fresh("ch"));
    customers::keep(&mut intent, book);
    changed(&intent, book);
    book.note(&intent, "authorize", intent.amount, true, now);
    intent
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
    intent.captured_at = Some(now);
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
        // As while a bank is at it.
        let message = "You cannot cancel this PaymentIntent because it has a status of processing.";
        return Err(Answer::invalid("payment_intent_unexpected_state", None, message));
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

/// The intent of this id.
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

/// What Stripe's test tokens do. Adyen's calls name the same.
pub(super) enum Card {
    /// Pays.
    Good,
    /// Is refused, for this reason in Stripe's words.
    Refused(&'static str),
    /// Pays once its holder has confirmed it (3-D Secure).
    WantsItsHolder,
}

impl Card {
    pub(super) fn of(token: &str) -> Option<Self> {
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
    let page = intent.page.as_ref().filter(|_| intent.status == Status::RequiresAction);
    let next_action = page.map(
        |url| json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": null, "url": url } }),
    );
    let method = (intent.status != Status::RequiresPaymentMethod).then_some(&intent.method);
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable(),
        "amount_received": intent.captured,
        "canceled_at": intent.canceled.map(Instant::as_second),
        "capture_method": "manual",
        "client_secret": intent.secret,
        "confirmation_method": "automatic",
        "created": intent.created.as_second(),
        "currency": intent.currency,
        "customer": intent.customer,
        "last_payment_error": intent.last_error,
        "latest_charge": charge,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action,
        "payment_method": method,
        "payment_method_types": ["card"],
        "setup_future_usage": intent.keeps_card.then_some(customers::OFF_SESSION),
        "transfer_group": intent.group,
        "status": intent.status,
    })
}

/// What the holder of an intent's card confirms it with.
fn secret_of(id: &str) -> String {
    fresh(&format!("{id}_secret"))
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

//! Stripe's interface, as much of it as the product uses: `PaymentIntents` captured by hand, and what
//! every call has in common.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request};
use roost::clock::Instant;
use roost::entropy::Entropy;
use serde_json::{Value, json};

use super::Answer;
use super::book::{Book, Given, Intent, Status};
use super::faults::Operation;
use super::refunds;

/// What a call was sent: a POST's form, a GET's query.
pub(super) type Parameters = BTreeMap<String, String>;

/// The one thing that can be asked to be shown whole.
const CHARGE: &str = "latest_charge.balance_transaction";

/// How long a hold lasts before it expires: seven days for a card payment online.
const HOLD_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A request, read.
pub(super) struct Call {
    target: Target,
    signed: bool,
    key: Option<String>,
    parameters: Parameters,
    /// Method, path and parameters: what must be the same when a key comes again.
    whole: String,
}

/// What a request is for.
enum Target {
    Create,
    Read(String),
    Confirm(String),
    Capture(String),
    Cancel(String),
    Refund,
    ReadRefund(String),
    ListRefunds,
    Nothing,
}

impl Call {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let (method, path) = (request.method(), request.uri().path());
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let target = match (parts.as_slice(), method == Method::POST, method == Method::GET) {
            (["payment_intents"], true, _) => Target::Create,
            (["payment_intents", id], _, true) => Target::Read((*id).into()),
            (["payment_intents", id, "confirm"], true, _) => Target::Confirm((*id).into()),
            (["payment_intents", id, "capture"], true, _) => Target::Capture((*id).into()),
            (["payment_intents", id, "cancel"], true, _) => Target::Cancel((*id).into()),
            (["refunds"], true, _) => Target::Refund,
            (["refunds"], _, true) => Target::ListRefunds,
            (["refunds", id], _, true) => Target::ReadRefund((*id).into()),
            _ => Target::Nothing,
        };
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let sent: &[u8] = if method == Method::GET { query } else { request.body() };
        let parameters: Parameters = form_urlencoded::parse(sent).into_owned().collect();
        Self {
            target,
            signed: bearer.is_some_and(|key| !key.trim().is_empty()),
            key: header("idempotency-key").filter(|_| method == Method::POST).map(str::to_owned),
            whole: format!("{method} {path} {parameters:?}"),
            parameters,
        }
    }

    /// What it does to the books, if anything.
    pub(super) fn operation(&self) -> Option<Operation> {
        match self.target {
            Target::Confirm(_) => Some(Operation::Authorize),
            Target::Capture(_) => Some(Operation::Capture),
            Target::Cancel(_) => Some(Operation::Void),
            Target::Refund => Some(Operation::Refund),
            Target::Create
            | Target::Read(_)
            | Target::ReadRefund(_)
            | Target::ListRefunds
            | Target::Nothing => None,
        }
    }
}

/// Whether the caller may ask at all.
pub(super) fn admitted(call: &Call) -> Result<(), Answer> {
    if call.signed {
        return Ok(());
    }
    let mut answer = Answer::invalid("api_key_missing", None, "You did not provide an API key.");
    answer.status = 401;
    Err(answer)
}

/// The answer that the call's key had before, if it had one; the error when it was for another call.
pub(super) fn replayed(call: &Call, book: &Book) -> Result<Option<Answer>, Answer> {
    let Some((key, given)) = call.key.as_deref().and_then(|key| Some((key, book.given(key)?))) else {
        return Ok(None);
    };
    if given.request != call.whole {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used \
             with. Try using a key other than '{key}' if you meant to execute a different request."
        );
        let body = json!({ "error": { "type": "idempotency_error", "message": message } });
        return Err(Answer { status: 400, body, replayed: false, begun: false });
    }
    Ok(Some(Answer { status: given.status, body: given.body.clone(), replayed: true, begun: true }))
}

/// Keeps the answer under the call's key.
pub(super) fn remembered(call: &Call, answer: &Answer, book: &mut Book) {
    if let Some(key) = call.key.as_deref().filter(|_| answer.begun) {
        let request = call.whole.clone();
        book.give(key, Given { request, status: answer.status, body: answer.body.clone() });
    }
}

/// Does what the call asks for. With `decline`, the answer to a call that does something is no.
pub(super) fn handled(call: &Call, book: &mut Book, now: Instant, decline: bool) -> Answer {
    done(call, book, now, decline).unwrap_or_else(|refusal| refusal)
}

fn done(call: &Call, book: &mut Book, now: Instant, decline: bool) -> Result<Answer, Answer> {
    let parameters = &call.parameters;
    // Before anything is done: who asks for what cannot be shown has not asked for anything yet.
    let expanded = expands(parameters)?;
    let intent = match &call.target {
        Target::Create => create(parameters, book, now)?,
        Target::Read(id) => find(book, id)?,
        Target::Confirm(id) => confirm(find(book, id)?, book, now, decline)?,
        Target::Capture(id) => capture(find(book, id)?, parameters, book, now, decline)?,
        Target::Cancel(id) => cancel(find(book, id)?, book, now, decline)?,
        Target::Refund => return refunds::create(parameters, book, now, decline),
        Target::ReadRefund(id) => return refunds::read(id, book),
        Target::ListRefunds => return refunds::list(parameters, book),
        Target::Nothing => return Err(Answer::not_found(None, "Unrecognized request URL.")),
    };
    Ok(Answer::shows(shown(&intent, expanded)))
}

fn create(parameters: &Parameters, book: &mut Book, now: Instant) -> Result<Intent, Answer> {
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
    let amount = amount_of("amount", given(parameters, "amount")?)?;
    let currency = given(parameters, "currency")?.to_ascii_lowercase();
    if roost::psp::stripe::from_stripe(amount, &currency).is_none() {
        let message = format!("Invalid currency: {currency}.");
        return Err(Answer::invalid("parameter_invalid_string_empty", Some("currency"), &message));
    }
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
    book.put(intent.clone());
    Ok(intent)
}

fn confirm(mut intent: Intent, book: &mut Book, now: Instant, decline: bool) -> Result<Intent, Answer> {
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
        book.put(intent.clone());
        book.note(&intent, "authorize", intent.amount, false, now);
        return Err(Answer::of_the_card(error, &intent));
    }
    if matches!(card, Some(Card::WantsItsHolder)) {
        intent.status = Status::RequiresAction;
        book.put(intent.clone());
        return Ok(intent);
    }
    intent.status = Status::RequiresCapture;
    intent.charge = Some(fresh("ch"));
    book.put(intent.clone());
    book.note(&intent, "authorize", intent.amount, true, now);
    Ok(intent)
}

/// Takes what is held, or the part that is asked for; the rest is released.
fn capture(
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
        book.put(intent.clone());
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
    book.put(intent.clone());
    book.note(&intent, "capture", amount, true, now);
    Ok(intent)
}

fn cancel(mut intent: Intent, book: &mut Book, now: Instant, decline: bool) -> Result<Intent, Answer> {
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
    book.put(intent.clone());
    // Without a hold there was no money to give back, and nothing to enter.
    if held {
        book.note(&intent, "void", intent.amount, true, now);
    }
    Ok(intent)
}

/// The intent of this id.
pub(super) fn find(book: &Book, id: &str) -> Result<Intent, Answer> {
    let message = || format!("No such payment_intent: '{id}'");
    book.intent(id).cloned().ok_or_else(|| Answer::not_found(Some("intent"), &message()))
}

/// An id that nothing had before.
pub(super) fn fresh(prefix: &str) -> String {
    format!("{prefix}_{:032x}", u128::from_be_bytes(Entropy::system().bytes()))
}

/// Refuses parameters that are not `known`; `metadata` stands for all of its own.
pub(super) fn refuse_unknown(parameters: &Parameters, known: &[&str]) -> Result<(), Answer> {
    let unknown = parameters.keys().find(|name| {
        let family = if label(name).is_some() { "metadata" } else { name.as_str() };
        !known.contains(&family)
    });
    match unknown {
        Some(name) => {
            let message = format!("Received unknown parameter: {name}");
            Err(Answer::invalid("parameter_unknown", Some(name), &message))
        }
        None => Ok(()),
    }
}

/// The metadata among the parameters.
pub(super) fn metadata(parameters: &Parameters) -> BTreeMap<String, String> {
    let labelled = |(name, value): (&String, &String)| Some((label(name)?.to_owned(), value.clone()));
    parameters.iter().filter_map(labelled).collect()
}

/// What a parameter calls its piece of metadata, if it is one.
fn label(name: &str) -> Option<&str> {
    name.strip_prefix("metadata[")?.strip_suffix(']')
}

/// A parameter that has to be there.
pub(super) fn given<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, Answer> {
    let value = parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let message = || format!("Missing required param: {name}.");
    value.ok_or_else(|| Answer::invalid("parameter_missing", Some(name), &message()))
}

/// An amount that need not be there.
pub(super) fn amount_or(parameters: &Parameters, name: &str, unless_given: i64) -> Result<i64, Answer> {
    parameters.get(name).map_or(Ok(unless_given), |value| amount_of(name, value))
}

fn amount_of(name: &str, value: &str) -> Result<i64, Answer> {
    let message = "This value must be greater than or equal to 1.";
    let amount = value.parse().ok().filter(|amount: &i64| *amount > 0);
    amount.ok_or_else(|| Answer::invalid("parameter_invalid_integer", Some(name), message))
}

/// Whether the intent is to be shown with its charge whole.
fn expands(parameters: &Parameters) -> Result<bool, Answer> {
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
fn shown(intent: &Intent, expanded: bool) -> Value {
    let charge = match &intent.charge {
        Some(id) if expanded => charge(intent, id),
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

/// An intent's charge as Stripe shows it, with the transaction that brought its money once there is one.
fn charge(intent: &Intent, id: &str) -> Value {
    let transaction = (intent.captured > 0).then(|| {
        json!({
            "id": id.replacen("ch_", "txn_", 1),
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
        "payment_method_details": { "card": { "capture_before": intent.created.as_second() + HOLD_SECONDS } },
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

//! Stripe's interface, as much of it as the product uses: `PaymentIntents` captured by hand.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use roost::clock::Instant;
use roost::entropy::Entropy;
use serde_json::{Value, json};

use super::book::{Book, Given, Intent, Status};
use super::faults::Operation;

/// A request, read.
pub(super) struct Call {
    target: Target,
    signed: bool,
    key: Option<String>,
    form: BTreeMap<String, String>,
    /// Method, path and form: what must be the same when a key comes again.
    whole: String,
}

/// What a request is for.
enum Target {
    Create,
    Read(String),
    Confirm(String),
    Cancel(String),
    Nothing,
}

/// An answer.
pub(super) struct Answer {
    status: u16,
    body: Value,
    replayed: bool,
    /// Whether the work was begun, so that the answer is kept under the request's key.
    begun: bool,
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
            (["payment_intents", id, "cancel"], true, _) => Target::Cancel((*id).into()),
            _ => Target::Nothing,
        };
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body()).into_owned().collect();
        Self {
            target,
            signed: bearer.is_some_and(|key| !key.trim().is_empty()),
            key: header("idempotency-key").filter(|_| method == Method::POST).map(str::to_owned),
            whole: format!("{method} {path} {form:?}"),
            form,
        }
    }

    /// What it does to the books, if anything.
    pub(super) fn operation(&self) -> Option<Operation> {
        match self.target {
            Target::Confirm(_) => Some(Operation::Authorize),
            Target::Cancel(_) => Some(Operation::Void),
            Target::Create | Target::Read(_) | Target::Nothing => None,
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

/// Does what the call asks for. With `decline`, a card that is charged is refused.
pub(super) fn handled(call: &Call, book: &mut Book, now: Instant, decline: bool) -> Answer {
    let find = |book: &Book, id: &str| {
        book.intent(id).cloned().ok_or_else(|| {
            let mut answer = Answer::missing("intent", &format!("No such payment_intent: '{id}'"));
            answer.status = 404;
            answer
        })
    };
    let done = match &call.target {
        Target::Create => create(&call.form, book, now),
        Target::Read(id) => find(book, id).map(|intent| Answer::shows(&intent)),
        Target::Confirm(id) => find(book, id).and_then(|intent| confirm(intent, book, now, decline)),
        Target::Cancel(id) => find(book, id).and_then(|intent| cancel(intent, book, now)),
        Target::Nothing => {
            let mut answer = Answer::invalid("resource_missing", None, "Unrecognized request URL.");
            answer.status = 404;
            Err(answer)
        }
    };
    done.unwrap_or_else(|refusal| refusal)
}

fn create(form: &BTreeMap<String, String>, book: &mut Book, now: Instant) -> Result<Answer, Answer> {
    const KNOWN: [&str; 6] =
        ["amount", "currency", "capture_method", "payment_method", "payment_method_types[]", "description"];
    let mut metadata = BTreeMap::new();
    for (name, value) in form {
        if let Some(name) = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']')) {
            metadata.insert(name.to_owned(), value.clone());
        } else if !KNOWN.contains(&name.as_str()) {
            let message = format!("Received unknown parameter: {name}");
            return Err(Answer::invalid("parameter_unknown", Some(name), &message));
        }
    }
    let given = |name: &str| {
        form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = format!("Missing required param: {name}.");
            Answer::invalid("parameter_missing", Some(name), &message)
        })
    };
    let amount = given("amount")?.parse().ok().filter(|amount| *amount > 0).ok_or_else(|| {
        Answer::invalid(
            "parameter_invalid_integer",
            Some("amount"),
            "This value must be greater than or equal to 1.",
        )
    })?;
    let currency = given("currency")?.to_ascii_lowercase();
    if roost::psp::stripe::from_stripe(amount, &currency).is_none() {
        let message = format!("Invalid currency: {currency}.");
        return Err(Answer::invalid("parameter_invalid_string_empty", Some("currency"), &message));
    }
    if given("capture_method")? != "manual" {
        let message = "The local provider knows manual capture only.";
        return Err(Answer::invalid("parameter_invalid_string", Some("capture_method"), message));
    }
    let method = given("payment_method")?.clone();
    if Card::of(&method).is_none() {
        return Err(Answer::missing("payment_method", &format!("No such PaymentMethod: '{method}'")));
    }
    let id = u128::from_be_bytes(Entropy::system().bytes());
    let intent = Intent {
        id: format!("pi_{id:032x}"),
        amount,
        currency,
        method,
        metadata,
        status: Status::RequiresConfirmation,
        last_error: None,
        created: now,
        canceled: None,
    };
    book.put(intent.clone());
    Ok(Answer::shows(&intent))
}

fn confirm(mut intent: Intent, book: &mut Book, now: Instant, decline: bool) -> Result<Answer, Answer> {
    if !matches!(intent.status, Status::RequiresConfirmation | Status::RequiresAction) {
        return Err(Answer::unexpected(&intent, "confirm"));
    }
    let card = if decline { Some(Card::Refused("generic_decline")) } else { Card::of(&intent.method) };
    if let Some(Card::Refused(decline_code)) = card {
        let mut error = json!({
            "type": "card_error",
            "code": if decline_code == "expired_card" { decline_code } else { "card_declined" },
            "decline_code": decline_code,
            "message": "Your card was declined.",
        });
        intent.status = Status::RequiresPaymentMethod;
        intent.last_error = Some(error.clone());
        book.put(intent.clone());
        book.note(&intent, "authorize", false, now);
        error["payment_intent"] = shown(&intent);
        return Ok(Answer { status: 402, body: json!({ "error": error }), replayed: false, begun: true });
    }
    if matches!(card, Some(Card::WantsItsHolder)) {
        intent.status = Status::RequiresAction;
        book.put(intent.clone());
        return Ok(Answer::shows(&intent));
    }
    intent.status = Status::RequiresCapture;
    book.put(intent.clone());
    book.note(&intent, "authorize", true, now);
    Ok(Answer::shows(&intent))
}

fn cancel(mut intent: Intent, book: &mut Book, now: Instant) -> Result<Answer, Answer> {
    if intent.status == Status::Canceled {
        return Err(Answer::unexpected(&intent, "cancel"));
    }
    let held = intent.status == Status::RequiresCapture;
    intent.status = Status::Canceled;
    intent.canceled = Some(now);
    book.put(intent.clone());
    // Without a hold there was no money to give back, and nothing to enter.
    if held {
        book.note(&intent, "void", true, now);
    }
    Ok(Answer::shows(&intent))
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

/// An intent as Stripe shows it.
fn shown(intent: &Intent) -> Value {
    let capturable = if intent.status == Status::RequiresCapture { intent.amount } else { 0 };
    let next_action = (intent.status == Status::RequiresAction)
        .then(|| json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }));
    let method = (intent.status != Status::RequiresPaymentMethod).then_some(&intent.method);
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": capturable,
        "amount_received": 0,
        "canceled_at": intent.canceled.map(Instant::as_second),
        "capture_method": "manual",
        "client_secret": format!("{}_secret_local", intent.id),
        "confirmation_method": "automatic",
        "created": intent.created.as_second(),
        "currency": intent.currency,
        "last_payment_error": intent.last_error,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action,
        "payment_method": method,
        "payment_method_types": ["card"],
        "status": intent.status,
    })
}

impl Answer {
    fn shows(intent: &Intent) -> Self {
        Self { status: 200, body: shown(intent), replayed: false, begun: true }
    }

    /// A request that was refused before any work.
    fn invalid(code: &str, param: Option<&str>, message: &str) -> Self {
        let mut error = json!({ "type": "invalid_request_error", "code": code, "message": message });
        if let Some(param) = param {
            error["param"] = param.into();
        }
        Self { status: 400, body: json!({ "error": error }), replayed: false, begun: false }
    }

    fn missing(param: &str, message: &str) -> Self {
        Self::invalid("resource_missing", Some(param), message)
    }

    /// An intent that has moved on.
    fn unexpected(intent: &Intent, action: &str) -> Self {
        let status = serde_json::to_value(intent.status).unwrap_or_default();
        let message = format!("You cannot {action} this PaymentIntent because it has a status of {status}.");
        let mut answer = Self::invalid("payment_intent_unexpected_state", None, &message);
        answer.body["error"]["payment_intent"] = shown(intent);
        answer.begun = true;
        answer
    }

    pub(super) fn rate_limited() -> Self {
        let mut answer = Self::invalid("rate_limit", None, "Too many requests.");
        answer.status = 429;
        answer
    }

    pub(super) fn down() -> Self {
        let body = json!({ "error": { "type": "api_error", "message": "Service unavailable." } });
        Self { status: 503, body, replayed: false, begun: false }
    }

    /// Stripe's own failure, which it stores under the key like any answer.
    pub(super) fn broken() -> Self {
        let body = json!({ "error": { "type": "api_error", "message": "An unexpected error occurred." } });
        Self { status: 500, body, replayed: false, begun: true }
    }

    pub(super) fn response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if self.replayed {
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

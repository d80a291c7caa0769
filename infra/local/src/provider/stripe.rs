//! Stripe's interface, as much of it as the product uses: which call is for what, and what every call has
//! in common.

use bytes::Bytes;
use http::{Method, Request};
use roost::clock::Instant;
use roost::entropy::Entropy;
use serde_json::json;

use super::Answer;
use super::book::{Book, Given, Intent};
use super::faults::Operation;
use super::parameters::Parameters;
use super::{accounts, balance, customers, disputes, intents, refunds, transfers};

/// A request, read.
pub(super) struct Call {
    target: Target,
    signed: bool,
    key: Option<String>,
    parameters: Parameters,
    /// Where the caller has found the provider.
    host: String,
    /// Method, path and parameters: what must be the same when a key comes again.
    whole: String,
}

/// What a request is for.
enum Target {
    CreateCustomer,
    Create,
    Read(String),
    Confirm(String),
    Capture(String),
    Cancel(String),
    Refund,
    ReadRefund(String),
    ListRefunds,
    Search,
    CreateAccount,
    ReadAccount(String),
    CloseAccount(String),
    LinkAccount,
    Transfer,
    ReadTransfer(String),
    ListTransfers,
    Reverse(String),
    ListReversals(String),
    ReadDispute(String),
    ListDisputes,
    ListTransactions,
    Nothing,
}

impl Call {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let (method, path) = (request.method(), request.uri().path());
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let target = match (parts.as_slice(), method == Method::POST, method == Method::GET) {
            (["customers"], true, _) => Target::CreateCustomer,
            (["payment_intents"], true, _) => Target::Create,
            (["payment_intents", "search"], _, true) => Target::Search,
            (["payment_intents", id], _, true) => Target::Read((*id).into()),
            (["payment_intents", id, "confirm"], true, _) => Target::Confirm((*id).into()),
            (["payment_intents", id, "capture"], true, _) => Target::Capture((*id).into()),
            (["payment_intents", id, "cancel"], true, _) => Target::Cancel((*id).into()),
            (["refunds"], true, _) => Target::Refund,
            (["refunds"], _, true) => Target::ListRefunds,
            (["refunds", id], _, true) => Target::ReadRefund((*id).into()),
            (["accounts"], true, _) => Target::CreateAccount,
            (["accounts", id], _, true) => Target::ReadAccount((*id).into()),
            (["accounts", id], ..) if method == Method::DELETE => Target::CloseAccount((*id).into()),
            (["account_links"], true, _) => Target::LinkAccount,
            (["transfers"], true, _) => Target::Transfer,
            (["transfers"], _, true) => Target::ListTransfers,
            (["transfers", id], _, true) => Target::ReadTransfer((*id).into()),
            (["transfers", id, "reversals"], true, _) => Target::Reverse((*id).into()),
            (["transfers", id, "reversals"], _, true) => Target::ListReversals((*id).into()),
            (["disputes"], _, true) => Target::ListDisputes,
            (["disputes", id], _, true) => Target::ReadDispute((*id).into()),
            (["balance_transactions"], _, true) => Target::ListTransactions,
            _ => Target::Nothing,
        };
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let sent: &[u8] = if method == Method::GET { query } else { request.body() };
        let parameters: Parameters = form_urlencoded::parse(sent).into_owned().collect();
        Self {
            target,
            signed: bearer.is_some_and(|key| !key.trim().is_empty()),
            key: header("idempotency-key").filter(|_| method == Method::POST).map(str::to_owned),
            host: header("host").or(authority).unwrap_or("localhost").to_owned(),
            whole: format!("{method} {path} {parameters:?}"),
            parameters,
        }
    }

    /// What it does to the books, if anything.
    pub(super) fn operation(&self) -> Option<Operation> {
        match self.target {
            Target::CreateCustomer => Some(Operation::Customer),
            Target::Confirm(_) => Some(Operation::Authorize),
            Target::Capture(_) => Some(Operation::Capture),
            Target::Cancel(_) => Some(Operation::Void),
            Target::Refund => Some(Operation::Refund),
            Target::Transfer | Target::Reverse(_) => Some(Operation::Transfer),
            Target::Create
            | Target::Read(_)
            | Target::ReadRefund(_)
            | Target::ListRefunds
            | Target::Search
            | Target::CreateAccount
            | Target::ReadAccount(_)
            | Target::CloseAccount(_)
            | Target::LinkAccount
            | Target::ReadTransfer(_)
            | Target::ListTransfers
            | Target::ListReversals(_)
            | Target::ReadDispute(_)
            | Target::ListDisputes
            | Target::ListTransactions
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
    let expanded = match call.target {
        Target::ListTransactions => balance::expands(parameters)?,
        _ => intents::expands(parameters)?,
    };
    let show = |intent: Intent| Answer::shows(intents::shown(&intent, expanded));
    match &call.target {
        Target::CreateCustomer => customers::create(parameters, book, now),
        Target::Create => intents::create(parameters, book, now).map(show),
        Target::Read(id) => intents::find(book, id).map(show),
        Target::Confirm(id) => {
            let intent = intents::find(book, id)?;
            intents::confirm(intent, parameters, &call.host, book, now, decline).map(show)
        }
        Target::Capture(id) => {
            intents::capture(intents::find(book, id)?, parameters, book, now, decline).map(show)
        }
        Target::Cancel(id) => intents::cancel(intents::find(book, id)?, book, now, decline).map(show),
        Target::Refund => refunds::create(parameters, book, now, decline),
        Target::ReadRefund(id) => refunds::read(id, book),
        Target::ListRefunds => refunds::list(parameters, book),
        Target::Search => intents::search(parameters, book),
        Target::CreateAccount => accounts::create(parameters, book, now),
        Target::ReadAccount(id) => accounts::read(id, book),
        Target::CloseAccount(id) => accounts::close(id, book),
        Target::LinkAccount => accounts::link(parameters, &call.host, book, now),
        Target::Transfer => transfers::create(parameters, book, now, decline),
        Target::ReadTransfer(id) => transfers::read(id, book),
        Target::ListTransfers => transfers::list(parameters, book),
        Target::Reverse(id) => transfers::reverse(id, parameters, book, now, decline),
        Target::ListReversals(id) => transfers::list_reversals(id, parameters, book),
        Target::ReadDispute(id) => disputes::read(id, book),
        Target::ListDisputes => disputes::list(parameters, book),
        Target::ListTransactions => balance::list(parameters, expanded, book),
        Target::Nothing => Err(Answer::not_found(None, "Unrecognized request URL.")),
    }
}

/// An id that nothing had before.
pub(super) fn fresh(prefix: &str) -> String {
    format!("{prefix}_{:032x}", u128::from_be_bytes(Entropy::system().bytes()))
}

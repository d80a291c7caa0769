//! Adyen's Checkout interface of version 71, as much of it as the product uses: which call is for what, and what
//! every call has in common.

mod notifications;
mod payments;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use roost::clock::Instant;
use roost::entropy::Entropy;
use roost::payment::ProviderName;
use serde_json::{Value, json};

use super::book::{Book, Given};
use super::faults::{Fault, Operation};
use super::{State, bare, down};
pub use notifications::sign_item;

/// What the paths of its calls begin with here, before the version: the product finds it at `/_local/adyen`.
pub(super) const PATH: &str = "/adyen/";

/// How long a key may be, in characters.
const LONGEST_KEY: usize = 64;

/// A request, read.
struct Call {
    target: Target,
    signed: bool,
    key: Option<String>,
    /// What was sent, if it is JSON.
    sent: Option<Value>,
    /// Path and body: what must be the same when a key comes again.
    whole: String,
}

/// What a request is for; a payment by its `pspReference`.
enum Target {
    Authorize,
    Capture(String),
    Cancel(String),
    Reverse(String),
    Refund(String),
    CancelByReference,
    Nothing,
}

impl State {
    /// Adyen's answer to a request, with the faults that were ordered for it; `None` is silence.
    pub(super) fn answer_as_adyen(&mut self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let call = Call::of(request);
        let earlier = match admitted(&call).and_then(|()| replayed(&call, &self.book)) {
            Ok(earlier) => earlier,
            Err(refusal) => return Some(refusal.response(&call)),
        };
        let fault = self.faults.next(ProviderName::Adyen, call.operation(), earlier.is_some());
        let answer = match (fault, earlier) {
            (Some(Fault::TimeoutBefore), _) => return None,
            (Some(Fault::Down), _) => return Some(down(&Answer::failed(503, "Service unavailable").body)),
            (Some(Fault::RateLimited), _) => Answer::error(429, "validation", "000", "Too many requests"),
            (Some(Fault::Error500), _) => Answer::failed(500, "An unexpected error occurred"),
            (_, Some(earlier)) => earlier,
            (_, None) => {
                let decline = fault == Some(Fault::Decline);
                let answer =
                    done(&call, &mut self.book, self.clock.now(), decline).unwrap_or_else(|refusal| refusal);
                remembered(&call, &answer, &mut self.book);
                self.tell();
                answer
            }
        };
        (fault != Some(Fault::TimeoutAfter)).then(|| answer.response(&call))
    }
}

impl Call {
    fn of(request: &Request<Bytes>) -> Self {
        let path = request.uri().path();
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let parts: Vec<&str> = path.trim_start_matches(PATH).split('/').collect();
        let target = match parts.as_slice() {
            _ if request.method() != Method::POST => Target::Nothing,
            ["v71", "payments"] => Target::Authorize,
            ["v71", "payments", id, "captures"] => Target::Capture((*id).into()),
            ["v71", "payments", id, "cancels"] => Target::Cancel((*id).into()),
            ["v71", "payments", id, "reversals"] => Target::Reverse((*id).into()),
            ["v71", "payments", id, "refunds"] => Target::Refund((*id).into()),
            ["v71", "cancels"] => Target::CancelByReference,
            _ => Target::Nothing,
        };
        let sent: Option<Value> = serde_json::from_slice(request.body()).ok();
        Self {
            target,
            signed: header("x-api-key").is_some_and(|key| !key.trim().is_empty()),
            key: header("idempotency-key").map(str::to_owned),
            whole: format!("{path} {}", sent.as_ref().map(Value::to_string).unwrap_or_default()),
            sent,
        }
    }

    /// What it does to the books, if anything.
    fn operation(&self) -> Option<Operation> {
        match self.target {
            Target::Authorize => Some(Operation::Authorize),
            Target::Capture(_) => Some(Operation::Capture),
            Target::Cancel(_) | Target::Reverse(_) | Target::CancelByReference => Some(Operation::Void),
            Target::Refund(_) => Some(Operation::Refund),
            Target::Nothing => None,
        }
    }

    /// The name of its answer in the book. No header holds a line's end, so no key of Stripe's is the same.
    fn kept(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("adyen\n{key}"))
    }
}

/// Whether the caller may ask at all.
fn admitted(call: &Call) -> Result<(), Answer> {
    if !call.signed {
        return Err(Answer::error(401, "security", "000", "HTTP Status Response - Unauthorized"));
    }
    if call.key.as_ref().is_some_and(|key| key.len() > LONGEST_KEY) {
        return Err(Answer::invalid("000", "The idempotency key is longer than 64 characters"));
    }
    Ok(())
}

/// The answer that the call's key had before, if it had one; the error when it was for another call.
fn replayed(call: &Call, book: &Book) -> Result<Option<Answer>, Answer> {
    let Some(given) = call.kept().and_then(|key| book.given(&key)) else { return Ok(None) };
    if given.request != call.whole {
        return Err(Answer::invalid("704", "The idempotency key was used for another request"));
    }
    Ok(Some(Answer { status: given.status, body: given.body.clone() }))
}

/// Keeps the answer under the call's key: of what was done. What was refused, or has failed, is tried again
/// under the same key.
fn remembered(call: &Call, answer: &Answer, book: &mut Book) {
    if let Some(key) = call.kept().filter(|_| answer.status < 300) {
        let request = call.whole.clone();
        book.give(&key, Given { request, status: answer.status, body: answer.body.clone() });
    }
}

/// Does what the call asks for. With `decline`, the answer to a call that does something is no.
fn done(call: &Call, book: &mut Book, now: Instant, decline: bool) -> Result<Answer, Answer> {
    let sent = || {
        let sent = call.sent.as_ref().filter(|sent| sent.is_object());
        sent.ok_or_else(|| Answer::error(400, "validation", "702", "Unable to parse the request"))
    };
    match &call.target {
        Target::Authorize => payments::authorize(sent()?, book, now, decline),
        Target::Capture(id) => payments::capture(id, sent()?, book, now, decline),
        Target::Cancel(id) => payments::cancel(id, sent()?, book, now, decline),
        Target::Reverse(id) => payments::reverse(id, sent()?, book, now, decline),
        Target::Refund(id) => payments::refund(id, sent()?, book, now, decline),
        Target::CancelByReference => payments::cancel_by_reference(sent()?, book, now, decline),
        Target::Nothing => Err(Answer::error(404, "validation", "000", "Not Found")),
    }
}

/// What a call is answered, in Adyen's words.
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    /// A request that is understood and cannot be done; the codes are of
    /// `docs.adyen.com/development-resources/error-codes`.
    fn invalid(code: &str, message: &str) -> Self {
        Self::error(422, "validation", code, message)
    }

    /// Adyen's own failure, which it keeps under no key.
    fn failed(status: u16, message: &str) -> Self {
        Self::error(status, "internal", "000", message)
    }

    fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let body = json!({
            "status": status,
            "errorCode": code,
            "message": message,
            "errorType": kind,
            "pspReference": fresh(),
        });
        Self { status, body }
    }

    /// With the header that says that the request was read.
    fn response(self, call: &Call) -> Response<Bytes> {
        let mut response = bare(self.status, &self.body);
        let headers = response.headers_mut();
        let reference = self.body["pspReference"].as_str().unwrap_or_default();
        if let Ok(reference) = HeaderValue::from_str(reference) {
            headers.insert("pspreference", reference);
        }
        if let Some(key) = call.key.as_deref().and_then(|key| HeaderValue::from_str(key).ok()) {
            headers.insert("idempotency-key", key);
        }
        response
    }
}

/// A `pspReference` that nothing had before: sixteen capitals and digits.
fn fresh() -> String {
    const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let sign = |byte: u8| char::from(SIGNS[usize::from(byte) % SIGNS.len()]);
    Entropy::system().bytes::<16>().into_iter().map(sign).collect()
}

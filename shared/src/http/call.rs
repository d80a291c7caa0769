//! One call as a handler sees it: who calls, about what, and a body that is read when its turn comes.

use lambda_http::Request;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;

use super::objects::Objects;
use super::{KeyUse, Operation};
use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::fingerprint;

/// The largest body taken, in bytes: 64 KB.
const LARGEST_BODY: usize = 64 * 1024;

/// A call of operation `O`, its token verified and its path read.
#[derive(Debug)]
pub struct Call<O: Operation> {
    /// Who calls.
    pub caller: O::Caller,
    /// The path's parameters.
    pub path: O::Path,
    /// The id of this request, for the log and the problem document.
    pub request_id: String,
    request: Request,
}

/// Stands for an empty path, query or body.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a client names a call by, so that it is done once however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<O: Operation> Call<O> {
    pub(super) fn of(caller: O::Caller, request: Request) -> Result<Self> {
        let path = path_parameters(O::PATH, request.uri().path()).ok_or(Error::NotFound)?;
        let path = serde_json::from_value(path).map_err(|_| Error::NotFound)?;
        let request_id = request_id(&request);
        Ok(Self { caller, path, request_id, request })
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// `Invalid`, naming the parameter.
    pub fn query(&self) -> Result<O::Query> {
        query_parameters(self.request.uri().query().unwrap_or_default())
    }

    /// The body.
    ///
    /// # Errors
    /// `UnsupportedMediaType`, `TooLarge`, `Malformed` when it is not JSON, `Invalid` when it is
    /// other JSON than asked for.
    pub fn body(&self) -> Result<O::Body> {
        let bytes = self.bytes()?;
        let media_type = self.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if bytes.is_empty() && media_type.is_empty() {
            // A call without a body where every field may be left out.
            return read_json(b"{}");
        }
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Error::UnsupportedMediaType);
        }
        read_json(if bytes.is_empty() { b"{}" } else { bytes })
    }

    /// The body's bytes as they came, for what is signed.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn bytes(&self) -> Result<&[u8]> {
        let bytes = self.request.body();
        if bytes.len() > LARGEST_BODY { Err(Error::TooLarge) } else { Ok(bytes) }
    }

    /// SHA-256 of the body as it was sent: the same key must come with the same.
    #[must_use]
    pub fn body_fingerprint(&self) -> [u8; 32] {
        fingerprint(self.request.body())
    }

    /// The path as it was called.
    #[must_use]
    pub fn called_path(&self) -> &str {
        self.request.uri().path()
    }

    /// The `Idempotency-Key`.
    ///
    /// # Errors
    /// `Malformed` when the operation requires one and there is none, or it is no key.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>> {
        let malformed = |code, detail: &str| Error::Malformed { code, detail: detail.into() };
        match self.request.headers().get("idempotency-key") {
            None if O::KEY == KeyUse::Required => Err(malformed(
                "idempotency_key_required",
                "This call needs an Idempotency-Key header, so that it is done once however often it is sent.",
            )),
            None => Ok(None),
            Some(value) => match value.to_str() {
                Ok(key)
                    if (1..=255).contains(&key.len())
                        && key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) =>
                {
                    Ok(Some(IdempotencyKey(key.to_owned())))
                }
                _ => Err(malformed(
                    "idempotency_key_invalid",
                    "An Idempotency-Key has 1 to 255 printable characters.",
                )),
            },
        }
    }

    /// The version that `If-Match` names; `None` when the caller does not mind which.
    ///
    /// # Errors
    /// `Stale` when it names none of ours, or several.
    pub fn if_match(&self) -> Result<Option<u64>> {
        let Some(value) = self.request.headers().get("if-match") else { return Ok(None) };
        match value.to_str() {
            Ok("*") => Ok(None),
            Ok(tag) => tag.trim_matches('"').parse().map(Some).map_err(|_| Error::Stale),
            Err(_) => Err(Error::Stale),
        }
    }

    /// A header that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }
}

/// API Gateway's id of the request; one of our own where there is none.
#[must_use]
pub fn request_id(request: &Request) -> String {
    let given = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    given.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
}

/// The bearer token of a request.
pub(super) fn bearer(request: &Request) -> Result<Option<&str>> {
    let unauthenticated = || Error::Unauthenticated {
        code: "token_invalid",
        detail: "The Authorization header is not a bearer token.",
    };
    let Some(value) = request.headers().get("authorization") else { return Ok(None) };
    let value = value.to_str().map_err(|_| unauthenticated())?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(unauthenticated()),
    }
}

/// The values that `path` has for the `{parameters}` of `template`; `None` when it is another path.
pub(crate) fn path_parameters(template: &str, path: &str) -> Option<serde_json::Value> {
    let mut parameters = serde_json::Map::new();
    let mut segments = path.trim_end_matches('/').split('/');
    for expected in template.trim_end_matches('/').split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                parameters.insert(name.to_owned(), segment.into());
            }
            None if expected == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(serde_json::Value::Object(parameters))
}

fn query_parameters<Q: DeserializeOwned>(query: &str) -> Result<Q> {
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(deserializer)
        .map_err(|error| wrong_field(&error.path().clone(), &error.into_inner().to_string()))
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // Whether it is JSON at all comes before what it says: a field may be missing only because the
    // text breaks off.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|_| Error::Malformed {
        code: "malformed_json",
        detail: "The body is not valid JSON.".into(),
    })?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(Objects(&mut deserializer))
        .map_err(|error| wrong_field(&error.path().clone(), &error.into_inner().to_string()))
}

/// The problem with one field, in the client's words: serde's sentence without our type names and
/// without the place in the text, which the pointer already names.
fn wrong_field(path: &serde_path_to_error::Path, message: &str) -> Error {
    use serde_path_to_error::Segment;
    let mut pointer: String = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    let sentence = message.split(" at line ").next().unwrap_or(message);
    let named = |prefix: &str| {
        sentence.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned)
    };
    if let Some(field) = named("missing field `") {
        return Error::invalid(format!("{pointer}/{field}"), "is required");
    }
    if let Some(field) = named("unknown field `") {
        if !pointer.ends_with(&format!("/{field}")) {
            pointer = format!("{pointer}/{field}");
        }
        return Error::invalid(pointer, "is not a field of this call");
    }
    let mut sentence = sentence.to_owned();
    for number in ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize"] {
        sentence = sentence.replace(&format!("expected {number}"), "expected a whole number");
    }
    for (ours, theirs) in [
        ("expected f64", "expected a number"),
        ("expected struct ", "expected an object "),
        ("expected a sequence", "expected a list"),
    ] {
        sentence = sentence.replace(ours, theirs);
    }
    if let Some(at) = sentence.find("expected an object ") {
        sentence.truncate(at + "expected an object".len());
    }
    if let Some(rest) = sentence.strip_prefix("invalid digit found in string") {
        sentence = format!("must be a whole number{rest}");
    }
    Error::invalid(pointer, sentence)
}

/// Verifies the caller of operation `O`, then reads the call.
pub(super) async fn admit<O: Operation>(app: &App, request: Request) -> Result<Call<O>> {
    let caller = <O::Caller as super::principal::Principal>::admit(app, bearer(&request)?).await?;
    Call::of(caller, request)
}

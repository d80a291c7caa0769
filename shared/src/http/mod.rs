//! The edge: one endpoint per function, from an API Gateway event to an answer and back.

mod answer;
mod call;
mod objects;
pub mod paging;
pub mod principal;
mod problem;
mod serve;

pub use answer::Answer;
pub use call::{Call, IdempotencyKey, Nothing, request_id};
pub use lambda_http::{Error as LambdaError, Request};
pub use principal::{Admin, Anyone, Guest, Host, Member, Visitor};
pub use problem::Problem;
pub use serve::{Described, Endpoint, Http, refuse, serve};

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::Result;

/// One call of the public contract: its types are the handler's, and the OpenAPI document's.
///
/// Checks run in the contract's order: the caller's token is verified and the path read before
/// `run`; `run` finds out whose the thing is, then reads the body with [`Call::body`], then looks
/// at the state.
pub trait Operation: Sized + Send + Sync + 'static {
    /// The name of the function, of its binary and of the operation in the OpenAPI document.
    const NAME: &'static str;
    /// The method, in capitals.
    const METHOD: &'static str;
    /// The path, with `{parameters}`.
    const PATH: &'static str;
    /// One line for the reader of the OpenAPI document.
    const SUMMARY: &'static str;
    /// The status of success.
    const SUCCESS: u16 = 200;
    /// The problems it may answer with beside those of every call (401 with a token, 404 with a
    /// path parameter, 400, 413, 415 and 422 with a body, 503).
    const PROBLEMS: &'static [u16] = &[];
    /// What it does with an `Idempotency-Key`.
    const KEY: KeyUse = KeyUse::Ignored;
    /// Who may call it.
    type Caller: principal::Principal;
    /// Its path parameters: [`Nothing`] or a struct of ids.
    type Path: DeserializeOwned + JsonSchema + Send;
    /// Its query parameters.
    type Query: DeserializeOwned + JsonSchema + Send;
    /// Its body.
    type Body: DeserializeOwned + JsonSchema + Send;
    /// What success says.
    type Reply: Serialize + JsonSchema + Send;

    /// Does it.
    fn run(app: App, call: Call<Self>) -> impl Future<Output = Result<Answer<Self::Reply>>> + Send;
}

/// What an operation does with an `Idempotency-Key` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Nothing.
    Ignored,
    /// Honours one.
    Accepted,
    /// Refuses a call without one.
    Required,
}

//! `GET /openapi.json`: the contract, as this repository has it in `infra/openapi.json`.

use std::sync::LazyLock;

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use serde_json::{Map, Value};

/// The operation.
#[derive(Debug)]
pub struct GetOpenapi;

/// The contract; a test holds it against the handlers.
pub(crate) const CONTRACT: &str = include_str!("../../../infra/openapi.json");

static DOCUMENT: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(CONTRACT).expect("infra/openapi.json is a JSON object"));

impl Operation for GetOpenapi {
    const NAME: &'static str = "get-openapi";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/openapi.json";
    const SUMMARY: &'static str = "This contract as OpenAPI 3.1.";
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Contract;

    async fn run(_: App, _: Call<Self>) -> Result<Answer<Contract>> {
        Ok(Answer::ok(Contract(&DOCUMENT)).cached(300))
    }
}

/// An OpenAPI document.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Contract(&'static Map<String, Value>);

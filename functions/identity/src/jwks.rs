//! The public keys of access tokens.

use roost::account::token::{PublicKey, public_keys};
use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use schemars::JsonSchema;
use serde::Serialize;

/// Lists the keys that access tokens are verified with.
#[derive(Debug)]
pub struct Jwks;

/// A JSON Web Key Set, RFC 7517.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeySet {
    /// The current key, and the one before it while the secret is rotated.
    pub keys: Vec<PublicKey>,
}

impl Operation for Jwks {
    const NAME: &'static str = "get-jwks";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/.well-known/jwks.json";
    const SUMMARY: &'static str = "The keys that access tokens are verified with.";
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = KeySet;

    async fn run(app: App, _: Call<Self>) -> Result<Answer<KeySet>> {
        Ok(Answer::ok(KeySet { keys: public_keys(&app.secrets) }).cached(300))
    }
}

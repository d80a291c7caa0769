//! Signing in.

use roost::account::session::Session;
use roost::account::{Email, password};
use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::signed_in::SignedIn;

/// Begins a session of an account.
#[derive(Debug)]
pub struct Login;

/// Who signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginBody {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
}

impl Operation for Login {
    const NAME: &'static str = "login";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/auth/login";
    const SUMMARY: &'static str = "Signs in to an account.";
    const PROBLEMS: &'static [u16] = &[401];
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = LoginBody;
    type Reply = SignedIn;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<SignedIn>> {
        let body = call.body()?;
        // What is no address is an unknown one: the same answer, after the same work.
        let user = app.store.user_by_email(body.email.parse::<Email>().ok().as_ref()).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let matches = password::matches(body.password, hash).await?;
        let user = user.filter(|_| matches).ok_or(Error::Unauthenticated {
            code: "invalid_credentials",
            detail: "There is no account with this address and password.",
        })?;
        let session = Session::begin(user.id, app.clock.now(), &app.entropy);
        app.store.begin_session(&session).await?;
        Ok(Answer::ok(SignedIn::of(&app, user, &session)?))
    }
}

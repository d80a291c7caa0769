//! Refreshing a session.

use roost::account::session::Session;
use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::signed_in::SignedIn;

/// Takes a refresh token for new tokens.
#[derive(Debug)]
pub struct Refresh;

/// The token of the session.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshBody {
    /// The newest refresh token; using an older one ends the session, unless it is the one before and was used
    /// half a minute ago at most.
    pub refresh_token: String,
}

impl Operation for Refresh {
    const NAME: &'static str = "refresh";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/auth/refresh";
    const SUMMARY: &'static str = "Takes a refresh token for new tokens.";
    const PROBLEMS: &'static [u16] = &[401];
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = RefreshBody;
    type Reply = SignedIn;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<SignedIn>> {
        let body = call.body()?;
        let now = app.clock.now();
        let session = Session::of_refresh_token(&app.secrets, now, &body.refresh_token)?;
        // Read before the token is used up, so that a failure to read costs nobody the session.
        let user = app
            .store
            .user(session.user)
            .await?
            .ok_or(Error::Unauthenticated { code: "token_invalid", detail: "The account is gone." })?;
        let renewed = session.renewed(now, &app.secrets);
        app.store.renew_session(&session, &renewed).await?;
        Ok(Answer::ok(SignedIn::of(&app, user, &renewed)?))
    }
}

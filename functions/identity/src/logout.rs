//! Signing out.

use roost::account::session::Session;
use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Anyone, Call, Nothing, Operation};

use crate::refresh::RefreshBody;

/// Ends a session.
#[derive(Debug)]
pub struct Logout;

impl Operation for Logout {
    const NAME: &'static str = "logout";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/auth/logout";
    const SUMMARY: &'static str = "Ends a session: its refresh token is refused from now on.";
    const SUCCESS: u16 = 204;
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = RefreshBody;
    type Reply = Nothing;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Nothing>> {
        let token = call.body()?.refresh_token;
        // A token that is none of ours, or no longer, has no session left to end: that is as asked.
        if let Ok(session) = Session::of_refresh_token(&app.secrets, app.clock.now(), &token) {
            app.store.end_session(session.user, session.id).await?;
        }
        Ok(Answer::done())
    }
}

//! The caller's own account.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Member, Nothing, Operation};

use crate::signed_in::Profile;

/// Reads the caller's account.
#[derive(Debug)]
pub struct Me;

impl Operation for Me {
    const NAME: &'static str = "get-me";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/users/me";
    const SUMMARY: &'static str = "The caller's account.";
    type Caller = Member;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Profile;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Profile>> {
        let user = app
            .store
            .user(call.caller.id)
            .await?
            .ok_or(Error::Unauthenticated { code: "token_invalid", detail: "The account is gone." })?;
        Ok(Answer::ok(user.into()))
    }
}

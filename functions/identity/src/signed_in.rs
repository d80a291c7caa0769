//! What signing up, signing in and refreshing answer.

use roost::account::session::Session;
use roost::account::{Email, Role, User, token};
use roost::app::App;
use roost::error::Result;
use roost::ids::UserId;
use schemars::JsonSchema;
use serde::Serialize;

/// An account and the tokens of one of its sessions.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The account.
    pub user: Profile,
    /// Goes with every call: `Authorization: Bearer …`.
    pub access_token: String,
    /// Gives new tokens, once, within seven days.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// How long the access token holds, in seconds.
    pub expires_in: i64,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The account.
    pub id: UserId,
    /// The address, in lower case.
    pub email: Email,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// What the account may do.
    pub roles: Vec<Role>,
}

impl SignedIn {
    /// `user` with fresh tokens of `session`.
    pub(crate) fn of(app: &App, user: User, session: &Session) -> Result<Self> {
        let access_token = token::issue(&app.secrets, app.clock.now(), user.id, &user.roles, &app.entropy)?;
        Ok(Self {
            user: user.into(),
            access_token,
            refresh_token: session.refresh_token(&app.secrets, &app.entropy),
            token_type: "Bearer",
            expires_in: token::LIFETIME_SECONDS,
        })
    }
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            roles: user.roles,
        }
    }
}

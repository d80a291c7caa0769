//! Signing up.

use roost::account::session::Session;
use roost::account::{Email, Role, User, password};
use roost::app::App;
use roost::error::{Fields, Result};
use roost::http::{Answer, Anyone, Call, Nothing, Operation};
use roost::ids::UserId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::signed_in::SignedIn;

/// Makes an account and its first session.
#[derive(Debug)]
pub struct Signup;

/// Who signs up.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignupBody {
    /// The address to sign in with.
    #[schemars(with = "Email")]
    pub email: String,
    /// 8 to 200 characters.
    pub password: String,
    /// 1 to 100 characters.
    pub first_name: String,
    /// 1 to 100 characters.
    pub last_name: String,
}

impl Operation for Signup {
    const NAME: &'static str = "signup";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/auth/signup";
    const SUMMARY: &'static str = "Makes an account and signs in to it.";
    const SUCCESS: u16 = 201;
    const PROBLEMS: &'static [u16] = &[409];
    type Caller = Anyone;
    type Path = Nothing;
    type Query = Nothing;
    type Body = SignupBody;
    type Reply = SignedIn;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<SignedIn>> {
        let (mut user, password) = validate(&app, call.body()?)?;
        user.password_hash = Some(password::hash(password, &app.entropy).await?);
        let session = Session::begin(user.id, app.clock.now(), &app.entropy);
        app.store.create_user(&user, &session).await?;
        Ok(Answer::created(SignedIn::of(&app, user, &session)?))
    }
}

/// The account asked for, still without its password's hash, and the password.
fn validate(app: &App, body: SignupBody) -> Result<(User, String)> {
    let mut fields = Fields::default();
    let email = fields.take("/email", body.email.parse::<Email>());
    fields.take("/password", password::check(&body.password));
    let first_name = fields.text("/firstName", &body.first_name, 1, 100);
    let last_name = fields.text("/lastName", &body.last_name, 1, 100);
    fields.finish()?;
    let user = User {
        id: UserId::random(&app.entropy),
        email: email.expect("a refused address ended the call"),
        first_name,
        last_name,
        roles: vec![Role::Guest],
        password_hash: None,
        created_at: app.clock.now(),
    };
    Ok((user, body.password))
}

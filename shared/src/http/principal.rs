//! Who calls, as argument types of handlers: an operation that names `Host` cannot be reached
//! without a token, and a query scoped by a `Host` cannot be asked by a guest.

use std::future::Future;

use crate::account::token::{self, Claims};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::UserId;

/// A kind of caller.
pub trait Principal: Sized + Send + Sync + std::fmt::Debug + 'static {
    /// Whether the OpenAPI document asks for a token.
    const NEEDS_TOKEN: bool;
    /// Whether the call reads a token at all.
    const READS_TOKEN: bool = true;

    /// The caller that this bearer token, or none, stands for.
    fn admit(app: &App, bearer: Option<&str>) -> impl Future<Output = Result<Self>> + Send;
}

macro_rules! signed_in {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            /// The caller's account.
            pub id: UserId,
        }

        impl Principal for $name {
            const NEEDS_TOKEN: bool = true;
            async fn admit(app: &App, bearer: Option<&str>) -> Result<Self> {
                Ok(Self { id: claims(app, bearer)?.user })
            }
        }
    )*};
}

signed_in! {
    /// Somebody signed in, as the one who stays and pays.
    Guest
    /// Somebody signed in, as the one whose place it is. Hosting is decided by a thing's `hostId`:
    /// the store's queries for a `Host` find the host's own things alone.
    Host
    /// Somebody signed in, in whichever role a thing gives them.
    Member
}

/// Somebody whose token has the role `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    /// The caller's account.
    pub id: UserId,
}

impl Principal for Admin {
    const NEEDS_TOKEN: bool = true;
    async fn admit(app: &App, bearer: Option<&str>) -> Result<Self> {
        let claims = claims(app, bearer)?;
        if !claims.is_admin() {
            return Err(Error::Forbidden { detail: "This call is for administrators." });
        }
        Ok(Self { id: claims.user })
    }
}

/// Anybody: a token is not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anyone;

impl Principal for Anyone {
    const NEEDS_TOKEN: bool = false;
    const READS_TOKEN: bool = false;
    async fn admit(_: &App, _: Option<&str>) -> Result<Self> {
        Ok(Self)
    }
}

/// Anybody; with a token, which must then be valid, somebody known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// The caller's account, when a token came along.
    pub id: Option<UserId>,
}

impl Principal for Visitor {
    const NEEDS_TOKEN: bool = false;
    async fn admit(app: &App, bearer: Option<&str>) -> Result<Self> {
        match bearer {
            None => Ok(Self { id: None }),
            some => Ok(Self { id: Some(claims(app, some)?.user) }),
        }
    }
}

fn claims(app: &App, bearer: Option<&str>) -> Result<Claims> {
    let bearer = bearer.ok_or(Error::Unauthenticated {
        code: "token_required",
        detail: "This call needs a bearer token.",
    })?;
    token::verify(&app.secrets, app.clock.now(), bearer)
}

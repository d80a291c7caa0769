//! Access tokens.
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::secrets::Secrets;

/// What an access token says.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Whose it is.
    pub user: UserId,
}

impl Claims {
    /// Whether the holder is an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        false
    }
}

/// Verifies a token.
pub fn verify(_: &Secrets, _: Instant, _: &str) -> Result<Claims> {
    Err(Error::NotFound)
}

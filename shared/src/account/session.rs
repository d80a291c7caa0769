//! Sessions and their refresh tokens. A refresh token is used once: each use gives the next one,
//! and a second use of the same one ends the session, since one of the two who have it stole it.
//! But for the first moments: a client whose answer was lost sends the token again, and gets the
//! same next one.

use serde::{Deserialize, Serialize};

use super::token;
use crate::clock::{Duration, Instant};
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
use crate::secrets::{Purpose, Secrets};

/// How long a refresh token can be used.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How long the use of a refresh token may be repeated: a client tries again, or has two windows open.
pub const REPEATABLE: Duration = Duration::from_secs(30);

/// A session of a signed-in user, between two refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    /// Which.
    pub id: SessionId,
    /// Which of its refresh tokens is the current one: derived from the one before with the deployment's secret, so
    /// that a use that comes twice makes the same.
    pub generation: u128,
    /// From when on its refresh token is refused; whole seconds.
    pub expires_at: Instant,
}

/// What a refresh token carries, sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    user: u128,
    session: u128,
    generation: u128,
    expires: i64,
}

impl Session {
    /// A new session of `user`.
    #[must_use]
    pub fn begin(user: UserId, now: Instant, entropy: &Entropy) -> Self {
        Self::generation(user, SessionId::random(entropy), now, u128::from_be_bytes(entropy.bytes()))
    }

    /// The same session after one more refresh.
    #[must_use]
    pub fn renewed(self, now: Instant, secrets: &Secrets) -> Self {
        let parts: [&[u8]; 2] = [&self.id.bits().to_be_bytes(), &self.generation.to_be_bytes()];
        Self::generation(self.user, self.id, now, secrets.keyed_hash(Purpose::Refresh, &parts))
    }

    fn generation(user: UserId, id: SessionId, now: Instant, generation: u128) -> Self {
        let expires = now.as_second() + LIFETIME.as_secs();
        Self { user, id, generation, expires_at: Instant::from_second(expires).unwrap_or(Instant::MAX) }
    }

    /// The session's refresh token: opaque to whoever carries it.
    #[must_use]
    pub fn refresh_token(&self, secrets: &Secrets, entropy: &Entropy) -> String {
        let content = Content {
            user: self.user.bits(),
            session: self.id.bits(),
            generation: self.generation,
            expires: self.expires_at.as_second(),
        };
        let content = postcard::to_stdvec(&content).expect("numbers can be written");
        secrets.seal(Purpose::Refresh, "", &content, entropy)
    }

    /// The session of a refresh token of ours. Whether it is still the current one, the store knows.
    ///
    /// # Errors
    /// `Unauthenticated`: `token_expired`, or `token_invalid` when it is none of ours.
    pub fn of_refresh_token(secrets: &Secrets, now: Instant, token: &str) -> Result<Self> {
        let content = secrets.unseal(Purpose::Refresh, "", token).ok_or_else(token::refused)?;
        let content: Content = postcard::from_bytes(&content).map_err(|_| token::refused())?;
        let expires_at = Instant::from_second(content.expires).map_err(|_| token::refused())?;
        if now >= expires_at {
            return Err(Error::Unauthenticated {
                code: "token_expired",
                detail: "The refresh token has expired; please sign in again.",
            });
        }
        Ok(Self {
            user: UserId::from_bits(content.user),
            id: SessionId::from_bits(content.session),
            generation: content.generation,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_reads_back_until_seven_days_have_passed() {
        let (entropy, secrets) = (Entropy::system(), Secrets::new(&"s".repeat(32), None).unwrap());
        let now = Instant::from_second(1_800_000_000).unwrap();
        let session = Session::begin(UserId::random(&entropy), now, &entropy);
        let token = session.refresh_token(&secrets, &entropy);
        let read = |seconds: i64| {
            let then = Instant::from_second(now.as_second() + seconds).unwrap();
            Session::of_refresh_token(&secrets, then, &token)
        };
        assert_eq!(read(604_799).unwrap(), session);
        assert!(matches!(read(604_800), Err(Error::Unauthenticated { code: "token_expired", .. })));
        let renewed = session.renewed(now, &secrets);
        assert!(renewed.id == session.id && renewed.generation != session.generation);
        let forged = secrets.seal(Purpose::Cursor, "", b"", &entropy);
        let refused = Session::of_refresh_token(&secrets, now, &forged);
        assert!(matches!(refused, Err(Error::Unauthenticated { code: "token_invalid", .. })));
    }
}

//! Passwords: Argon2id, and the same time for a wrong password as for an unknown address.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::entropy::Entropy;
use crate::error::{Error, Result};

/// How many characters a password has at least.
pub const SHORTEST: usize = 8;
/// How many characters a password has at most.
pub const LONGEST: usize = 200;

/// OWASP's parameters for Argon2id: 19 MiB of memory, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many hashes a process works on at a time, each in [`MEMORY_KIB`]. A function in Lambda has
/// one request at a time; this is for the local stack, where hundreds may sign up at once.
static HASHING: Semaphore = Semaphore::const_new(4);

/// The hash of a password, as a PHC string: it names its algorithm and parameters, so that those
/// can change while the old ones still verify.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

/// Whether a password may be chosen: it has 8 to 200 characters, of any kind.
///
/// # Errors
/// A sentence for the client.
pub fn check(password: &str) -> std::result::Result<(), String> {
    if (SHORTEST..=LONGEST).contains(&password.chars().count()) {
        Ok(())
    } else {
        Err(format!("must have {SHORTEST} to {LONGEST} characters"))
    }
}

/// The hash to keep of a password, under a fresh salt.
pub async fn hash(password: String, entropy: &Entropy) -> Result<Hash> {
    let salt: [u8; 16] = entropy.bytes();
    let work = move || -> argon2::password_hash::Result<Hash> {
        Ok(Hash(argon2id().hash_password_with_salt(&bytes_of(&password), &salt)?.to_string()))
    };
    aside(work).await?.map_err(|error| Error::internal(format!("hashing a password: {error}")))
}

/// Whether `password` is the one of `hash`. Without a hash (an unknown address, an account that
/// has no password) it is not, after the same work: the answer's time tells nothing.
pub async fn matches(password: String, hash: Option<Hash>) -> Result<bool> {
    let work = move || -> argon2::password_hash::Result<bool> {
        let Some(Hash(hash)) = hash else {
            argon2id().hash_password_with_salt(&bytes_of(&password), &[0; 16])?;
            return Ok(false);
        };
        match argon2id().verify_password(&bytes_of(&password), &PasswordHash::new(&hash)?) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(other),
        }
    };
    aside(work).await?.map_err(|error| Error::internal(format!("verifying a password: {error}")))
}

fn argon2id() -> Argon2<'static> {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("OWASP's parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

/// A password's bytes: never trimmed, but in Unicode's composed form, since keyboards disagree on
/// how an accent is sent.
fn bytes_of(password: &str) -> Vec<u8> {
    password.nfc().collect::<String>().into_bytes()
}

/// Does work that would keep a thread of the runtime from its other requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = HASHING.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_matches_to_the_last_space() {
        let kept = hash("caf\u{e9} au lait ".into(), &Entropy::system()).await.unwrap();
        assert!(kept.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.0);
        for (password, expected) in [
            ("caf\u{e9} au lait ", true),
            ("cafe\u{301} au lait ", true),
            ("caf\u{e9} au lait", false),
            ("Caf\u{e9} au lait ", false),
            ("", false),
        ] {
            assert_eq!(matches(password.into(), Some(kept.clone())).await.unwrap(), expected, "{password:?}");
        }
        assert!(!matches("caf\u{e9} au lait ".into(), None).await.unwrap());
        assert!(matches(String::new(), Some(Hash("no hash".into()))).await.is_err());
    }

    #[test]
    fn a_password_has_8_to_200_characters() {
        assert!(check("1234567").is_err() && check(&"é".repeat(201)).is_err());
        assert!(check("\u{1f511}\u{1f511}\u{1f511}\u{1f511}").is_err(), "characters, not bytes");
        assert!(check("        ").is_ok() && check(&"é".repeat(200)).is_ok());
    }
}

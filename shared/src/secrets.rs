//! Keys, all derived from one deployment secret, and what is done with them: sealing what travels
//! through clients, keyed hashes, and the signature key of access tokens.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::account::token::TokenKey;
use crate::entropy::Entropy;

/// The secret of a deployment and, while it is rotated, the one before it: what the older sealed
/// and signed stays readable until it lapses.
#[derive(Clone)]
pub struct Secrets {
    current: String,
    previous: Option<String>,
    token_keys: Arc<OnceLock<Vec<TokenKey>>>,
}

/// What a key is for. Each purpose has its own key, so a quote can never pass for a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Seals list cursors.
    Cursor,
    /// Signs and seals quotes.
    Quote,
    /// Seals refresh tokens.
    Refresh,
    /// Derives ids from idempotency keys.
    Idempotency,
    /// The seed of the Ed25519 key that signs access tokens.
    AccessToken,
}

impl Secrets {
    /// Keys from the deployment's secret (at least 32 characters) and its predecessor.
    ///
    /// # Errors
    /// A sentence when the secret is too short to be one.
    pub fn new(current: &str, previous: Option<&str>) -> Result<Self, &'static str> {
        if current.len() < 32 || previous.is_some_and(|secret| secret.len() < 32) {
            return Err("a deployment secret has at least 32 characters");
        }
        let previous = previous.map(str::to_owned);
        Ok(Self { current: current.to_owned(), previous, token_keys: Arc::default() })
    }

    /// Seals `content` so that only this deployment can read it, and only in this `context`
    /// (whose it is, which query it continues). URL-safe text.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, context: &str, content: &[u8], entropy: &Entropy) -> String {
        let nonce: [u8; 12] = entropy.bytes();
        let mut sealed = content.to_vec();
        aead(&self.current, purpose)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed)
            .expect("a short text can be sealed");
        let mut text = nonce.to_vec();
        text.append(&mut sealed);
        URL_SAFE_NO_PAD.encode(text)
    }

    /// What [`Self::seal`] sealed for the same purpose in the same context; `None` for anything else.
    #[must_use]
    pub fn unseal(&self, purpose: Purpose, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, content) = bytes.split_first_chunk::<12>()?;
        self.each().find_map(|secret| {
            let mut content = content.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = aead(secret, purpose).open_in_place(nonce, Aad::from(context), &mut content).ok()?;
            Some(opened.to_vec())
        })
    }

    /// 128 bits that only this deployment can derive from `parts`. Parts are kept apart by length.
    /// The current secret only: a rotation forgets which idempotency keys were used.
    #[must_use]
    pub fn keyed_hash(&self, purpose: Purpose, parts: &[&[u8]]) -> u128 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &derive(&self.current, purpose));
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let (bits, _) = tag.as_ref().split_first_chunk::<16>().expect("a SHA-256 tag has 32 bytes");
        u128::from_be_bytes(*bits)
    }

    /// The keys that access tokens are signed with: the current first, then the previous one. Made once.
    pub(crate) fn token_keys(&self) -> &[TokenKey] {
        let made = || self.each().map(|secret| TokenKey::of(&derive(secret, Purpose::AccessToken))).collect();
        self.token_keys.get_or_init(made)
    }

    fn each(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// SHA-256 of `content`: to recognise it again, not to hide it.
#[must_use]
pub fn fingerprint(content: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn derive(secret: &str, purpose: Purpose) -> [u8; 32] {
    let label: &[u8] = match purpose {
        Purpose::Cursor => b"cursor",
        Purpose::Quote => b"quote",
        Purpose::Refresh => b"refresh",
        Purpose::Idempotency => b"idempotency",
        Purpose::AccessToken => b"access token",
    };
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, b"roost")
        .extract(secret.as_bytes())
        .expand(&[label], HKDF_SHA256)
        .and_then(|material| material.fill(&mut key))
        .expect("32 bytes are one block of HKDF-SHA256");
    key
}

fn aead(secret: &str, purpose: Purpose) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, &derive(secret, purpose)).expect("32 bytes are a key");
    LessSafeKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_whole_for_its_purpose_and_in_its_context() {
        let entropy = Entropy::system();
        let secrets = Secrets::new(&"s".repeat(32), None).unwrap();
        let sealed = secrets.seal(Purpose::Cursor, "usr_1 /v1/bookings", b"page 2", &entropy);
        let open = |purpose, context, text: &str| secrets.unseal(purpose, context, text);
        assert_eq!(open(Purpose::Cursor, "usr_1 /v1/bookings", &sealed).unwrap(), b"page 2");
        assert!(open(Purpose::Quote, "usr_1 /v1/bookings", &sealed).is_none());
        assert!(open(Purpose::Cursor, "usr_2 /v1/bookings", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(open(Purpose::Cursor, "usr_1 /v1/bookings", &forged).is_none(), "byte {at}");
        }
        let rotated = Secrets::new(&"t".repeat(32), Some(&"s".repeat(32))).unwrap();
        assert!(rotated.unseal(Purpose::Cursor, "usr_1 /v1/bookings", &sealed).is_some());
        let other = Secrets::new(&"t".repeat(32), None).unwrap();
        assert!(other.unseal(Purpose::Cursor, "usr_1 /v1/bookings", &sealed).is_none());
    }
}

//! Access tokens: JWTs signed with Ed25519, verified in every function with no call to anything,
//! and gone 15 minutes later to the second.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::clock::Instant;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::secrets::{Secrets, fingerprint};

/// How long an access token holds, in seconds. A role taken away or a session ended is felt after
/// at most that long.
pub const LIFETIME_SECONDS: i64 = 900;

/// Who issues the tokens, and for whom.
const ROOST: &str = "roost";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is.
    pub user: UserId,
    /// What the holder might do when it was issued.
    pub roles: Vec<Role>,
}

impl Claims {
    /// Whether the holder is an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }
}

/// The claims as they travel.
#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    roles: Vec<Role>,
    iat: i64,
    exp: i64,
    jti: String,
}

/// A new access token of `user`, good for [`LIFETIME_SECONDS`] from `now`.
pub fn issue(
    secrets: &Secrets,
    now: Instant,
    user: UserId,
    roles: &[Role],
    entropy: &Entropy,
) -> Result<String> {
    let key = secrets.token_keys().first().ok_or_else(|| Error::internal("a deployment has a secret"))?;
    let header = Header {
        kid: Some(key.public.kid.clone()),
        typ: Some("JWT".into()),
        ..Header::new(Algorithm::EdDSA)
    };
    let payload = Payload {
        iss: ROOST.into(),
        aud: ROOST.into(),
        sub: user,
        roles: roles.to_vec(),
        iat: now.as_second(),
        exp: now.as_second() + LIFETIME_SECONDS,
        jti: URL_SAFE_NO_PAD.encode(entropy.bytes::<16>()),
    };
    jsonwebtoken::encode(&header, &payload, &key.signs).map_err(Error::internal)
}

/// What a token of ours says at the instant `now`.
///
/// # Errors
/// `Unauthenticated`: `token_expired` from the second on in which it expires, `token_invalid` for
/// everything that this deployment did not sign with the one algorithm it signs with.
pub fn verify(secrets: &Secrets, now: Instant, token: &str) -> Result<Claims> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
    // The key is one of ours by its id. Keys and addresses of keys that a header brings along are
    // never looked at.
    let keys = secrets.token_keys();
    let key = keys.iter().find(|key| header.kid.as_deref() == Some(&key.public.kid)).ok_or_else(refused)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ROOST]);
    validation.set_audience(&[ROOST]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Checked below, by the clock that every function reads and without leeway.
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode::<Payload>(token, &key.verifies, &validation);
    let payload = decoded.map_err(|_| refused())?.claims;
    if now.as_second() >= payload.exp {
        return Err(Error::Unauthenticated {
            code: "token_expired",
            detail: "The access token has expired; refresh it.",
        });
    }
    Ok(Claims { user: payload.sub, roles: payload.roles })
}

/// A key that access tokens are signed and verified with, ready for both.
pub(crate) struct TokenKey {
    signs: EncodingKey,
    verifies: DecodingKey,
    public: PublicKey,
}

impl TokenKey {
    /// The key of a seed.
    pub(crate) fn of(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed");
        let document = pair.to_pkcs8v1().expect("a key pair can be written");
        Self {
            signs: EncodingKey::from_ed_der(document.as_ref()),
            verifies: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            public: PublicKey::of(&pair),
        }
    }
}

/// A key that access tokens are verified with, as RFC 8037 writes it in a JSON Web Key Set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PublicKey {
    /// `OKP`, an octet key pair.
    pub kty: &'static str,
    /// The curve: `Ed25519`.
    pub crv: &'static str,
    /// The algorithm: `EdDSA`.
    pub alg: &'static str,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// The key's id in the header of a token: its RFC 7638 thumbprint.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

impl PublicKey {
    fn of(pair: &Ed25519KeyPair) -> Self {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        // RFC 7638: the required members alone, in this order, without spaces.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(fingerprint(members.as_bytes()));
        Self { kty: "OKP", crv: "Ed25519", alg: "EdDSA", purpose: "sig", kid, x }
    }
}

/// The keys that tokens are verified with: the current one, and while the secret is rotated the
/// one before.
#[must_use]
pub fn public_keys(secrets: &Secrets) -> Vec<PublicKey> {
    secrets.token_keys().iter().map(|key| key.public.clone()).collect()
}

/// The refusal of a token that is none of ours, whatever is wrong with it.
pub(crate) fn refused() -> Error {
    Error::Unauthenticated { code: "token_invalid", detail: "The token is not valid." }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUED: i64 = 1_800_000_000;

    fn at(second: i64) -> Instant {
        Instant::from_second(second).unwrap()
    }

    fn secrets(letter: &str) -> Secrets {
        Secrets::new(&letter.repeat(32), None).unwrap()
    }

    fn pkcs8(secrets: &Secrets) -> EncodingKey {
        secrets.token_keys()[0].signs.clone()
    }

    fn code(result: Result<Claims>) -> &'static str {
        match result {
            Ok(_) => "accepted",
            Err(Error::Unauthenticated { code, .. }) => code,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// A token with everything right, but for what the test changes.
    fn signed(key: &EncodingKey, header: &Header, change: impl FnOnce(&mut Value)) -> String {
        let user = UserId::from_bits(7);
        let (iat, exp) = (ISSUED, ISSUED + LIFETIME_SECONDS);
        let mut payload = json!({
            "iss": "roost", "aud": "roost", "sub": user, "roles": ["guest", "admin"],
            "iat": iat, "exp": exp, "jti": "1",
        });
        change(&mut payload);
        jsonwebtoken::encode(header, &payload, key).unwrap()
    }

    #[test]
    fn a_token_holds_for_fifteen_minutes_to_the_second() {
        let (ours, entropy, user) = (secrets("s"), Entropy::system(), UserId::from_bits(7));
        let issued = Instant::from_millisecond(ISSUED * 1000 + 999).unwrap();
        let token = issue(&ours, issued, user, &[Role::Admin], &entropy).unwrap();
        let claims = verify(&ours, at(ISSUED), &token).unwrap();
        assert_eq!((claims.user, claims.is_admin()), (user, true));
        assert_eq!(code(verify(&ours, at(ISSUED + 899), &token)), "accepted");
        assert_eq!(code(verify(&ours, at(ISSUED + 900), &token)), "token_expired");
        assert_eq!(code(verify(&ours, at(ISSUED + 901), &token)), "token_expired");
        // The secret was rotated: the older tokens live out their time, then are nobody's.
        let rotated = Secrets::new(&"t".repeat(32), Some(&"s".repeat(32))).unwrap();
        assert_eq!(code(verify(&rotated, at(ISSUED), &token)), "accepted");
        assert_eq!(code(verify(&secrets("t"), at(ISSUED), &token)), "token_invalid");
    }

    #[test]
    fn no_forgery_passes() {
        let (ours, theirs) = (secrets("s"), secrets("x"));
        let public = public_keys(&ours).remove(0);
        let header = |algorithm| Header { kid: Some(public.kid.clone()), ..Header::new(algorithm) };
        let eddsa = header(Algorithm::EdDSA);
        let good = signed(&pkcs8(&ours), &eddsa, |_| {});
        assert_eq!(code(verify(&ours, at(ISSUED), &good)), "accepted");

        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let parts: Vec<&str> = good.split('.').collect();
        let with_header = |json: &Value| format!("{}.{}.{}", part(json), parts[1], parts[2]);
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let promoted = part(&json!({ "sub": UserId::from_bits(8), "roles": ["admin"] }));
        let x_bytes = URL_SAFE_NO_PAD.decode(&public.x).unwrap();
        let hmac =
            |secret: &[u8]| signed(&EncodingKey::from_secret(secret), &header(Algorithm::HS256), |_| {});
        let their_key = public_keys(&theirs).remove(0);
        let jwk =
            serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "x": their_key.x })).unwrap();
        let forgeries = [
            ("no algorithm", with_header(&json!({ "alg": "none", "kid": public.kid }))),
            (
                "no algorithm, no signature",
                format!("{}.{}.", part(&json!({ "alg": "none", "kid": public.kid })), part(&payload)),
            ),
            ("the public key as an HMAC secret", hmac(&x_bytes)),
            ("the public key's text as an HMAC secret", hmac(public.x.as_bytes())),
            ("RSA in name", with_header(&json!({ "alg": "RS256", "kid": public.kid }))),
            ("another deployment's key under our id", signed(&pkcs8(&theirs), &eddsa, |_| {})),
            (
                "another key under its own id",
                signed(&pkcs8(&theirs), &Header { kid: Some(their_key.kid), ..eddsa.clone() }, |_| {}),
            ),
            (
                "a key that the header brings along",
                signed(&pkcs8(&theirs), &Header { jwk: Some(jwk), ..eddsa.clone() }, |_| {}),
            ),
            ("no key id", signed(&pkcs8(&ours), &Header::new(Algorithm::EdDSA), |_| {})),
            ("another payload", format!("{}.{promoted}.{}", parts[0], parts[2])),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("a part too few", format!("{}.{}", parts[0], parts[1])),
            ("a part too many", format!("{good}.{}", parts[2])),
            ("nothing", String::new()),
            ("garbage", "garbage".into()),
        ];
        for (name, token) in forgeries {
            assert_eq!(code(verify(&ours, at(ISSUED), &token)), "token_invalid", "{name}");
        }
    }

    #[test]
    fn what_we_signed_for_something_else_does_not_pass_either() {
        let ours = secrets("s");
        let kid = public_keys(&ours).remove(0).kid;
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        let without = |claim: &'static str| {
            move |payload: &mut Value| {
                payload.as_object_mut().unwrap().remove(claim);
            }
        };
        for claim in ["iss", "aud", "sub", "exp", "roles"] {
            let token = signed(&pkcs8(&ours), &header, without(claim));
            assert_eq!(code(verify(&ours, at(ISSUED), &token)), "token_invalid", "no {claim}");
        }
        for (claim, value) in [
            ("iss", json!("another")),
            ("aud", json!("another")),
            ("sub", json!("lst_0000000000000000000007")),
            ("exp", json!("never")),
            ("exp", json!(null)),
            ("exp", json!(1e300)),
        ] {
            let token = signed(&pkcs8(&ours), &header, |payload| payload[claim] = value.clone());
            assert_eq!(code(verify(&ours, at(ISSUED), &token)), "token_invalid", "{claim} {value}");
        }
    }

    #[test]
    fn a_key_id_is_its_thumbprint() {
        // RFC 8037, appendices A.1 and A.3.
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = PublicKey::of(&Ed25519KeyPair::from_seed_unchecked(&seed).unwrap());
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}

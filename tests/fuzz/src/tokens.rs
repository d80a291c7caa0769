//! What only this deployment can have written: access tokens, quotes and cursors. Whatever is changed
//! in one makes it none.

use std::sync::LazyLock;

use roost::account::token;
use roost::app::App;
use roost::clock::Instant;
use roost::entropy::Entropy;
use roost::http::paging;
use roost::ids::UserId;
use roost::psp::stripe::webhook;
use roost::quote::Quote;
use roost::secrets::{Purpose, Secrets};
use roost_local::{events, provider};

use crate::call::PRODUCT;

const SUBJECT: UserId = UserId::from_bits(7);
const CONTEXT: &str = "fuzz";

static SECRETS: LazyLock<Secrets> =
    LazyLock::new(|| Secrets::new("a secret of at least thirty-two characters", None).expect("a secret"));
/// Long before the token below expires.
static NOW: LazyLock<Instant> = LazyLock::new(|| "2027-01-01T00:00:00Z".parse().expect("a time"));
static TOKEN: LazyLock<String> =
    LazyLock::new(|| token::issue(&SECRETS, *NOW, SUBJECT, &[], &Entropy::system()).expect("a token"));

pub(crate) fn access_tokens() -> Vec<Vec<u8>> {
    vec![TOKEN.clone().into_bytes()]
}

pub(crate) fn access(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match token::verify(&SECRETS, *NOW, &text) {
        Ok(claims) => {
            assert_eq!(claims.user, SUBJECT, "whose token is this?");
            // Base64 has several spellings of one signature's end; what is signed has one.
            let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
            assert_eq!(signed(&text), signed(&TOKEN), "a token of ours that we did not write");
            "a token".into()
        }
        Err(why) => why.to_string(),
    }
}

/// A webhook as it comes: its signature in the first line, then its body.
static WEBHOOK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let body = br#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"metadata":{}}}}"#;
    let signature = provider::sign(provider::WEBHOOK_SECRET, NOW.as_second(), body);
    [signature.as_bytes(), b"\n", body].concat()
});

pub(crate) fn webhooks() -> Vec<Vec<u8>> {
    vec![WEBHOOK.clone()]
}

pub(crate) fn webhook(bytes: &[u8]) -> String {
    let whole = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        (bytes[..end].to_vec(), bytes.get(end + 1..).unwrap_or_default().to_vec())
    };
    let (signature, body) = whole(bytes);
    let signature = String::from_utf8_lossy(&signature);
    match webhook::read(&[provider::WEBHOOK_SECRET.to_owned()], &signature, &body, *NOW) {
        Ok(_) => {
            assert_eq!(body, whole(&WEBHOOK).1, "an event that the provider did not sign");
            "an event".into()
        }
        Err(why) => why.to_string(),
    }
}

/// The content of a quote that the product has made, and the quote that it is in our hands.
static QUOTE: LazyLock<(Vec<u8>, String)> = LazyLock::new(|| {
    let product = &*PRODUCT;
    let live = product.runtime.block_on(events::live(&product.stack.url())).expect("live events");
    let body: serde_json::Value =
        serde_json::from_str(live["create-booking"]["body"].as_str().expect("a body")).expect("JSON");
    let quote = body["quoteId"].as_str().and_then(|quote| quote.strip_prefix("quo_")).expect("a quote");
    let content = product.stack.app().secrets.unseal(Purpose::Quote, "", quote).expect("our own");
    let sealed = SECRETS.seal(Purpose::Quote, "", &content, &Entropy::system());
    (content, format!("quo_{sealed}"))
});

pub(crate) fn quotes() -> Vec<Vec<u8>> {
    vec![QUOTE.0.clone(), QUOTE.1.clone().into_bytes()]
}

pub(crate) fn quote(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    // It is another's: nobody may read it, whole or changed.
    let read = Quote::unseal(&SECRETS, &text, SUBJECT);
    assert!(read.is_err(), "another's quote: {read:?}");
    let changed = text.strip_prefix("quo_").and_then(|text| SECRETS.unseal(Purpose::Quote, "", text));
    assert!(changed.is_none_or(|content| content == QUOTE.0), "a quote that nobody gave");
    // And what stands in one, whoever may have sealed it.
    let sealed = SECRETS.seal(Purpose::Quote, "", bytes, &Entropy::system());
    match Quote::unseal(&SECRETS, &format!("quo_{sealed}"), SUBJECT) {
        Ok(quote) => {
            assert!(quote.stay.first() < quote.stay.end(), "{:?}", quote.stay);
            "a quote".into()
        }
        Err(why) => why.to_string(),
    }
}

pub(crate) fn cursors() -> Vec<Vec<u8>> {
    let app = PRODUCT.stack.app();
    vec![paging::seal(&app, CONTEXT, &(3_u64, "a place".to_owned())).into_bytes()]
}

pub(crate) fn cursor(bytes: &[u8]) -> String {
    type Position = (u64, String);
    static APP: LazyLock<App> = LazyLock::new(|| PRODUCT.stack.app());
    let text = String::from_utf8_lossy(bytes);
    let elsewhere = paging::unseal::<Position>(&APP, "another list", &text);
    assert!(elsewhere.is_err(), "a cursor of another list: {elsewhere:?}");
    match paging::unseal::<Position>(&APP, CONTEXT, &text) {
        Ok(position) => {
            assert_eq!(position, (3, "a place".to_owned()), "a cursor that nobody gave");
            "a cursor".into()
        }
        Err(why) => why.to_string(),
    }
}

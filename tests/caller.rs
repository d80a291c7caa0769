//! Those who call the product over plain HTTP, and what it answers them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::civil::Date;
use roost::secrets::fingerprint;
use serde_json::{Value, json};

/// Somebody who calls the product, with or without a token.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) base: String,
    pub(crate) token: Option<String>,
    pub(crate) http: Client<HttpConnector, Full<Bytes>>,
    /// The id of their account; empty without one.
    pub id: String,
}

/// What the product answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as it came.
    pub bytes: Bytes,
    /// The body as JSON; `null` without one.
    pub json: Value,
}

impl Caller {
    /// Somebody who signs up at a stack that runs already.
    pub async fn signed_up_at(url: &str) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let anybody =
            Self { base: url.trim_end_matches('/').to_owned(), token: None, http, id: String::new() };
        let number: u64 = fastrand::u64(..);
        let body = json!({
            "email": format!("load-{number}@example.com"), "password": "correct horse battery",
            "firstName": "Load", "lastName": "Tester",
        });
        let signed_up = anybody.post("/v1/auth/signup", &body).await.expect(201);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self { token: Some(text(&signed_up["accessToken"])), id: text(&signed_up["user"]["id"]), ..anybody }
    }

    /// Their access token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends a request.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.unwrap_or_default().to_vec())).expect("a request");
        let response = self.http.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, json }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    /// `PATCH` with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string().as_bytes()), &[]).await
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body.to_string().as_bytes()), &[]).await
    }

    /// `POST` with JSON and an idempotency key.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.send("POST", path, Some(body.to_string().as_bytes()), &[("idempotency-key", key)]).await
    }

    /// Announces a photo of a listing as what it is.
    pub async fn announce_photo(&self, listing: &str, content_type: &str, bytes: &[u8]) -> Answer {
        let body = json!({
            "contentType": content_type, "sizeBytes": bytes.len(),
            "checksumSha256": BASE64_STANDARD.encode(fingerprint(bytes)),
        });
        self.post(&format!("/v1/listings/{listing}/photos"), &body).await
    }

    /// A quote for two guests.
    pub async fn quote(&self, listing: &str, check_in: Date, check_out: Date) -> Answer {
        let body = json!({"listingId": listing, "checkIn": check_in, "checkOut": check_out, "guests": {"adults": 2}});
        self.post("/v1/quotes", &body).await
    }

    /// Quotes and books, with a card when there is one.
    pub async fn book(
        &self,
        listing: &str,
        check_in: Date,
        check_out: Date,
        card: Option<&str>,
        key: &str,
    ) -> Answer {
        let quote = self.quote(listing, check_in, check_out).await;
        if quote.status != 201 {
            return quote;
        }
        self.book_quote(&quote.json["quoteId"], card, key).await
    }

    /// Books a quote.
    pub async fn book_quote(&self, quote: &Value, card: Option<&str>, key: &str) -> Answer {
        let mut body = json!({ "quoteId": quote });
        if let Some(card) = card {
            body["paymentMethodId"] = card.into();
        }
        self.post_once("/v1/bookings", &body, key).await
    }

    /// Pays a hold.
    pub async fn pay(&self, booking: &str, card: &str, key: &str) -> Answer {
        self.post_once(&format!("/v1/bookings/{booking}/payment"), &json!({"paymentMethodId": card}), key)
            .await
    }
}

/// The card that works.
pub const VISA: Option<&str> = Some("pm_card_visa");

impl Answer {
    /// The body, of an answer with this status.
    ///
    /// # Panics
    /// When the status is another.
    #[allow(clippy::must_use_candidate, reason = "that the status is right is often all that matters")]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json
    }

    /// The `code` of a problem with this status.
    ///
    /// # Panics
    /// When the status is another, or the body is not a problem document.
    #[must_use]
    pub fn problem(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        for member in ["type", "title", "detail", "instance", "requestId"] {
            assert!(self.json[member].is_string(), "{member} of {}", self.json);
        }
        assert_eq!(self.json["status"], status);
        self.json["code"].as_str().expect("a code").to_owned()
    }
}

//! 3-D Secure: what a card's holder says when his bank asks him to confirm a payment, on the hosted page or by
//! the developer's call.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use roost::error::{Error, Fields, Result};
use serde::Deserialize;

use super::book::{Intent, Status};
use super::{Provider, State, intents};

/// An order to confirm a payment, or not to: `{clientSecret, outcome}`, as it is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthenticationOrder {
    /// The client secret of the payment.
    pub client_secret: String,
    /// How it ends: `succeed` or `fail`.
    pub outcome: String,
}

impl Provider {
    /// Does what a card's holder does who is asked to confirm a payment.
    ///
    /// # Errors
    /// `Invalid` with the wrong field, also when the payment does not wait for its holder; `NotFound` when
    /// no payment has the secret.
    pub fn authenticate(&self, order: &AuthenticationOrder) -> Result<()> {
        let mut fields = Fields::default();
        let succeeded = fields.take("/outcome", succeeded(&order.outcome));
        fields.finish()?;
        self.locked(|state| {
            let intent = state.book.intent_of(&order.client_secret).cloned().ok_or(Error::NotFound)?;
            if intent.status != Status::RequiresAction {
                return Err(Error::invalid("/clientSecret", "belongs to a payment that waits for nobody"));
            }
            state.authenticate(intent, succeeded == Some(true));
            Ok(())
        })
    }
}

impl State {
    /// The hosted page of a payment: its card's holder, who has no key, confirms it or does not.
    pub(super) fn authentication_page(&mut self, secret: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(intent) = self.book.intent_of(secret).cloned() else {
            return page(StatusCode::NOT_FOUND, "<p>There is no such payment.</p>");
        };
        if intent.status != Status::RequiresAction {
            return page(StatusCode::CONFLICT, "<p>This payment waits for nobody.</p>");
        }
        if request.method() == Method::GET {
            return page(StatusCode::OK, &forms(&intent));
        }
        if request.method() != Method::POST {
            return page(StatusCode::METHOD_NOT_ALLOWED, "<p>There is nothing to do so.</p>");
        }
        let said = form_urlencoded::parse(request.body()).find(|(name, _)| name == "outcome");
        match said.and_then(|(_, outcome)| succeeded(&outcome).ok()) {
            Some(succeeded) => {
                self.authenticate(intent, succeeded);
                page(StatusCode::OK, "<p>Thank you. Go back to where you were about to pay.</p>")
            }
            None => page(StatusCode::BAD_REQUEST, "<p>The outcome must be succeed or fail.</p>"),
        }
    }

    fn authenticate(&mut self, intent: Intent, succeeded: bool) {
        intents::authenticated(intent, succeeded, &mut self.book, self.clock.now());
        self.tell();
    }
}

/// Whether the payment was confirmed.
fn succeeded(outcome: &str) -> std::result::Result<bool, &'static str> {
    match outcome {
        "succeed" => Ok(true),
        "fail" => Ok(false),
        _ => Err("must be succeed or fail"),
    }
}

/// What is asked, and the two answers.
fn forms(intent: &Intent) -> String {
    let amount = roost::psp::stripe::from_stripe(intent.amount, &intent.currency)
        .map(|amount| amount.to_string())
        .unwrap_or_default();
    let form = |outcome: &str, label: &str| {
        format!(r#"<form method="post"><button name="outcome" value="{outcome}">{label}</button></form>"#)
    };
    let (yes, no) = (form("succeed", "Confirm"), form("fail", "Refuse"));
    format!("<p>Your bank asks whether you want to pay {amount}.</p>{yes}{no}")
}

fn page(status: StatusCode, body: &str) -> Response<Bytes> {
    let html = format!(
        r#"<!doctype html><html lang="en"><title>3-D Secure</title><h1>3-D Secure</h1>{body}</html>"#
    );
    let mut response = Response::new(Bytes::from(html));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert("content-type", kind);
    response
}

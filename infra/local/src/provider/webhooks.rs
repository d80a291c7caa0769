//! Webhooks: what the provider tells of by itself, late, more than once, in any order or never, as it is
//! told to.

use std::fmt::Write as _;
use std::str::FromStr;

use aws_lc_rs::hmac;
use bytes::Bytes;
use roost::clock::{Duration, Instant};
use roost::error::{Fields, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::WEBHOOK_SECRET;
use super::stripe::fresh;

/// A webhook that is to be sent now: the request that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where the product takes it.
    pub path: &'static str,
    /// The event, as JSON.
    pub body: Bytes,
    /// Stripe's, empty for Adyen, which signs within the body. The value of the header `stripe-signature`: `t=` and the time in Unix seconds, `,v1=` and the
    /// HMAC-SHA256 of that time, a dot and the body in hexadecimal digits.
    pub signature: String,
    /// How often it has been sent before.
    tries: u32,
}

/// An order for how webhooks are sent: `{delaySeconds?, copies?, order?}`, as it is sent. What is not
/// given is as it is without any order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookOrder {
    /// How long after its event one is sent. A second, unless given.
    #[serde(default)]
    pub delay_seconds: Option<i64>,
    /// How many of each are sent; 0 is none. One, unless given.
    #[serde(default)]
    pub copies: Option<i64>,
    /// How those are sent that are due at a time: `in_order`, `reversed` or `random`. In order, unless
    /// given.
    #[serde(default)]
    pub order: Option<String>,
}

/// Something that is so now, of which webhooks are to tell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// By Stripe.
    Event {
        /// What has become so, in Stripe's words.
        kind: &'static str,
        /// What it is about, as Stripe shows it.
        object: Value,
    },
    /// By Adyen: an item of its notifications, signed.
    Item(Value),
}

/// An order that was understood: how webhooks are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    delay: i64,
    copies: usize,
    sequence: Sequence,
}

/// How webhooks follow each other that are due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequence {
    InOrder,
    Reversed,
    Random,
}

/// The webhooks still to be sent. In memory: what a process that ends has not sent, it never sends.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    manner: Manner,
    /// In the order of their events.
    waiting: Vec<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    due: Instant,
    path: &'static str,
    body: Bytes,
    tries: u32,
}

/// Where the product takes webhooks.
const STRIPE_PATH: &str = "/v1/webhooks/stripe";
const ADYEN_PATH: &str = "/v1/webhooks/adyen";

/// The interface's version that events are shown in.
const VERSION: &str = "2024-06-20";

const LONGEST_DELAY: i64 = 86_400;
const MOST_COPIES: i64 = 10;

/// How long one waits that was not taken, in seconds, and how often it is sent again. Stripe's waits grow,
/// over three days.
const UNTIL_AGAIN: i64 = 60;
const MOST_AGAIN: u32 = 20;

impl Webhook {
    /// The headers that it is sent with, beside those of any JSON.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        if self.path == ADYEN_PATH {
            return vec![("user-agent", "Adyen HttpClient 1.0")];
        }
        let agent = "Stripe/1.0 (+https://stripe.com/docs/webhooks)";
        vec![("stripe-signature", self.signature.as_str()), ("user-agent", agent)]
    }
}

impl WebhookOrder {
    /// # Errors
    /// `Invalid` with every wrong field.
    pub(super) fn checked(self) -> Result<Manner> {
        let unless_given = Manner::default();
        let mut fields = Fields::default();
        let delay = self
            .delay_seconds
            .map_or(unless_given.delay, |seconds| fields.number("/delaySeconds", seconds, 0, LONGEST_DELAY));
        let copies = self
            .copies
            .map_or(unless_given.copies, |copies| fields.number("/copies", copies, 0, MOST_COPIES));
        let sequence = self.order.and_then(|name| fields.take("/order", name.parse::<Sequence>()));
        fields.finish()?;
        Ok(Manner { delay, copies, sequence: sequence.unwrap_or(unless_given.sequence) })
    }
}

impl Webhooks {
    /// From now on: those that wait already are still sent when and as often as they were to be.
    pub(super) fn order(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// Makes an event of what is so since `now`.
    pub(super) fn add(&mut self, told: Told, now: Instant) {
        let (path, event) = match told {
            Told::Event { kind, object } => {
                let event = json!({
                    "id": fresh("evt"),
                    "object": "event",
                    "api_version": VERSION,
                    "created": now.as_second(),
                    "data": { "object": object },
                    "livemode": false,
                    "pending_webhooks": 1,
                    "type": kind,
                });
                (STRIPE_PATH, event)
            }
            Told::Item(item) => {
                let items = json!([{ "NotificationRequestItem": item }]);
                (ADYEN_PATH, json!({ "live": "false", "notificationItems": items }))
            }
        };
        let due = after(now, self.manner.delay);
        let one = Waiting { due, path, body: event.to_string().into(), tries: 0 };
        self.waiting.extend(std::iter::repeat_n(one, self.manner.copies));
    }

    /// Takes out what is due.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Webhook> {
        let mut due: Vec<Waiting> = self.waiting.extract_if(.., |one| one.due <= now).collect();
        // Those of one moment stay in the order of their events.
        due.sort_by_key(|one| one.due);
        match self.manner.sequence {
            Sequence::InOrder => {}
            Sequence::Reversed => due.reverse(),
            Sequence::Random => fastrand::shuffle(&mut due),
        }
        let signed = |Waiting { path, body, tries, .. }| {
            let signature = if path == STRIPE_PATH { signature(&body, now) } else { String::new() };
            Webhook { path, body, signature, tries }
        };
        due.into_iter().map(signed).collect()
    }

    /// Puts one back that was sent and not taken, unless that has been often enough.
    pub(super) fn again(&mut self, webhook: Webhook, now: Instant) {
        let Webhook { path, body, tries, .. } = webhook;
        if tries < MOST_AGAIN {
            self.waiting.push(Waiting { due: after(now, UNTIL_AGAIN), path, body, tries: tries + 1 });
        } else {
            tracing::error!(event = %String::from_utf8_lossy(&body), "a webhook was given up");
        }
    }

    /// How many wait, due or not.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// What a webhook is signed with, as Stripe signs it.
pub(super) fn signature(body: &[u8], now: Instant) -> String {
    sign(WEBHOOK_SECRET, now.as_second(), body)
}

/// The value of `stripe-signature` for a body that is signed with a secret at a time in Unix seconds.
#[must_use]
pub fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
    signing.update(format!("{seconds}.").as_bytes());
    signing.update(body);
    let mut signature = format!("t={seconds},v1=");
    for byte in signing.sign().as_ref() {
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

fn after(now: Instant, seconds: i64) -> Instant {
    now.saturating_add(Duration::from_secs(seconds)).unwrap_or(Instant::MAX)
}

impl Default for Manner {
    fn default() -> Self {
        Self { delay: 1, copies: 1, sequence: Sequence::InOrder }
    }
}

impl FromStr for Sequence {
    type Err = &'static str;
    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match name {
            "in_order" => Self::InOrder,
            "reversed" => Self::Reversed,
            "random" => Self::Random,
            _ => return Err("must be in_order, reversed or random"),
        })
    }
}

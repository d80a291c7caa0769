//! Mail: takes it as SES does, over its wire format, and keeps it to be read. Nothing is sent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use roost::clock::{Clock, Instant};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Reply;

/// Where SES takes mail: `SendEmail` of its interface's second version.
pub const PATH: &str = "/v2/email/outbound-emails";
/// How many mails are kept: the newest.
const MOST_KEPT: usize = 20_000;

/// The mail that was sent. Clones share it.
#[derive(Clone)]
pub struct Mailbox(Arc<Parts>);

struct Parts {
    clock: Clock,
    mails: Mutex<VecDeque<Mail>>,
    fault: RwLock<Option<Rule>>,
}

/// How SES fails to take a mail, for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// It is not taken: an error of SES's own.
    Refused,
    /// It is taken, and the answer is an error all the same: the sender cannot know.
    Doubtful,
}

type Rule = Arc<dyn Fn(&Mail) -> Option<MailFault> + Send + Sync>;

/// A mail.
#[derive(Clone, Debug, Serialize)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// From whom.
    pub from: String,
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// The addresses in the plain text.
    pub links: Vec<String>,
    /// When.
    pub at: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Part,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Part,
    html: Part,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    data: String,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Parts { clock, mails: Mutex::default(), fault: RwLock::default() }))
    }

    /// Answers a call of `SendEmail`.
    #[must_use]
    pub fn answer(&self, body: &[u8]) -> Reply {
        let call: SendEmail = match serde_json::from_slice(body) {
            Ok(call) => call,
            Err(error) => return refusal(400, &error.to_string()),
        };
        let simple = call.content.simple;
        if simple.subject.data.chars().any(char::is_control) {
            return refusal(400, "a subject is one line");
        }
        let [to] = call.destination.to_addresses.as_slice() else {
            return refusal(400, "a mail of Roost's has one reader");
        };
        let mail = Mail {
            to: to.clone(),
            from: call.from_email_address,
            subject: simple.subject.data,
            links: links(&simple.body.text.data),
            text: simple.body.text.data,
            html: simple.body.html.data,
            at: self.0.clock.now(),
        };
        let rule = self.0.fault.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fault = rule.and_then(|rule| rule(&mail));
        if fault != Some(MailFault::Refused) {
            let mut mails = self.0.mails.lock().unwrap_or_else(PoisonError::into_inner);
            mails.truncate(MOST_KEPT - 1);
            mails.push_front(mail);
        }
        if fault.is_some() {
            return refusal(500, "ordered by a test");
        }
        Reply { status: 200, body: json!({ "MessageId": uuid::Uuid::new_v4() }).to_string() }
    }

    /// The mails to this address, or all of them; newest first.
    #[must_use]
    pub fn mails(&self, to: Option<&str>) -> Vec<Mail> {
        let mails = self.0.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| to.is_none_or(|to| mail.to.eq_ignore_ascii_case(to))).cloned().collect()
    }

    /// From now on mails fail for which `rule` gives a fault. Only code in this process can.
    pub fn inject(&self, rule: impl Fn(&Mail) -> Option<MailFault> + Send + Sync + 'static) {
        *self.0.fault.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rule));
    }

    /// From now on no mail fails.
    pub fn clear_faults(&self) {
        *self.0.fault.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn links(text: &str) -> Vec<String> {
    let words = text.split_whitespace();
    words
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(str::to_owned)
        .collect()
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply { status, body: json!({ "message": message }).to_string() }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

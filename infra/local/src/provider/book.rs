//! The provider's own book: intents, refunds, what was done with money, and the answers given under keys.
//! In memory, and in a file of JSON lines where it is to outlive the process.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use roost::clock::Instant;
use roost::money::Money;
use serde::{Deserialize, Serialize};

/// The book.
#[derive(Default)]
pub(super) struct Book {
    intents: HashMap<String, Intent>,
    refunds: Vec<Refund>,
    entries: Vec<Entry>,
    answers: HashMap<String, Given>,
    file: Option<File>,
}

/// A `PaymentIntent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    /// In Stripe's unit.
    pub(super) amount: i64,
    /// The code in lower case.
    pub(super) currency: String,
    pub(super) method: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) status: Status,
    pub(super) last_error: Option<serde_json::Value>,
    pub(super) created: Instant,
    pub(super) canceled: Option<Instant>,
    /// The charge's id, once money was held.
    #[serde(default)]
    pub(super) charge: Option<String>,
    /// How much of the amount was taken.
    #[serde(default)]
    pub(super) captured: i64,
    /// How much of what was taken went back. Its refunds add to it as they are kept.
    #[serde(default)]
    pub(super) refunded: i64,
}

/// Where an intent stands, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Canceled,
    Succeeded,
}

/// Captured money that went back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    /// The intent's id.
    pub(super) intent: String,
    /// The charge's id.
    pub(super) charge: Option<String>,
    /// In Stripe's unit.
    pub(super) amount: i64,
    /// The code in lower case.
    pub(super) currency: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) reason: Option<String>,
    pub(super) created: Instant,
}

/// One thing done with money, or tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) provider: String,
    pub(super) operation: String,
    pub(super) status: String,
    pub(super) booking_id: Option<String>,
    pub(super) amount: Money,
    pub(super) id: String,
    pub(super) at: Instant,
}

/// The first answer given under a key, and to which request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Given {
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) body: serde_json::Value,
}

/// A line of the file: one change, whole.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Intent(Intent),
    Refund(Refund),
    Entry(Entry),
    Answer { key: String, given: Given },
}

impl Intent {
    /// What could be captured.
    pub(super) fn capturable(&self) -> i64 {
        if self.status == Status::RequiresCapture { self.amount } else { 0 }
    }

    /// What could be refunded.
    pub(super) fn refundable(&self) -> i64 {
        self.captured - self.refunded
    }

    /// What Stripe keeps of the captured amount: 1.5 % and 25 of its unit, its standard price for cards
    /// of the European Economic Area (stripe.com/ie/pricing). A refund does not bring it back.
    pub(super) fn fee(&self) -> i64 {
        // By thousands and the rest, so that no amount is too large to be multiplied.
        let (thousands, rest) = (self.captured / 1000, self.captured % 1000);
        (thousands * 15 + (rest * 15 + 500) / 1000 + 25).min(self.captured)
    }
}

impl Book {
    /// The book in `file`, which is made if there is none. A last line that a crash cut short is
    /// dropped: nobody was answered yet.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (mut book, mut whole) = (Self::default(), 0);
        let mut reader = BufReader::new(&mut file);
        let mut text = String::new();
        while reader.read_line(&mut text)? > 0 && text.ends_with('\n') {
            let line = serde_json::from_str(&text).map_err(|why| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
            })?;
            whole += text.len() as u64;
            book.apply(line);
            text.clear();
        }
        file.set_len(whole)?;
        book.file = Some(file);
        Ok(book)
    }

    pub(super) fn intent(&self, id: &str) -> Option<&Intent> {
        self.intents.get(id)
    }

    /// What went back, oldest first.
    pub(super) fn refunds(&self) -> &[Refund] {
        &self.refunds
    }

    /// What was done with money, oldest first.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn given(&self, key: &str) -> Option<&Given> {
        self.answers.get(key)
    }

    /// Keeps an intent as it is now.
    pub(super) fn put(&mut self, intent: Intent) {
        self.write(Line::Intent(intent));
    }

    /// Keeps a refund, which its intent has given back from then on: one change, whatever ends meanwhile.
    pub(super) fn give_back(&mut self, refund: Refund) {
        self.write(Line::Refund(refund));
    }

    /// Notes what was done with an intent's money: with `amount` of it, in Stripe's unit.
    pub(super) fn note(
        &mut self,
        intent: &Intent,
        operation: &str,
        amount: i64,
        succeeded: bool,
        at: Instant,
    ) {
        // A currency that is none was refused when the intent was made.
        let Some(amount) = roost::psp::stripe::from_stripe(amount, &intent.currency) else { return };
        self.write(Line::Entry(Entry {
            provider: "stripe".into(),
            operation: operation.into(),
            status: if succeeded { "succeeded" } else { "failed" }.into(),
            booking_id: intent.metadata.get("booking").cloned(),
            amount,
            id: intent.metadata.get("payment").unwrap_or(&intent.id).clone(),
            at,
        }));
    }

    /// Remembers the first answer under a key.
    pub(super) fn give(&mut self, key: &str, given: Given) {
        self.write(Line::Answer { key: key.to_owned(), given });
    }

    fn write(&mut self, line: Line) {
        if let Some(file) = &mut self.file {
            let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
                bytes.push(b'\n');
                file.write_all(&bytes)
            });
            if let Err(why) = written {
                tracing::error!(%why, "the payment provider's book could not be written");
            }
        }
        self.apply(line);
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Intent(intent) => {
                self.intents.insert(intent.id.clone(), intent);
            }
            Line::Refund(refund) => {
                if let Some(intent) = self.intents.get_mut(&refund.intent) {
                    intent.refunded += refund.amount;
                }
                self.refunds.push(refund);
            }
            Line::Entry(entry) => self.entries.push(entry),
            Line::Answer { key, given } => {
                self.answers.insert(key, given);
            }
        }
    }
}

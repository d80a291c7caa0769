//! The provider's own book: customers and their cards, intents, refunds, disputes, accounts, transfers, Adyen's
//! payments, what was done with money, and the answers given under keys. In memory, and in a file of JSON lines
//! where it is to outlive the process.

mod adyen;
mod customers;
mod disputes;

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use roost::clock::Instant;
use roost::money::Money;
use serde::{Deserialize, Serialize};

use super::webhooks::Told;
pub(super) use adyen::AdyenPayment;
pub(super) use customers::{Customer, KeptCard};
pub(super) use disputes::{Dispute, Standing};

/// The book.
#[derive(Default)]
pub(super) struct Book {
    customers: HashMap<String, Customer>,
    /// The cards that are kept for customers.
    cards: HashMap<String, KeptCard>,
    intents: HashMap<String, Intent>,
    refunds: Vec<Refund>,
    accounts: HashMap<String, Account>,
    transfers: Vec<Transfer>,
    reversals: Vec<Reversal>,
    disputes: Vec<Dispute>,
    /// By their `pspReference`.
    adyen: BTreeMap<String, AdyenPayment>,
    entries: Vec<Entry>,
    answers: HashMap<String, Given>,
    /// What is to be told of since it was last asked for. In memory alone: who comes back asks.
    told: Vec<Told>,
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
    /// What pays: a test token, or a kept card's id.
    pub(super) method: String,
    /// The customer's id, where it is one's.
    #[serde(default)]
    pub(super) customer: Option<String>,
    /// Whether its card is to be kept for the customer, once money is held, and charged without its holder.
    #[serde(default)]
    pub(super) keeps_card: bool,
    /// What its charge and the transfers of it are found by.
    #[serde(default)]
    pub(super) group: Option<String>,
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
    /// When it was taken.
    #[serde(default)]
    pub(super) captured_at: Option<Instant>,
    /// How much of what was taken went back. Its refunds add to it as they are kept.
    #[serde(default)]
    pub(super) refunded: i64,
    /// What the card's holder confirms it with.
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// Where the card's holder confirms it, once he has to.
    #[serde(default)]
    pub(super) page: Option<String>,
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

/// A connected account: who transfers go to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) country: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Whether it was asked that transfers may go to it.
    pub(super) transfers: bool,
    /// Whether its owner has said who he is.
    pub(super) onboarded: bool,
    /// Whether it is closed: nobody finds it any more.
    #[serde(default)]
    pub(super) closed: bool,
    pub(super) created: Instant,
}

/// Money that went to a connected account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Transfer {
    pub(super) id: String,
    /// In Stripe's unit.
    pub(super) amount: i64,
    /// The code in lower case.
    pub(super) currency: String,
    /// The account's id.
    pub(super) destination: String,
    pub(super) group: Option<String>,
    /// The id of the charge whose money it is.
    pub(super) source: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created: Instant,
    /// How much of it came back. Its reversals add to it as they are kept.
    pub(super) reversed: i64,
}

/// Transferred money that came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reversal {
    pub(super) id: String,
    /// The transfer's id.
    pub(super) transfer: String,
    /// In Stripe's unit.
    pub(super) amount: i64,
    /// The code in lower case.
    pub(super) currency: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created: Instant,
}

/// What an entry is about.
pub(super) struct About<'a> {
    provider: &'static str,
    /// What an amount in the provider's unit is, of a currency by its code.
    counted: fn(i64, &str) -> Option<Money>,
    currency: &'a str,
    metadata: &'a BTreeMap<String, String>,
    /// The product's own id for it, the provider's where the product gave none.
    id: &'a str,
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
    Customer(Customer),
    Card(KeptCard),
    Intent(Intent),
    Refund(Refund),
    Account(Account),
    Transfer(Transfer),
    Reversal(Reversal),
    Dispute(Dispute),
    Adyen(AdyenPayment),
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

impl Account {
    /// Whether transfers may go to it.
    pub(super) fn takes_transfers(&self) -> bool {
        self.transfers && self.onboarded
    }
}

impl Transfer {
    /// What could be reversed.
    pub(super) fn reversible(&self) -> i64 {
        self.amount - self.reversed
    }
}

impl<'a> About<'a> {
    fn of_stripe(currency: &'a str, metadata: &'a BTreeMap<String, String>, id: &'a str) -> Self {
        Self { provider: "stripe", counted: roost::psp::stripe::from_stripe, currency, metadata, id }
    }
}

impl<'a> From<&'a Intent> for About<'a> {
    fn from(intent: &'a Intent) -> Self {
        let id = intent.metadata.get("payment").unwrap_or(&intent.id);
        Self::of_stripe(&intent.currency, &intent.metadata, id)
    }
}

impl<'a> From<&'a Transfer> for About<'a> {
    fn from(transfer: &'a Transfer) -> Self {
        let id = transfer.metadata.get("payout").unwrap_or(&transfer.id);
        Self::of_stripe(&transfer.currency, &transfer.metadata, id)
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

    /// The intents whose metadata say so.
    pub(super) fn intents_with(&self, name: &str, value: &str) -> Vec<&Intent> {
        let says = |intent: &&Intent| intent.metadata.get(name).is_some_and(|found| found == value);
        self.intents.values().filter(says).collect()
    }

    /// The intent that the holder of this secret may confirm.
    pub(super) fn intent_of(&self, secret: &str) -> Option<&Intent> {
        self.intents.values().find(|intent| intent.secret.as_deref() == Some(secret))
    }

    /// The intents that money was taken by.
    pub(super) fn captures(&self) -> impl Iterator<Item = &Intent> {
        self.intents.values().filter(|intent| intent.captured > 0)
    }

    pub(super) fn intent(&self, id: &str) -> Option<&Intent> {
        self.intents.get(id)
    }

    /// What went back, oldest first.
    pub(super) fn refunds(&self) -> &[Refund] {
        &self.refunds
    }

    /// The intent of a charge.
    pub(super) fn intent_of_charge(&self, id: &str) -> Option<&Intent> {
        self.intents.values().find(|intent| intent.charge.as_deref() == Some(id))
    }

    pub(super) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id).filter(|account| !account.closed)
    }

    /// What went to accounts, oldest first.
    pub(super) fn transfers(&self) -> &[Transfer] {
        &self.transfers
    }

    /// What came back from accounts, oldest first.
    pub(super) fn reversals(&self) -> &[Reversal] {
        &self.reversals
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

    /// Keeps an account as it is now.
    pub(super) fn put_account(&mut self, account: Account) {
        self.write(Line::Account(account));
    }

    /// Keeps a transfer.
    pub(super) fn transfer(&mut self, transfer: Transfer) {
        self.write(Line::Transfer(transfer));
    }

    /// Keeps a reversal, which its transfer has lost from then on: one change, as of a refund.
    pub(super) fn take_back(&mut self, reversal: Reversal) {
        self.write(Line::Reversal(reversal));
    }

    /// Has it told that `object`, as Stripe shows it, is so now.
    pub(super) fn tell(&mut self, kind: &'static str, object: serde_json::Value) {
        self.told.push(Told::Event { kind, object });
    }

    /// Takes out what is to be told of.
    pub(super) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Notes what was done with money: with `amount` of it, in the provider's unit.
    pub(super) fn note<'a>(
        &mut self,
        about: impl Into<About<'a>>,
        operation: &str,
        amount: i64,
        succeeded: bool,
        at: Instant,
    ) {
        let About { provider, counted, currency, metadata, id } = about.into();
        // A currency that is none was refused when it was first named.
        let Some(amount) = counted(amount, currency) else { return };
        self.write(Line::Entry(Entry {
            provider: provider.into(),
            operation: operation.into(),
            status: if succeeded { "succeeded" } else { "failed" }.into(),
            booking_id: metadata.get("booking").cloned(),
            amount,
            id: id.to_owned(),
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
            Line::Customer(customer) => {
                self.customers.insert(customer.id.clone(), customer);
            }
            Line::Card(card) => {
                self.cards.insert(card.id.clone(), card);
            }
            Line::Intent(intent) => {
                self.intents.insert(intent.id.clone(), intent);
            }
            Line::Refund(refund) => {
                if let Some(intent) = self.intents.get_mut(&refund.intent) {
                    intent.refunded += refund.amount;
                }
                self.refunds.push(refund);
            }
            Line::Account(account) => {
                self.accounts.insert(account.id.clone(), account);
            }
            Line::Transfer(transfer) => self.transfers.push(transfer),
            Line::Reversal(reversal) => {
                let of = |transfer: &&mut Transfer| transfer.id == reversal.transfer;
                if let Some(transfer) = self.transfers.iter_mut().find(of) {
                    transfer.reversed += reversal.amount;
                }
                self.reversals.push(reversal);
            }
            Line::Dispute(dispute) => self.apply_dispute(dispute),
            Line::Adyen(payment) => {
                self.adyen.insert(payment.reference.clone(), payment);
            }
            Line::Entry(entry) => self.entries.push(entry),
            Line::Answer { key, given } => {
                self.answers.insert(key, given);
            }
        }
    }
}

//! `GET /v1/bookings/{id}/payments`: where the money of a booking went, for its guest and its host, each
//! his own side of the ledger.

use roost::app::App;
use roost::clock::Instant;
use roost::error::Result;
use roost::http::{Answer, Call, Member, Nothing, Operation};
use roost::ids::PaymentId;
use roost::ledger::{Account, Entry, Movement};
use roost::money::Money;
use serde::Serialize;

use crate::view::ById;

/// The operation.
#[derive(Debug)]
pub struct ListPayments;

impl Operation for ListPayments {
    const NAME: &'static str = "list-payments";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/bookings/{id}/payments";
    const SUMMARY: &'static str = "Where a booking's money went, as its guest or its host.";
    type Caller = Member;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payments;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Payments>> {
        let booking = app.store.booking_of(call.caller.id, call.path.id).await?;
        let account = if booking.guest == call.caller.id { Account::Guest } else { Account::Host };
        let entries = app.store.ledger_entries(booking.id).await?;
        let items: Vec<Payment> = entries.iter().filter_map(|entry| Payment::of(entry, account)).collect();
        let balance = booking.price.money(items.iter().map(|item| item.amount.amount).sum());
        Ok(Answer::ok(Payments { items, balance }))
    }
}

/// A party's side of a booking's ledger.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Payments {
    /// Every movement of the party's money, oldest first. A hold on a card moves none.
    items: Vec<Payment>,
    /// Their sum: below zero what the guest has paid, above what the platform still holds for the host.
    balance: Money,
}

/// One movement of a party's money.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The payment that it was made by.
    id: PaymentId,
    /// Why it moved.
    kind: Movement,
    /// How much: below zero what the party gave, above what it got.
    amount: Money,
    /// When it was written down.
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Instant,
}

impl Payment {
    fn of(entry: &Entry, account: Account) -> Option<Self> {
        let amount = match account {
            // A penalty moves nothing of a stay's money: the host owes it.
            Account::Host if entry.movement == Movement::Penalty => entry.of(Account::Debt),
            account => entry.of(account),
        };
        (amount.amount != 0).then_some(Self { id: entry.payment, kind: entry.movement, amount, at: entry.at })
    }
}

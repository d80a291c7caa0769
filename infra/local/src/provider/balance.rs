//! Stripe's balance transactions: each movement of the money that Stripe keeps for the product, as its accounts
//! are reconciled by.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::book::{Book, Standing};
use super::parameters::{Parameters, page, refuse_unknown};
use super::{Answer, disputes, intents, refunds, transfers};

/// The one thing that can be asked to be shown whole.
const SOURCE: &str = "data.source";

/// A movement.
struct Transaction {
    id: String,
    kind: &'static str,
    /// In Stripe's unit; below zero where money goes.
    amount: i64,
    fee: i64,
    currency: String,
    created: Instant,
    /// What has moved it, as Stripe shows that.
    source: Value,
}

/// The transactions of a time, newest first, with their sources whole if `expanded`.
pub(super) fn list(parameters: &Parameters, expanded: bool, book: &Book) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["created[gte]", "created[lt]", "limit", "starting_after", "expand[]"])?;
    let from = second(parameters, "created[gte]")?.unwrap_or(i64::MIN);
    let to = second(parameters, "created[lt]")?.unwrap_or(i64::MAX);
    let mut all = all(book);
    // Those of one moment follow each other by their ids, the same on every page.
    all.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
    let after = match parameters.get("starting_after") {
        None => 0,
        Some(id) => {
            let last = all.iter().position(|one| one.id == *id);
            let message = || format!("No such balance transaction: '{id}'");
            last.ok_or_else(|| Answer::missing("starting_after", &message()))? + 1
        }
    };
    let of_time = |one: &&Transaction| (from..to).contains(&one.created.as_second());
    let found = all.iter().skip(after).filter(of_time).map(|one| shown(one, expanded));
    page(parameters, "/v1/balance_transactions", found)
}

/// Whether sources are to be shown whole.
pub(super) fn expands(parameters: &Parameters) -> Result<bool, Answer> {
    match parameters.get("expand[]").map(String::as_str) {
        None => Ok(false),
        Some(SOURCE) => Ok(true),
        Some(_) => {
            let message = format!("The local provider expands {SOURCE} only.");
            Err(Answer::invalid("parameter_invalid_string", Some("expand[]"), &message))
        }
    }
}

/// Every movement that the book knows of, in no order.
fn all(book: &Book) -> Vec<Transaction> {
    let charges = book.captures().filter_map(|intent| {
        let id = intent.charge.as_deref()?;
        Some(Transaction {
            id: id_of(id),
            kind: "charge",
            amount: intent.captured,
            fee: intent.fee(),
            currency: intent.currency.clone(),
            // One that was captured before the time was noted.
            created: intent.captured_at.unwrap_or(intent.created),
            source: intents::charge(intent, id, false),
        })
    });
    let refunds = book.refunds().iter().map(|refund| Transaction {
        id: id_of(&refund.id),
        kind: "refund",
        amount: -refund.amount,
        fee: 0,
        currency: refund.currency.clone(),
        created: refund.created,
        source: refunds::shown(refund),
    });
    let transfers = book.transfers().iter().map(|transfer| Transaction {
        id: id_of(&transfer.id),
        kind: "transfer",
        amount: -transfer.amount,
        fee: 0,
        currency: transfer.currency.clone(),
        created: transfer.created,
        source: transfers::shown(transfer),
    });
    let reversals = book.reversals().iter().map(|reversal| Transaction {
        id: id_of(&reversal.id),
        kind: "transfer_refund",
        amount: reversal.amount,
        fee: 0,
        currency: reversal.currency.clone(),
        created: reversal.created,
        source: transfers::shown_reversal(reversal),
    });
    charges.chain(refunds).chain(transfers).chain(reversals).chain(of_disputes(book)).collect()
}

/// What disputes have withdrawn, and what came back of it.
fn of_disputes(book: &Book) -> impl Iterator<Item = Transaction> {
    let adjustment = |id: String, amount: i64, fee: i64, created: Instant, currency: &str, source: Value| {
        Transaction { id, kind: "adjustment", amount, fee, currency: currency.to_owned(), created, source }
    };
    book.disputes().iter().flat_map(move |dispute| {
        let (id, currency) = (id_of(&dispute.id), dispute.currency.as_str());
        let source = disputes::shown(dispute);
        let reinstated = dispute.closed.filter(|_| dispute.standing == Standing::Won).map(|closed| {
            adjustment(format!("{id}_won"), dispute.amount, 0, closed, currency, source.clone())
        });
        let withdrawn = adjustment(id, -dispute.amount, disputes::FEE, dispute.created, currency, source);
        std::iter::once(withdrawn).chain(reinstated)
    })
}

/// A time in Unix seconds that need not be there.
fn second(parameters: &Parameters, name: &str) -> Result<Option<i64>, Answer> {
    let invalid = |_: std::num::ParseIntError| {
        Answer::invalid("parameter_invalid_integer", Some(name), "Invalid timestamp.")
    };
    parameters.get(name).map(|value| value.parse::<i64>().map_err(invalid)).transpose()
}

/// The id of the transaction that the thing of this id has made.
fn id_of(source: &str) -> String {
    let own = source.split_once('_').map_or(source, |(_, own)| own);
    format!("txn_{own}")
}

/// A transaction as Stripe shows it, its source by its id alone or whole.
fn shown(one: &Transaction, expanded: bool) -> Value {
    let created = one.created.as_second();
    let source = if expanded { &one.source } else { &one.source["id"] };
    json!({
        "id": one.id,
        "object": "balance_transaction",
        "amount": one.amount,
        "available_on": created,
        "created": created,
        "currency": one.currency,
        "fee": one.fee,
        "net": one.amount - one.fee,
        "source": source,
        "status": "available",
        "type": one.kind,
    })
}

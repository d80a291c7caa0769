//! Stripe's transfers: money for connected accounts, and the reversals that bring it back.

use roost::clock::Instant;
use serde_json::{Value, json};

use super::Answer;
use super::book::{Account, Book, Reversal, Transfer};
use super::parameters::{Parameters, amount, amount_or, currency, given, metadata, page, refuse_unknown};
use super::stripe::fresh;

/// Hands money on to a connected account. There is always enough of it here, unless `decline`.
pub(super) fn create(
    parameters: &Parameters,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    const KNOWN: [&str; 7] = [
        "amount",
        "currency",
        "destination",
        "transfer_group",
        "source_transaction",
        "metadata",
        "description",
    ];
    refuse_unknown(parameters, &KNOWN)?;
    let mut transfer = Transfer {
        id: fresh("tr"),
        amount: amount(parameters)?,
        currency: currency(parameters)?,
        destination: given(parameters, "destination")?.to_owned(),
        group: parameters.get("transfer_group").cloned(),
        source: parameters.get("source_transaction").cloned(),
        description: parameters.get("description").cloned(),
        metadata: metadata(parameters),
        created: now,
        reversed: 0,
    };
    if let Some(charge) = &transfer.source {
        let Some(intent) = book.intent_of_charge(charge) else {
            return Err(Answer::missing("source_transaction", &format!("No such charge: '{charge}'")));
        };
        // A transfer is in its charge's group; where that has none, Stripe makes one of the intent's name.
        let group = intent.group.clone().unwrap_or_else(|| format!("group_{}", intent.id));
        if transfer.group.as_ref().is_some_and(|given| *given != group) {
            let message = "The transfer_group does not match that of the source_transaction.";
            return Err(Answer::invalid("parameter_invalid_string", Some("transfer_group"), message));
        }
        transfer.group = Some(group);
    }
    if !book.account(&transfer.destination).is_some_and(Account::takes_transfers) {
        let message = "Your destination account needs to have at least one of the following capabilities \
                       enabled: transfers.";
        return Err(Answer::invalid("insufficient_capabilities_for_transfer", None, message));
    }
    if decline {
        book.note(&transfer, "transfer", transfer.amount, false, now);
        let message = "You have insufficient available funds in your Stripe account.";
        return Err(Answer::invalid("balance_insufficient", None, message));
    }
    let body = shown(&transfer);
    book.transfer(transfer.clone());
    book.note(&transfer, "transfer", transfer.amount, true, now);
    book.tell("transfer.created", body.clone());
    Ok(Answer::shows(body))
}

/// Brings transferred money back: what is left of it, or the part that is asked for.
pub(super) fn reverse(
    id: &str,
    parameters: &Parameters,
    book: &mut Book,
    now: Instant,
    decline: bool,
) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["amount", "metadata"])?;
    let mut transfer = find(book, id)?.clone();
    let left = transfer.reversible();
    let amount = amount_or(parameters, "amount", left)?;
    if left == 0 || amount > left {
        let message =
            format!("Reversal amount ({amount}) is greater than unreversed amount on transfer ({left}).");
        return Err(Answer::refused("amount_too_large", Some("amount"), &message));
    }
    let reversal = Reversal {
        id: fresh("trr"),
        transfer: transfer.id.clone(),
        amount,
        currency: transfer.currency.clone(),
        metadata: metadata(parameters),
        created: now,
    };
    // The entry is about the transfer, but for what the reversal says of itself.
    transfer.metadata.extend(reversal.metadata.clone());
    if decline {
        book.note(&transfer, "reversal", amount, false, now);
        let message = "The connected account has insufficient funds to reverse this transfer.";
        return Err(Answer::invalid("balance_insufficient", None, message));
    }
    let body = shown_reversal(&reversal);
    book.take_back(reversal);
    book.note(&transfer, "reversal", amount, true, now);
    Ok(Answer::shows(body))
}

/// The transfer of this id.
pub(super) fn read(id: &str, book: &Book) -> Result<Answer, Answer> {
    Ok(Answer::shows(shown(find(book, id)?)))
}

/// The transfers of a group, or all of them, newest first.
pub(super) fn list(parameters: &Parameters, book: &Book) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["transfer_group", "limit"])?;
    let group = parameters.get("transfer_group");
    let newest = book.transfers().iter().rev();
    let found = newest.filter(|transfer| group.is_none() || transfer.group.as_ref() == group).map(shown);
    page(parameters, "/v1/transfers", found)
}

/// The reversals of a transfer, newest first.
pub(super) fn list_reversals(id: &str, parameters: &Parameters, book: &Book) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["limit"])?;
    let transfer = find(book, id)?;
    let newest = book.reversals().iter().rev();
    let found = newest.filter(|reversal| reversal.transfer == transfer.id).map(shown_reversal);
    page(parameters, &format!("/v1/transfers/{id}/reversals"), found)
}

fn find<'a>(book: &'a Book, id: &str) -> Result<&'a Transfer, Answer> {
    let message = || format!("No such transfer: '{id}'");
    let found = book.transfers().iter().find(|transfer| transfer.id == id);
    found.ok_or_else(|| Answer::not_found(Some("transfer"), &message()))
}

/// A transfer as Stripe shows it.
pub(super) fn shown(transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id,
        "object": "transfer",
        "amount": transfer.amount,
        "amount_reversed": transfer.reversed,
        "created": transfer.created.as_second(),
        "currency": transfer.currency,
        "description": transfer.description,
        "destination": transfer.destination,
        "livemode": false,
        "metadata": transfer.metadata,
        "reversed": transfer.reversible() == 0,
        "source_transaction": transfer.source,
        "transfer_group": transfer.group,
    })
}

/// A reversal as Stripe shows it.
pub(super) fn shown_reversal(reversal: &Reversal) -> Value {
    json!({
        "id": reversal.id,
        "object": "transfer_reversal",
        "amount": reversal.amount,
        "created": reversal.created.as_second(),
        "currency": reversal.currency,
        "metadata": reversal.metadata,
        "transfer": reversal.transfer,
    })
}

//! Stripe's disputes: a card's holder has his bank take captured money back, and who is right is found out.

use std::str::FromStr;

use roost::clock::Instant;
use roost::error::{Error, Fields, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{Book, Dispute, Intent, Standing};
use super::parameters::{Parameters, page, refuse_unknown};
use super::stripe::fresh;
use super::{Answer, Provider};

/// What Stripe asks for a dispute, in its unit, however it ends: 20 euros, its standard price in the European
/// Economic Area (stripe.com/ie/pricing).
pub(super) const FEE: i64 = 2_000;

/// How long evidence is taken, in seconds: seven days, the least that a card's network grants.
const EVIDENCE_SECONDS: i64 = 7 * 24 * 60 * 60;

/// An order for a dispute: `{bookingId, outcome}`, as it is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisputeOrder {
    /// The booking whose payment is disputed.
    pub booking_id: String,
    /// How far it goes: `open`, `won` or `lost`; what is open already, the earliest first, is closed by the latter
    /// two. `another` opens one of another of its payments beside the open one.
    pub outcome: String,
}

/// How far a dispute goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Open,
    Another,
    Won,
    Lost,
}

impl Provider {
    /// Disputes what is left of a booking's captured money, unless that is disputed already, and closes the
    /// dispute if the order says so: `{disputeId}`.
    ///
    /// # Errors
    /// `Invalid` with the wrong field; `NotFound` when nothing captured is left to be disputed.
    pub fn dispute(&self, order: &DisputeOrder) -> Result<Value> {
        let mut fields = Fields::default();
        let outcome = fields.take("/outcome", order.outcome.parse::<Outcome>());
        fields.finish()?;
        self.locked(|state| {
            let now = state.clock.now();
            let is_another = outcome == Some(Outcome::Another);
            let dispute = disputed(&order.booking_id, is_another, &mut state.book, now);
            let dispute = dispute.ok_or(Error::NotFound)?;
            let id = dispute.id.clone();
            match outcome {
                Some(Outcome::Won) => close(dispute, Standing::Won, &mut state.book, now),
                Some(Outcome::Lost) => close(dispute, Standing::Lost, &mut state.book, now),
                Some(Outcome::Open | Outcome::Another) | None => {}
            }
            state.tell();
            Ok(json!({ "disputeId": id }))
        })
    }
}

/// The open dispute of a booking, made now if there is none or it is to be another.
fn disputed(booking: &str, is_another: bool, book: &mut Book, now: Instant) -> Option<Dispute> {
    let mut intents: Vec<Intent> = book.intents_with("booking", booking).into_iter().cloned().collect();
    intents.sort_by_key(|intent| intent.created);
    let of_booking = |dispute: &&Dispute| intents.iter().any(|intent| intent.id == dispute.intent);
    let is_open = |dispute: &&Dispute| dispute.standing == Standing::NeedsResponse;
    let open = book.disputes().iter().filter(is_open).find(of_booking);
    if let Some(open) = open.filter(|_| !is_another) {
        return Some(open.clone());
    }
    let is_left = |intent: &&Intent| intent.refundable() > 0 && !book.is_disputed(&intent.id);
    let intent = intents.iter().rev().find(is_left)?;
    let dispute = Dispute {
        id: fresh("dp"),
        intent: intent.id.clone(),
        charge: intent.charge.clone(),
        amount: intent.refundable(),
        currency: intent.currency.clone(),
        standing: Standing::NeedsResponse,
        created: now,
        closed: None,
    };
    book.put_dispute(dispute.clone());
    book.note(intent, "dispute", dispute.amount, true, now);
    book.tell("charge.dispute.created", shown(&dispute));
    book.tell("charge.dispute.funds_withdrawn", shown(&dispute));
    Some(dispute)
}

/// Ends a dispute: the money that was withdrawn comes back, or stays with the card's holder.
fn close(mut dispute: Dispute, standing: Standing, book: &mut Book, now: Instant) {
    dispute.standing = standing;
    dispute.closed = Some(now);
    book.put_dispute(dispute.clone());
    let won = standing == Standing::Won;
    if let Some(intent) = book.intent(&dispute.intent).cloned() {
        let operation = if won { "dispute_won" } else { "dispute_lost" };
        book.note(&intent, operation, dispute.amount, true, now);
    }
    if won {
        book.tell("charge.dispute.funds_reinstated", shown(&dispute));
    }
    book.tell("charge.dispute.closed", shown(&dispute));
}

/// The dispute of this id.
pub(super) fn read(id: &str, book: &Book) -> std::result::Result<Answer, Answer> {
    match book.disputes().iter().find(|dispute| dispute.id == id) {
        Some(dispute) => Ok(Answer::shows(shown(dispute))),
        None => Err(Answer::not_found(Some("dispute"), &format!("No such dispute: '{id}'"))),
    }
}

/// The disputes of an intent, or all of them, newest first.
pub(super) fn list(parameters: &Parameters, book: &Book) -> std::result::Result<Answer, Answer> {
    refuse_unknown(parameters, &["payment_intent", "limit"])?;
    let intent = parameters.get("payment_intent");
    let newest = book.disputes().iter().rev();
    let found = newest.filter(|dispute| intent.is_none_or(|intent| *intent == dispute.intent)).map(shown);
    page(parameters, "/v1/disputes", found)
}

/// A dispute as Stripe shows it. It says nothing of the payment but its ids: who wants more asks for that.
pub(super) fn shown(dispute: &Dispute) -> Value {
    let created = dispute.created.as_second();
    let mut transactions = vec![transaction(dispute, -dispute.amount, FEE)];
    if dispute.standing == Standing::Won {
        transactions.push(transaction(dispute, dispute.amount, 0));
    }
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": transactions,
        "charge": dispute.charge,
        "created": created,
        "currency": dispute.currency,
        "evidence_details": {
            "due_by": created + EVIDENCE_SECONDS,
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "payment_intent": dispute.intent,
        "reason": "fraudulent",
        "status": dispute.standing,
    })
}

fn transaction(dispute: &Dispute, amount: i64, fee: i64) -> Value {
    json!({ "amount": amount, "fee": fee, "currency": dispute.currency, "type": "adjustment" })
}

impl FromStr for Outcome {
    type Err = &'static str;
    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match name {
            "open" => Self::Open,
            "another" => Self::Another,
            "won" => Self::Won,
            "lost" => Self::Lost,
            _ => return Err("must be open, another, won or lost"),
        })
    }
}

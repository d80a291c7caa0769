//! Stripe's book: what moved on the account's balance, as its balance transactions tell.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::amount::from_stripe;
use super::client::Reply;
use super::{PATIENCE, Stripe};
use crate::booking::Booking;
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ledger::{Entry, Movement};
use crate::reconciliation::{Made, MovementKind, ProviderMovement};

const BALANCE_TRANSACTIONS: &str = "/v1/balance_transactions";

/// More pages than a day of any marketplace has: a list that does not end is a mistake.
const MOST_PAGES: usize = 20_000;

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Transaction>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    #[serde(default)]
    fee: i64,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    source: Option<Source>,
}

/// What a transaction is of: a name, where Stripe does not show it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
    Shown(Shown),
    #[expect(dead_code, reason = "only that it is a text tells the two apart")]
    Named(String),
}

#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(default)]
    object: String,
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    amount_captured: Option<i64>,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// What Stripe has made of a booking's money that is of the kind and payment of an entry of its ledger, however
    /// long ago. Of a dispute's entries it is not asked.
    ///
    /// # Errors
    /// `Unavailable` when Stripe did not answer.
    pub async fn made_like(&self, booking: &Booking, entry: &Entry) -> Result<Vec<Made>> {
        let until = self.clock.passed() + PATIENCE;
        let attempt = (0..booking.attempts.len()).find(|index| booking.payment_id(*index) == entry.payment);
        let Some((reference, moved)) =
            attempt.and_then(|index| booking.order(index).reference).zip(entry.moved())
        else {
            return Ok(Vec::new());
        };
        let made =
            |number, amount| Some(Made { number, amount: from_stripe(amount, moved.currency.code())? });
        let told = match entry.movement {
            Movement::Capture => match self.shown(&reference, until).await {
                Reply::Done { object, .. } => Ok(made(None, object.amount_received).into_iter().collect()),
                other => Err(other.setback()),
            },
            Movement::Refund => self.refunds_of(&reference, until).await.map(|refunds| {
                refunds.iter().filter_map(|refund| made(refund.number(), refund.amount)).collect()
            }),
            Movement::Payout => self
                .transfer_of(booking.id, booking.payout_id(), until)
                .await
                .map(|sent| sent.and_then(|sent| made(None, sent.amount)).into_iter().collect()),
            Movement::Reversal => {
                self.reversals_of(booking.id, booking.payout_id(), until).await.map(|reversals| {
                    reversals.iter().filter_map(|back| made(back.reversal(), back.amount)).collect()
                })
            }
            _ => Ok(Vec::new()),
        };
        told.map_err(|setback| Error::unavailable(setback.context()))
    }

    /// What moved from `since` until `until`, to the second, newest first: captures, refunds, transfers, and
    /// what came back of them. Stripe's own fees and its payments to the platform's bank are none of these.
    /// Asks for a hundred at a time.
    ///
    /// # Errors
    /// `Unavailable` when Stripe did not answer.
    pub async fn movements(&self, since: Instant, until: Instant) -> Result<Vec<ProviderMovement>> {
        let mut movements = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let path = format!("{BALANCE_TRANSACTIONS}?{}", query(since, until, after.as_deref()));
            let page = match self.client.get::<List>(&path, self.clock.passed() + PATIENCE).await {
                Reply::Done { object, .. } => object,
                other => return Err(Error::unavailable(other.trouble())),
            };
            after = page.data.last().map(|last| last.id.clone());
            movements.extend(page.data.into_iter().filter_map(Transaction::movement));
            if !page.has_more || after.is_none() {
                return Ok(movements);
            }
        }
        Err(Error::unavailable("Stripe's balance transactions do not end"))
    }
}

impl Transaction {
    /// The movement that it is; `None` for what the product has nothing to do with.
    fn movement(self) -> Option<ProviderMovement> {
        let Some(Source::Shown(source)) = self.source else { return None };
        let kind = match (self.kind.as_str(), source.object.as_str()) {
            ("charge" | "payment", _) => MovementKind::Capture,
            ("refund" | "payment_refund", _) => MovementKind::Refund,
            ("transfer", _) => MovementKind::Transfer,
            ("transfer_refund" | "transfer_cancel" | "transfer_failure" | "refund_failure", _) => {
                MovementKind::Reversal
            }
            (_, "dispute") => MovementKind::Dispute,
            _ => return None,
        };
        // The transaction itself is in the balance's currency, which may be another than the guest paid in.
        let taken = source.amount_captured.unwrap_or(source.amount);
        let amount = from_stripe(taken.saturating_abs(), &source.currency)?;
        let fee =
            if self.currency == source.currency { from_stripe(self.fee, &self.currency)?.amount } else { 0 };
        let named = |name: &str| source.metadata.get(name);
        Some(ProviderMovement {
            kind,
            booking: named("booking").and_then(|id| id.parse().ok()),
            payment: named("payment").and_then(|id| id.parse().ok()),
            number: named("refund").or_else(|| named("reversal")).and_then(|number| number.parse().ok()),
            payout: named("payout").and_then(|id| id.parse().ok()),
            amount,
            fee,
            at: Instant::from_second(self.created).ok()?,
        })
    }
}

fn query(since: Instant, until: Instant, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("created[gte]", &since.as_second().to_string())
        .append_pair("created[lt]", &until.as_second().to_string())
        .append_pair("limit", "100")
        .append_pair("expand[]", "data.source");
    if let Some(after) = after {
        query.append_pair("starting_after", after);
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn transactions_are_movements_in_the_currency_that_was_paid() {
        let transaction = |kind: &str, source: serde_json::Value| {
            let whole = json!({"id": "txn_1", "type": kind, "created": 1_800_000_000, "fee": 30, "currency": "eur",
                "amount": -5, "net": 1, "source": source});
            serde_json::from_value::<Transaction>(whole).unwrap().movement()
        };
        let booking = "bkg_0000000000000000000001";
        let charge = json!({"object": "charge", "amount": 500, "amount_captured": 400, "currency": "usd",
            "metadata": {"booking": booking, "payment": "pyt_0000000000000000000007"}});
        let capture = transaction("charge", charge).unwrap();
        assert_eq!((capture.kind, capture.amount.amount, capture.fee), (MovementKind::Capture, 400, 0));
        assert_eq!(capture.amount.currency.code(), "USD");
        assert_eq!(capture.booking.unwrap().to_string(), booking);
        let refund = json!({"object": "refund", "amount": 7, "currency": "eur",
            "metadata": {"booking": booking, "refund": "2"}});
        let refund = transaction("refund", refund).unwrap();
        assert_eq!((refund.kind, refund.number, refund.fee), (MovementKind::Refund, Some(2), 30));
        for (kind, source) in [("charge", json!("ch_1")), ("stripe_fee", json!(null)), ("payout", json!({}))]
        {
            assert_eq!(transaction(kind, source), None, "{kind}");
        }
    }
}

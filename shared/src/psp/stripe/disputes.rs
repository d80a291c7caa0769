//! Disputes over charges, as Stripe tells of them, and transfers that are taken back for them.

use std::time::Duration;

use serde::Deserialize;

use super::amount::{from_stripe, is_nothing, to_stripe};
use super::client::Reply;
use super::connect::TRANSFERS;
use super::wire::{Marked, Refusal};
use super::{MOST_KEYS_OF_A_DEBT, PATIENCE, Stripe, path};
use crate::booking::dispute::{Dispute, Standing};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{BookingId, PayoutId};
use crate::money::Money;
use crate::payment::{Disputed, Transfer, Transferred};
use crate::psp::setback::Setback;

const DISPUTES: &str = "/v1/disputes";

#[derive(Debug, Deserialize)]
struct Told {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    evidence_details: Option<EvidenceDetails>,
    #[serde(default)]
    balance_transactions: Vec<BalanceTransaction>,
}

#[derive(Debug, Deserialize)]
struct EvidenceDetails {
    #[serde(default)]
    due_by: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct BalanceTransaction {
    fee: i64,
    currency: String,
}

impl Stripe {
    /// How a dispute stands, and over which money; `None` for one that is none of ours, and for an
    /// inquiry, which moves no money.
    ///
    /// # Errors
    /// `Unavailable` when Stripe did not answer.
    pub async fn dispute(&self, id: &str) -> Result<Option<Disputed>> {
        let until = self.clock.passed() + PATIENCE;
        let told = match self.client.get::<Told>(&format!("{DISPUTES}/{id}"), until).await {
            Reply::Done { object, .. } => object,
            Reply::Refused(Refusal { status: 404, .. }) => return Ok(None),
            other => return Err(Error::unavailable(other.trouble())),
        };
        let Some(intent) = told.payment_intent.as_deref().filter(|_| !told.status.starts_with("warning_"))
        else {
            return Ok(None);
        };
        let intent = match self.client.get::<Marked>(&path(intent, ""), until).await {
            Reply::Done { object, .. } => object,
            other => return Err(Error::unavailable(other.trouble())),
        };
        let booking = intent.metadata.get("booking").and_then(|id| id.parse().ok());
        let payment = intent.metadata.get("payment").and_then(|id| id.parse().ok());
        Ok(booking.zip(told.dispute()).map(|(booking, dispute)| Disputed { booking, payment, dispute }))
    }

    /// Takes back once under each number: what Stripe has of it is asked for first, as of a refund.
    pub(super) async fn taken_back(&self, transfer: &Transfer, amount: Money, number: u32) -> Transferred {
        if is_nothing(amount) {
            return Transferred::Done;
        }
        let (payout, until) = (transfer.payout, self.clock.passed() + PATIENCE);
        let reversals = match self.transfer_of(transfer.booking, payout, until).await {
            Ok(Some(made)) => reversals_path(&made),
            Ok(None) => {
                return Transferred::Refused { context: format!("there is no transfer of {payout}") };
            }
            Err(setback) => return setback.into(),
        };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("amount", &to_stripe(amount).to_string())
            .append_pair("metadata[booking]", &transfer.booking.to_string())
            .append_pair("metadata[reversal]", &number.to_string())
            .finish();
        for turn in 1..=MOST_KEYS_OF_A_DEBT {
            match self.listed(&reversals, until).await {
                Ok(made) if made.iter().any(|made| made.reversal() == Some(number)) => {
                    return Transferred::Done;
                }
                Ok(_) => {}
                Err(setback) => return setback.into(),
            }
            let key = format!("{payout}:reversal:{number}:{turn}");
            match self.client.post::<Marked>(&reversals, &form, &key, until).await {
                Reply::Done { .. } => return Transferred::Done,
                Reply::Spent | Reply::Refused(Refusal { replayed: true, .. }) => {}
                other => return other.setback().into(),
            }
        }
        Transferred::Unknown { context: format!("every key of {payout} is spent") }
    }

    /// What was taken back of a payout; nothing where it was not sent.
    pub(super) async fn reversals_of(
        &self,
        booking: BookingId,
        payout: PayoutId,
        until: Duration,
    ) -> std::result::Result<Vec<Marked>, Setback> {
        match self.transfer_of(booking, payout, until).await? {
            Some(transfer) => self.listed(&reversals_path(&transfer), until).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Where what was taken back of a transfer is listed.
fn reversals_path(transfer: &Marked) -> String {
    format!("{TRANSFERS}/{}/reversals", transfer.id)
}

impl Told {
    fn dispute(&self) -> Option<Dispute> {
        let minor = |amount: i64, currency: &str| from_stripe(amount, currency).map(|money| money.amount);
        let fees = self.balance_transactions.iter().filter(|made| made.currency == self.currency);
        let due = self.evidence_details.as_ref().and_then(|details| details.due_by);
        let standing = match self.status.as_str() {
            "won" => Standing::Won,
            "lost" => Standing::Lost,
            _ => Standing::Open,
        };
        let fee = fees.filter_map(|made| minor(made.fee, &made.currency)).sum();
        let due = due.and_then(|second| Instant::from_second(second).ok());
        Some(Dispute::new(self.id.clone(), minor(self.amount, &self.currency)?, fee, standing, due))
    }
}

//! Disputes over charges, as Stripe tells of them, and transfers that are taken back for them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::amount::{from_stripe, is_nothing, to_stripe};
use super::client::Reply;
use super::wire::Refusal;
use super::{MOST_KEYS_OF_A_DEBT, PATIENCE, Stripe, path};
use crate::booking::dispute::{Dispute, Standing};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{BookingId, PayoutId};
use crate::money::Money;
use crate::payment::{Disputed, Transfer, Transferred};
use crate::psp::setback::Setback;

const DISPUTES: &str = "/v1/disputes";
const TRANSFERS: &str = "/v1/transfers";

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

/// Something with metadata of ours.
#[derive(Debug, Deserialize)]
struct Marked {
    id: String,
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Marked>,
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
        let reversals = match self.reversals_of(transfer.booking, payout, until).await {
            Ok(Some(reversals)) => reversals,
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
            match self.made_at(&reversals, until).await {
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

    /// Whether an amount of a payout was taken back under this number, or an earlier one: something may have been
    /// entered between the decision and its movement.
    pub(super) async fn has_taken_back(
        &self,
        booking: BookingId,
        payout: PayoutId,
        (amount, number): (Money, u32),
        until: Duration,
    ) -> std::result::Result<bool, Setback> {
        let Some(reversals) = self.reversals_of(booking, payout, until).await? else { return Ok(false) };
        let is_own = |made: &Marked| made.reversal().is_some_and(|own| own <= number);
        let made = self.made_at(&reversals, until).await?;
        Ok(made.iter().any(|made| made.amount == to_stripe(amount) && is_own(made)))
    }

    /// Where what was taken back of a payout is listed; nowhere when it was not sent.
    async fn reversals_of(
        &self,
        booking: BookingId,
        payout: PayoutId,
        until: Duration,
    ) -> std::result::Result<Option<String>, Setback> {
        let transfers = self.made_at(&format!("{TRANSFERS}?transfer_group={booking}"), until).await?;
        let ours = |made: &&Marked| made.metadata.get("payout") == Some(&payout.to_string());
        Ok(transfers.iter().find(ours).map(|made| format!("{TRANSFERS}/{}/reversals", made.id)))
    }

    async fn made_at(&self, list: &str, until: Duration) -> std::result::Result<Vec<Marked>, Setback> {
        let and = if list.contains('?') { '&' } else { '?' };
        match self.client.get::<List>(&format!("{list}{and}limit=100"), until).await {
            Reply::Done { object, .. } => Ok(object.data),
            other => Err(other.setback()),
        }
    }
}

impl Marked {
    /// The number under which it was taken back of a host.
    fn reversal(&self) -> Option<u32> {
        self.metadata.get("reversal")?.parse().ok()
    }
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

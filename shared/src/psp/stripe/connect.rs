//! Stripe Connect: hosts' accounts, and transfers to them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;

use super::amount::{is_nothing, to_stripe};
use super::client::Reply;
use super::wire::{Intent, List, Marked, Refusal};
use super::{MOST_KEYS_OF_A_DEBT, PATIENCE, Stripe, path};
use crate::error::{Error, Result};
use crate::ids::{BookingId, PayoutId, UserId};
use crate::money::Money;
use crate::payment::{HostAccount, PayoutProvider, Transfer, Transferred};
use crate::planted::{self, Bug};
use crate::psp::setback::Setback;

const ACCOUNTS: &str = "/v1/accounts";
const ACCOUNT_LINKS: &str = "/v1/account_links";
/// Where transfers live.
pub(super) const TRANSFERS: &str = "/v1/transfers";

#[derive(Debug, Deserialize)]
struct Account {
    id: String,
    #[serde(default)]
    payouts_enabled: bool,
    #[serde(default)]
    capabilities: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Link {
    url: String,
}

impl PayoutProvider for Stripe {
    fn transfer<'a>(&'a self, transfer: &'a Transfer) -> BoxFuture<'a, Transferred> {
        Box::pin(self.transferred(transfer))
    }

    fn is_sent<'a>(&'a self, transfer: &'a Transfer) -> BoxFuture<'a, std::result::Result<bool, String>> {
        Box::pin(async move {
            let until = self.clock.passed() + PATIENCE;
            let sent = self.transfer_of(transfer.booking, transfer.payout, until).await;
            sent.map(|sent| sent.is_some()).map_err(Setback::context)
        })
    }

    fn take_back<'a>(
        &'a self,
        transfer: &'a Transfer,
        amount: Money,
        number: u32,
    ) -> BoxFuture<'a, Transferred> {
        Box::pin(self.taken_back(transfer, amount, number))
    }

    fn open_account(&self, host: UserId) -> BoxFuture<'_, Result<HostAccount>> {
        Box::pin(self.opened_account(host))
    }

    fn account<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<HostAccount>> {
        Box::pin(self.account_now(id))
    }

    fn onboarding<'a>(&'a self, id: &'a str, back: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.onboarding_page(id, back))
    }
}

impl Stripe {
    /// The transfer of a payout, if Stripe has made it.
    pub(super) async fn transfer_of(
        &self,
        booking: BookingId,
        payout: PayoutId,
        until: Duration,
    ) -> std::result::Result<Option<Marked>, Setback> {
        let transfers = self.listed(&format!("{TRANSFERS}?transfer_group={booking}"), until).await?;
        let payout = payout.to_string();
        Ok(transfers.into_iter().find(|made| made.metadata.get("payout") == Some(&payout)))
    }

    /// What a list has that concerns one booking.
    pub(super) async fn listed(
        &self,
        list: &str,
        until: Duration,
    ) -> std::result::Result<Vec<Marked>, Setback> {
        let and = if list.contains('?') { '&' } else { '?' };
        match self.client.get::<List>(&format!("{list}{and}limit=100"), until).await {
            Reply::Done { object, .. } => Ok(object.data),
            other => Err(other.setback()),
        }
    }

    /// Transfers once for each payout: what Stripe has of it is asked for first, as of a refund.
    async fn transferred(&self, transfer: &Transfer) -> Transferred {
        if is_nothing(transfer.amount) {
            return Transferred::Done;
        }
        let (until, amount) = (self.clock.passed() + PATIENCE, to_stripe(transfer.amount).to_string());
        let mut pairs = Vec::new();
        // Tied to the guest's own charge, the transfer need not wait until that money is free.
        if let Some(reference) = &transfer.from {
            match self.client.get::<Intent>(&path(reference, ""), until).await {
                Reply::Done { object, .. } => {
                    pairs.push(("source_transaction", object.charge_id().unwrap_or_default().to_owned()));
                }
                // That it cannot be asked about says nothing of what was sent.
                other => return Transferred::Unknown { context: other.trouble() },
            }
        }
        pairs.extend([
            ("amount", amount.clone()),
            ("currency", transfer.amount.currency.code().to_ascii_lowercase()),
            ("destination", transfer.account.clone()),
            ("transfer_group", transfer.booking.to_string()),
            ("metadata[booking]", transfer.booking.to_string()),
            ("metadata[payout]", transfer.payout.to_string()),
        ]);
        let form = form(&pairs);
        for turn in 1..=MOST_KEYS_OF_A_DEBT {
            match self.transfer_of(transfer.booking, transfer.payout, until).await {
                Ok(_) if planted::is(Bug::PayoutWithoutKey) => {}
                Ok(Some(_)) => return Transferred::Done,
                Ok(None) => {}
                // That it cannot be asked about says nothing of whether it was made.
                Err(setback) => return Transferred::Unknown { context: setback.context() },
            }
            // Another account may have taken the place of one that was closed, or the host may owe more since it was
            // refused: with either, another key.
            let mut key = format!("{}:transfer:{}:{amount}:{turn}", transfer.payout, transfer.account);
            if planted::is(Bug::PayoutWithoutKey) {
                key = self.key_of_one_call(&key, "transfer");
            }
            match self.client.post::<Marked>(TRANSFERS, &form, &key, until).await {
                Reply::Done { .. } => return Transferred::Done,
                Reply::Spent | Reply::Refused(Refusal { replayed: true, .. }) => {}
                other => return other.setback().into(),
            }
        }
        Transferred::Unknown { context: format!("every key of {} is spent", transfer.payout) }
    }

    async fn opened_account(&self, host: UserId) -> Result<HostAccount> {
        let form = form(&[
            ("type", "express".into()),
            ("capabilities[transfers][requested]", "true".into()),
            ("metadata[host]", host.to_string()),
        ]);
        let until = self.clock.passed() + PATIENCE;
        let key = self.key_of_one_call(&host.to_string(), "account");
        told(self.client.post::<Account>(ACCOUNTS, &form, &key, until).await).map(HostAccount::from)
    }

    async fn account_now(&self, id: &str) -> Result<HostAccount> {
        let until = self.clock.passed() + PATIENCE;
        match self.client.get::<Account>(&format!("{ACCOUNTS}/{id}"), until).await {
            // It is closed, or no longer ours: nothing can be paid to it.
            Reply::Refused(Refusal { status: 403 | 404, .. }) => {
                Ok(HostAccount { id: id.to_owned(), is_active: false, is_closed: true })
            }
            other => told(other).map(HostAccount::from),
        }
    }

    async fn onboarding_page(&self, id: &str, back: &str) -> Result<String> {
        let form = form(&[
            ("account", id.to_owned()),
            ("refresh_url", back.to_owned()),
            ("return_url", back.to_owned()),
            ("type", "account_onboarding".into()),
        ]);
        let until = self.clock.passed() + PATIENCE;
        let key = self.key_of_one_call(id, "onboarding");
        told(self.client.post::<Link>(ACCOUNT_LINKS, &form, &key, until).await).map(|link| link.url)
    }
}

impl From<Account> for HostAccount {
    fn from(account: Account) -> Self {
        let transfers = account.capabilities.get("transfers").is_some_and(|status| status == "active");
        Self { is_active: account.payouts_enabled && transfers, is_closed: false, id: account.id }
    }
}

fn told<T: std::fmt::Debug>(reply: Reply<T>) -> Result<T> {
    match reply {
        Reply::Done { object, .. } => Ok(object),
        other => Err(Error::unavailable(other.trouble())),
    }
}

fn form(pairs: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

//! Stripe Connect: hosts' accounts, and transfers to them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::amount::to_stripe;
use super::client::Reply;
use super::wire::{Intent, Refusal};
use super::{MOST_KEYS_OF_A_DEBT, PATIENCE, Stripe, path};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::payment::{HostAccount, Transfer, Transferred};
use crate::planted::{self, Bug};

const ACCOUNTS: &str = "/v1/accounts";
const ACCOUNT_LINKS: &str = "/v1/account_links";
const TRANSFERS: &str = "/v1/transfers";

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

#[derive(Debug, Deserialize)]
struct Made {
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Made>,
}

impl Stripe {
    /// Transfers once for each payout: what Stripe has of it is asked for first, as of a refund.
    pub(super) async fn transferred(&self, transfer: &Transfer) -> Transferred {
        let until = self.clock.passed() + PATIENCE;
        // Tied to the guest's own charge, the transfer need not wait until that money is free.
        let reference = transfer.order.reference.clone().unwrap_or_default();
        let charge = match self.client.get::<Intent>(&path(&reference, ""), until).await {
            Reply::Done { object, .. } => object.charge_id().unwrap_or_default().to_owned(),
            other => return Transferred::Unknown { context: other.trouble() },
        };
        let form = form(&[
            ("source_transaction", charge),
            ("amount", to_stripe(transfer.amount).to_string()),
            ("currency", transfer.amount.currency.code().to_ascii_lowercase()),
            ("destination", transfer.account.clone()),
            ("transfer_group", transfer.order.booking.to_string()),
            ("metadata[booking]", transfer.order.booking.to_string()),
            ("metadata[payout]", transfer.payout.to_string()),
        ]);
        let list = format!("{TRANSFERS}?transfer_group={}&limit=100", transfer.order.booking);
        for turn in 1..=MOST_KEYS_OF_A_DEBT {
            let ours = |made: &Made| made.metadata.get("payout") == Some(&transfer.payout.to_string());
            match self.client.get::<List>(&list, until).await {
                Reply::Done { .. } if planted::is(Bug::PayoutWithoutKey) => {}
                Reply::Done { object, .. } if object.data.iter().any(ours) => return Transferred::Done,
                Reply::Done { .. } => {}
                other => return Transferred::Unknown { context: other.trouble() },
            }
            let mut key = format!("{}:transfer:{turn}", transfer.payout);
            if planted::is(Bug::PayoutWithoutKey) {
                key = self.key_of_one_call(&key, "transfer");
            }
            match self.client.post::<Made>(TRANSFERS, &form, &key, until).await {
                Reply::Done { .. } => return Transferred::Done,
                Reply::Spent | Reply::Refused(Refusal { replayed: true, .. }) => {}
                other => return Transferred::Unknown { context: other.trouble() },
            }
        }
        Transferred::Unknown { context: format!("every key of {} is spent", transfer.payout) }
    }

    pub(super) async fn opened_account(&self, host: UserId) -> Result<HostAccount> {
        let form = form(&[
            ("type", "express".into()),
            ("capabilities[transfers][requested]", "true".into()),
            ("metadata[host]", host.to_string()),
        ]);
        let until = self.clock.passed() + PATIENCE;
        let key = self.key_of_one_call(&host.to_string(), "account");
        told(self.client.post::<Account>(ACCOUNTS, &form, &key, until).await).map(HostAccount::from)
    }

    pub(super) async fn account_now(&self, id: &str) -> Result<HostAccount> {
        let until = self.clock.passed() + PATIENCE;
        match self.client.get::<Account>(&format!("{ACCOUNTS}/{id}"), until).await {
            // It is closed, or no longer ours: nothing can be paid to it.
            Reply::Refused(Refusal { status: 403 | 404, .. }) => {
                Ok(HostAccount { id: id.to_owned(), is_active: false })
            }
            other => told(other).map(HostAccount::from),
        }
    }

    pub(super) async fn onboarding_page(&self, id: &str, back: &str) -> Result<String> {
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
        Self { is_active: account.payouts_enabled && transfers, id: account.id }
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

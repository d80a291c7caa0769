//! `POST /v1/hosts/me/payout-account`: leads a host to the provider's own page, where he says who he is
//! and where his money goes. No bank's data come near us.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::UserId;
use roost::payment::HostAccount;
use roost::store::payout_accounts::PayoutAccount;
use serde::Serialize;

/// Where the provider's page leads back to, after the address of the pages that mails link to.
const BACK: &str = "/hosting/payouts";

/// The operation.
#[derive(Debug)]
pub struct OpenPayoutAccount;

impl Operation for OpenPayoutAccount {
    const NAME: &'static str = "open-payout-account";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/hosts/me/payout-account";
    const SUMMARY: &'static str = "Where the caller tells the payment provider how to be paid out.";
    type Caller = Host;
    type Path = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Onboarding;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Onboarding>> {
        call.body()?;
        let host = call.caller.id;
        let site = app.config.site.as_ref().ok_or_else(|| Error::internal("ROOST_WEB_URL is not set"))?;
        let provider = app.payouts()?;
        let account = account_of(&app, host).await?;
        let onboarding_url = provider.onboarding(&account.id, &format!("{}{BACK}", site.url)).await?;
        let status = if account.is_active { Status::Active } else { Status::Pending };
        Ok(Answer::ok(Onboarding { onboarding_url, status }))
    }
}

/// The host's account: the one that is known, or another, where there is none or it is closed.
async fn account_of(app: &App, host: UserId) -> Result<HostAccount> {
    let provider = app.payouts()?;
    let known = app.store.payout_account(host).await?;
    if let Some(known) = &known {
        let account = provider.account(&known.account).await?;
        if !account.is_closed {
            return Ok(account);
        }
    }
    let account = provider.open_account(host).await?.id;
    let kept = app.store.keep_payout_account(host, PayoutAccount { account }, known.as_ref()).await?;
    provider.account(&kept.account).await
}

/// How a host's account stands, and where he tells the provider what it asks.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    /// The provider's page, for some minutes.
    onboarding_url: String,
    /// Whether the host can be paid out.
    status: Status,
}

/// Whether a host can be paid out.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The provider wants to know more.
    Pending,
    /// He can.
    Active,
}

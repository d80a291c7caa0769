//! What a deployment sets, by environment variables that template.yaml names.

use crate::error::{Error, Result};
use crate::mail::Site;
use crate::pricing::tax::TaxTable;
use crate::secrets::Secrets;

/// The settings of a deployment. A setting that only some functions need is asked for when they
/// need it, so that a function's environment holds no more than that.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ROOST_SECRET`, `ROOST_SECRET_PREVIOUS`: the secret that every key is derived from.
    pub secrets: Secrets,
    /// `AWS_REGION`.
    pub region: String,
    /// `ROOST_STORE_URL`: a store elsewhere than at AWS. The local stack's. Without it, as for every
    /// service, the SDKs' own `AWS_ENDPOINT_URL_DYNAMODB` and `AWS_ENDPOINT_URL`.
    pub store_url: Option<String>,
    /// Whether calls of the store and the bus are signed. Always, but in simulated histories, which have nobody who
    /// would check it, and would spend 6 in 100 of their time on it.
    pub signs: bool,
    /// `ROOST_*_TABLE`: the tables' names.
    pub tables: Tables,
    /// `ROOST_BUCKETS_URL`: buckets elsewhere than at AWS. The local stack's.
    pub buckets_url: Option<String>,
    /// `ROOST_PHOTOS_BUCKET`, `ROOST_FAILURES_BUCKET`: the buckets' names.
    pub buckets: Buckets,
    /// `ROOST_PHOTOS_BASE`: where photos are shown, without a trailing slash.
    pub photos_base: Option<String>,
    /// `ROOST_SERVICE_FEE_BASIS_POINTS`: the service fee in hundredths of a percent of nights and
    /// cleaning fee; 1400 unless set.
    pub service_fee_basis_points: i64,
    /// `ROOST_HOST_PENALTY_BASIS_POINTS`: what a host pays for calling a confirmed stay off, in
    /// hundredths of a percent of nights and cleaning fee; 1000 unless set.
    pub host_penalty_basis_points: i64,
    /// `ROOST_TAXES`: the tax table, as JSON; no taxes unless set.
    pub taxes: TaxTable,
    /// `ROOST_SEARCH_URL`, `ROOST_SEARCH_INDEX`, `ROOST_SEARCH_BUDGET_MS`: the index; searches read the cells without it.
    pub search: Option<SearchEngine>,
    /// `ROOST_SEARCH_DOMAIN`: the search domain's name, for the function that sets it up.
    pub search_domain: Option<String>,
    /// `ROOST_EVENT_BUS`: the name of the bus that domain events are published on.
    pub event_bus: Option<String>,
    /// `ROOST_EVENTS_URL`: an EventBridge elsewhere than at AWS. The local stack's.
    pub events_url: Option<String>,
    /// `ROOST_SITE_NAME`, `ROOST_WEB_URL`: what mails call the marketplace and link to.
    pub site: Option<Site>,
    /// `ROOST_MAIL_SENDER`: the address that mails come from.
    pub mail_sender: Option<String>,
    /// `ROOST_MAIL_URL`: an SES elsewhere than at AWS. The local stack's.
    pub mail_url: Option<String>,
    /// `ROOST_SECRETS_URL`: a Secrets Manager elsewhere than at AWS.
    pub secrets_url: Option<String>,
    /// `ROOST_STRIPE_WEBHOOK_SECRET` and, while it is rotated, `ROOST_STRIPE_WEBHOOK_SECRET_PREVIOUS`:
    /// what Stripe signs its events with. None is believed unless set.
    pub stripe_webhook_secrets: Vec<String>,
    /// `ROOST_STRIPE_URL`, `ROOST_STRIPE_KEY`.
    pub stripe: Option<StripeAccount>,
    /// `ROOST_ADYEN_WEBHOOK_KEY` and, while it is rotated, `ROOST_ADYEN_WEBHOOK_KEY_PREVIOUS`: what Adyen
    /// signs its notifications with, in hexadecimal digits. None is believed unless set.
    pub adyen_webhook_keys: Vec<String>,
    /// `ROOST_ADYEN_URL`, `ROOST_ADYEN_KEY`, `ROOST_ADYEN_MERCHANT`: the provider that stands in for the
    /// first. None does unless set.
    pub adyen: Option<AdyenAccount>,
}

/// The names of the tables; empty where a function does not use one.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Accounts and sessions.
    pub users: String,
    /// Listings, units and calendars.
    pub listings: String,
    /// One item per taken night.
    pub nights: String,
    /// Bookings.
    pub bookings: String,
    /// What search reads.
    pub projections: String,
}

/// Where searches go first.
#[derive(Clone, Debug)]
pub struct SearchEngine {
    /// The server's address, without a trailing slash.
    pub url: String,
    /// The index's name: `ROOST_SEARCH_INDEX`, `listings` unless set.
    pub index: String,
    /// How long one call of a search may take before the cells answer instead: 250 ms unless set.
    pub budget: std::time::Duration,
}

/// The names of the buckets; absent where a function does not use one.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// Uploads, and the photos made of them.
    pub photos: Option<String>,
    /// What stream consumers could not handle.
    pub failures: Option<String>,
}

/// Where payments go.
#[derive(Clone)]
pub struct StripeAccount {
    /// The interface's address, without a trailing slash.
    pub url: String,
    /// The secret key.
    pub key: String,
}

/// Where payments go while the first provider cannot be reached.
#[derive(Clone)]
pub struct AdyenAccount {
    /// The interface's address, without a trailing slash.
    pub url: String,
    /// The secret key.
    pub key: String,
    /// The merchant account's name.
    pub merchant: String,
}

impl std::fmt::Debug for AdyenAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AdyenAccount({}, {})", self.url, self.merchant)
    }
}

impl std::fmt::Debug for StripeAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StripeAccount({})", self.url)
    }
}

impl Config {
    /// The settings that `variable` gives.
    ///
    /// # Errors
    /// When one is missing that every function needs, or is malformed; the message names it.
    pub fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        // Our own name first, then those that every SDK reads by itself where it loads its settings.
        let elsewhere = |own: &str, sdk: &str| {
            variable(own).or_else(|| variable(sdk)).or_else(|| variable("AWS_ENDPOINT_URL"))
        };
        let malformed = |name: &str, why: &dyn std::fmt::Display| Error::internal(format!("{name}: {why}"));
        let secret = variable("ROOST_SECRET").ok_or_else(|| Error::internal("ROOST_SECRET is not set"))?;
        let secrets = Secrets::new(&secret, variable("ROOST_SECRET_PREVIOUS").as_deref())
            .map_err(|why| malformed("ROOST_SECRET", &why))?;
        let basis_points = |name: &str, otherwise: i64| match variable(name) {
            None => Ok(otherwise),
            Some(value) => match value.parse() {
                Ok(points) if (0..=10_000).contains(&points) => Ok(points),
                _ => Err(malformed(name, &"not a number from 0 to 10000")),
            },
        };
        let service_fee_basis_points = basis_points("ROOST_SERVICE_FEE_BASIS_POINTS", 1400)?;
        let host_penalty_basis_points = basis_points("ROOST_HOST_PENALTY_BASIS_POINTS", 1000)?;
        let taxes = match variable("ROOST_TAXES") {
            None => TaxTable::default(),
            Some(json) => serde_json::from_str(&json).map_err(|why| malformed("ROOST_TAXES", &why))?,
        };
        let budget = match variable("ROOST_SEARCH_BUDGET_MS") {
            None => 250,
            Some(value) => match value.parse() {
                Ok(milliseconds) if milliseconds > 0 => milliseconds,
                _ => return Err(malformed("ROOST_SEARCH_BUDGET_MS", &"not a number of milliseconds")),
            },
        };
        let search = variable("ROOST_SEARCH_URL").map(|url| SearchEngine {
            // A domain's endpoint comes without its scheme.
            url: if url.contains("://") { url } else { format!("https://{url}") }
                .trim_end_matches('/')
                .to_owned(),
            index: variable("ROOST_SEARCH_INDEX").unwrap_or_else(|| "listings".into()),
            budget: std::time::Duration::from_millis(budget),
        });
        let stripe = variable("ROOST_STRIPE_URL").zip(variable("ROOST_STRIPE_KEY"));
        let adyen = variable("ROOST_ADYEN_URL")
            .zip(variable("ROOST_ADYEN_KEY"))
            .zip(variable("ROOST_ADYEN_MERCHANT"));
        let site = variable("ROOST_SITE_NAME").zip(variable("ROOST_WEB_URL"));
        Ok(Self {
            secrets,
            region: variable("AWS_REGION").unwrap_or_else(|| "us-east-1".into()),
            store_url: elsewhere("ROOST_STORE_URL", "AWS_ENDPOINT_URL_DYNAMODB"),
            signs: true,
            tables: Tables {
                users: variable("ROOST_USERS_TABLE").unwrap_or_default(),
                listings: variable("ROOST_LISTINGS_TABLE").unwrap_or_default(),
                nights: variable("ROOST_NIGHTS_TABLE").unwrap_or_default(),
                bookings: variable("ROOST_BOOKINGS_TABLE").unwrap_or_default(),
                projections: variable("ROOST_PROJECTIONS_TABLE").unwrap_or_default(),
            },
            buckets_url: elsewhere("ROOST_BUCKETS_URL", "AWS_ENDPOINT_URL_S3"),
            buckets: Buckets {
                photos: variable("ROOST_PHOTOS_BUCKET"),
                failures: variable("ROOST_FAILURES_BUCKET"),
            },
            photos_base: variable("ROOST_PHOTOS_BASE").map(|base| base.trim_end_matches('/').to_owned()),
            service_fee_basis_points,
            host_penalty_basis_points,
            taxes,
            search,
            search_domain: variable("ROOST_SEARCH_DOMAIN"),
            event_bus: variable("ROOST_EVENT_BUS"),
            events_url: elsewhere("ROOST_EVENTS_URL", "AWS_ENDPOINT_URL_EVENTBRIDGE"),
            site: site.map(|(name, url)| Site { name, url: url.trim_end_matches('/').to_owned() }),
            mail_sender: variable("ROOST_MAIL_SENDER"),
            mail_url: elsewhere("ROOST_MAIL_URL", "AWS_ENDPOINT_URL_SESV2"),
            secrets_url: elsewhere("ROOST_SECRETS_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            stripe_webhook_secrets: ["ROOST_STRIPE_WEBHOOK_SECRET", "ROOST_STRIPE_WEBHOOK_SECRET_PREVIOUS"]
                .into_iter()
                .filter_map(variable)
                .collect(),
            stripe: stripe.map(|(url, key)| StripeAccount { url: url.trim_end_matches('/').to_owned(), key }),
            adyen_webhook_keys: ["ROOST_ADYEN_WEBHOOK_KEY", "ROOST_ADYEN_WEBHOOK_KEY_PREVIOUS"]
                .into_iter()
                .filter_map(variable)
                .collect(),
            adyen: adyen.map(|((url, key), merchant)| AdyenAccount {
                url: url.trim_end_matches('/').to_owned(),
                key,
                merchant,
            }),
        })
    }
}

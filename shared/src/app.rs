//! What every function holds: the clock, the keys, the store, and the adapters that it uses.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use crate::bucket::Bucket;
use crate::bus::EventBus;
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::payment::{PaymentProvider, PayoutProvider, ProviderName};
use crate::psp::adyen::Adyen;
use crate::psp::stripe::Stripe;
use crate::secrets::Secrets;
use crate::ses::Post;
use crate::store::Store;

/// The parts of one function instance, shared by its requests. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts themselves.
pub struct Parts {
    /// What the deployment set.
    pub config: Config,
    /// The one clock.
    pub clock: Clock,
    /// The one source of random bytes.
    pub entropy: Entropy,
    /// The deployment's keys.
    pub secrets: Secrets,
    /// The tables.
    pub store: Store,
    connector: SharedHttpConnector,
    stripe: OnceLock<Stripe>,
    adyen: OnceLock<Adyen>,
    index: OnceLock<Option<Index>>,
    photos: OnceLock<Bucket>,
    failures: OnceLock<Bucket>,
    bus: OnceLock<EventBus>,
    post: OnceLock<Post>,
}

impl App {
    /// The parts of a function in AWS, from its environment.
    ///
    /// # Errors
    /// When the environment lacks a setting; the message names it.
    pub fn from_environment() -> Result<Self> {
        let config = Config::from(|name| std::env::var(name).ok())?;
        Ok(Self::new(config, Clock::system(), Entropy::system(), crate::connector::https()))
    }

    /// The parts of the function that starts without the deployment's secret, since it is what reads it: its keys
    /// are those of a secret drawn for it alone, and fit nothing.
    ///
    /// # Errors
    /// As [`Self::from_environment`].
    pub fn without_secret() -> Result<Self> {
        let entropy = Entropy::system();
        let drawn = format!("{:032x}", u128::from_be_bytes(entropy.bytes()));
        let config = Config::from(|name| match name {
            "ROOST_SECRET" => Some(drawn.clone()),
            _ => std::env::var(name).ok(),
        })?;
        Ok(Self::new(config, Clock::system(), entropy, crate::connector::https()))
    }

    /// The same parts with another clock, other random bytes or another way out: how the local
    /// stack, the tests and the simulation run the code that ships. Every byte that leaves the
    /// process leaves through `connector`.
    #[must_use]
    pub fn new(config: Config, clock: Clock, entropy: Entropy, connector: SharedHttpConnector) -> Self {
        let store = Store::new(&config, &clock, &entropy, connector.clone());
        let secrets = config.secrets.clone();
        Self(Arc::new(Parts {
            config,
            clock,
            entropy,
            secrets,
            store,
            connector,
            stripe: OnceLock::new(),
            adyen: OnceLock::new(),
            index: OnceLock::new(),
            photos: OnceLock::new(),
            failures: OnceLock::new(),
            bus: OnceLock::new(),
            post: OnceLock::new(),
        }))
    }

    /// A payment provider. Made at the first use, so that only the functions that call it carry it.
    ///
    /// # Errors
    /// When the deployment set no account there.
    pub fn provider(&self, name: ProviderName) -> Result<&dyn PaymentProvider> {
        match name {
            ProviderName::Stripe => Ok(self.stripe()?),
            ProviderName::Adyen => {
                if let Some(adyen) = self.adyen.get() {
                    return Ok(adyen);
                }
                let adyen = Adyen::new(&self.config, self.connector.clone(), &self.clock, &self.entropy)?;
                Ok(self.adyen.get_or_init(|| adyen))
            }
        }
    }

    /// The provider that takes over a payment for which another could not be reached, where the
    /// deployment has one.
    #[must_use]
    pub fn stands_in_for(&self, name: ProviderName) -> Option<ProviderName> {
        match name {
            ProviderName::Stripe if self.config.adyen.is_some() => Some(ProviderName::Adyen),
            ProviderName::Stripe | ProviderName::Adyen => None,
        }
    }

    /// Who pays hosts out.
    ///
    /// # Errors
    /// As [`Self::provider`].
    pub fn payouts(&self) -> Result<&dyn PayoutProvider> {
        Ok(self.stripe()?)
    }

    /// The first provider, as what it is: its book is asked for as its own.
    ///
    /// # Errors
    /// As [`Self::provider`].
    pub fn stripe(&self) -> Result<&Stripe> {
        if let Some(stripe) = self.stripe.get() {
            return Ok(stripe);
        }
        let stripe = Stripe::new(&self.config, self.connector.clone(), &self.clock, &self.entropy)?;
        Ok(self.stripe.get_or_init(|| stripe))
    }

    /// Returns when the search domain is ready; at once where the deployment names none.
    ///
    /// # Errors
    /// `Unavailable` when it is not ready in time.
    pub async fn search_domain_ready(&self) -> Result<()> {
        match &self.config.search_domain {
            None => Ok(()),
            Some(domain) => {
                crate::index::domain::ready(domain, &self.config.region, self.connector.clone()).await
            }
        }
    }

    /// The text of a secret in Secrets Manager, given by its name or ARN: of the version of this id, of the
    /// current one where that is empty.
    ///
    /// # Errors
    /// `Unavailable` when it could not be read, for one that has just been allowed not within half a minute.
    pub async fn read_secret(&self, secret: &str, version: &str) -> Result<String> {
        crate::secrets_manager::read(self, secret, version).await
    }

    pub(crate) fn connector(&self) -> &SharedHttpConnector {
        &self.connector
    }

    /// The search index, where the deployment has one. Made at the first use.
    #[must_use]
    pub fn index(&self) -> Option<&Index> {
        let index = self
            .index
            .get_or_init(|| Index::new(&self.config, self.connector.clone(), &self.clock, &self.entropy));
        index.as_ref()
    }

    /// The bucket of uploads and photos. Made at the first use, as [`Self::provider`].
    ///
    /// # Errors
    /// When the deployment set none.
    pub fn photos(&self) -> Result<&Bucket> {
        self.bucket(&self.photos, "ROOST_PHOTOS_BUCKET", self.config.buckets.photos.as_deref())
    }

    /// The bucket of what stream consumers could not handle. Made at the first use.
    ///
    /// # Errors
    /// When the deployment set none.
    pub fn failures(&self) -> Result<&Bucket> {
        self.bucket(&self.failures, "ROOST_FAILURES_BUCKET", self.config.buckets.failures.as_deref())
    }

    fn bucket<'a>(
        &self,
        made: &'a OnceLock<Bucket>,
        setting: &str,
        name: Option<&str>,
    ) -> Result<&'a Bucket> {
        let name = name.ok_or_else(|| Error::internal(format!("{setting} is not set")))?;
        Ok(made.get_or_init(|| Bucket::new(&self.config, name, self.connector.clone(), &self.clock)))
    }

    /// The event bus, made likewise.
    ///
    /// # Errors
    /// When the deployment named none.
    pub fn bus(&self) -> Result<&EventBus> {
        if let Some(bus) = self.bus.get() {
            return Ok(bus);
        }
        let bus = EventBus::new(&self.config, self.connector.clone(), &self.clock)?;
        Ok(self.bus.get_or_init(|| bus))
    }

    /// Who carries mail, made likewise.
    ///
    /// # Errors
    /// When the deployment named no sender.
    pub fn post(&self) -> Result<&Post> {
        if let Some(post) = self.post.get() {
            return Ok(post);
        }
        let post = Post::new(&self.config, self.connector.clone(), &self.clock)?;
        Ok(self.post.get_or_init(|| post))
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

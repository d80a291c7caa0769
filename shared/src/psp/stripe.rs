//! Stripe.
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::Result;
use crate::payment::{Authorization, PaymentOrder, PaymentProvider};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use futures::future::BoxFuture;

/// Stripe.
#[derive(Debug)]
pub struct Stripe;
impl Stripe {
    /// The adapter.
    pub fn new(_: &Config, _: SharedHttpConnector, _: &Entropy) -> Result<Self> {
        Ok(Self)
    }
}
impl PaymentProvider for Stripe {
    fn authorize<'a>(&'a self, _: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(async { Authorization::Nothing })
    }
    fn settle<'a>(&'a self, _: &'a PaymentOrder) -> BoxFuture<'a, Authorization> {
        Box::pin(async { Authorization::Nothing })
    }
    fn void<'a>(&'a self, _: &'a PaymentOrder) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }
}

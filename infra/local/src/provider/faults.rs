//! Faults on command.

use std::str::FromStr;

use roost::error::{Fields, Result};
use roost::payment::ProviderName;
use serde::Deserialize;

/// How a call to the provider fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is no: the card is refused, its hold has expired, or the account has not enough to
    /// give back or to hand on.
    Decline,
    /// The work is not done, and the answer is 500. Stripe stores it under the call's key; Adyen does not,
    /// for its errors are to be tried again under the same.
    Error500,
    /// The connection drops before the work is done.
    TimeoutBefore,
    /// The work is done, and the connection drops before the answer.
    TimeoutAfter,
    /// The answer is 429; nothing is done or stored.
    RateLimited,
    /// The answer is 503, of the provider's front: nothing is read, done or stored.
    Down,
}

/// What a call does, as faults and the ledger name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Authorize,
    /// A customer whose card is to be kept: to faults a part of `authorize`, but no card is asked yet.
    Customer,
    Capture,
    Void,
    Refund,
    /// Money to a connected account, and back from it.
    Transfer,
}

/// An order for faults: `{provider?, operation?, fault, times}`, as it is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultOrder {
    /// Only calls to this provider: `stripe` or `adyen`. All, unless given.
    #[serde(default)]
    pub provider: Option<String>,
    /// Only calls that do this. Any call at all, unless given.
    #[serde(default)]
    pub operation: Option<String>,
    /// How they fail.
    pub fault: String,
    /// How many calls fail.
    pub times: i64,
}

/// An order that was understood.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    /// The only provider whose calls fail, if not all do.
    provider: Option<ProviderName>,
    operation: Option<Operation>,
    fault: Fault,
    times: u32,
}

/// The faults still to come, in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Ordered>);

const MOST_TIMES: i64 = 1_000_000;

impl FaultOrder {
    /// # Errors
    /// `Invalid` with every wrong field.
    pub(super) fn checked(self) -> Result<Ordered> {
        let mut fields = Fields::default();
        let provider = match self.provider.as_deref() {
            None => None,
            Some("stripe") => Some(ProviderName::Stripe),
            Some("adyen") => Some(ProviderName::Adyen),
            Some(_) => {
                fields.refuse("/provider", "must be stripe or adyen");
                None
            }
        };
        let operation =
            self.operation.as_deref().and_then(|name| fields.take("/operation", name.parse::<Operation>()));
        let fault = fields.take("/fault", self.fault.parse::<Fault>());
        let times = fields.number("/times", self.times, 1, MOST_TIMES);
        fields.finish()?;
        let fault = fault.expect("a fault that was not understood has been refused");
        Ok(Ordered { provider, operation, fault, times })
    }
}

impl Faults {
    pub(super) fn add(&mut self, order: Ordered) {
        self.0.push(order);
    }

    /// The fault of a call to `provider` that does `operation` (nothing to the books, for `None`), used up
    /// by it. Where the answer is `stored` already, only what befalls the way of it can happen.
    pub(super) fn next(
        &mut self,
        provider: ProviderName,
        operation: Option<Operation>,
        stored: bool,
    ) -> Option<Fault> {
        let index = self.0.iter().position(|order| {
            order.provider.is_none_or(|only| only == provider)
                && (order.operation.is_none() || order.operation == operation.map(Operation::ordered_as))
                && match order.fault {
                    Fault::Decline => !stored && operation.is_some_and(Operation::can_be_declined),
                    Fault::Error500 => !stored,
                    _ => true,
                }
        })?;
        let order = &mut self.0[index];
        order.times -= 1;
        let (fault, done) = (order.fault, order.times == 0);
        if done {
            self.0.remove(index);
        }
        Some(fault)
    }
}

impl Operation {
    /// What a fault is ordered for that is to befall it.
    fn ordered_as(self) -> Self {
        if self == Self::Customer { Self::Authorize } else { self }
    }

    /// Whether there is anybody to say no. A decline that is ordered waits for such a call.
    fn can_be_declined(self) -> bool {
        self != Self::Customer
    }
}

impl FromStr for Fault {
    type Err = &'static str;
    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match name {
            "decline" => Self::Decline,
            "error500" => Self::Error500,
            "timeout_before" => Self::TimeoutBefore,
            "timeout_after" => Self::TimeoutAfter,
            "rate_limited" => Self::RateLimited,
            "down" => Self::Down,
            _ => {
                return Err("must be decline, error500, timeout_before, timeout_after, rate_limited or down");
            }
        })
    }
}

impl FromStr for Operation {
    type Err = &'static str;
    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match name {
            "authorize" => Self::Authorize,
            "capture" => Self::Capture,
            "void" => Self::Void,
            "refund" => Self::Refund,
            "transfer" => Self::Transfer,
            _ => return Err("must be authorize, capture, void, refund or transfer"),
        })
    }
}

//! An amount of money by the lines of a price: how much of each part of it is meant. What is kept of a
//! stay's price and what is returned are parts of it, and together they are the price.

use serde::{Deserialize, Serialize};

use super::{Line, LineKind, StayPrice};
use crate::money::share;

/// So much of each line of a price, in minor units. Of what was taken a line may be below zero by what a bank has
/// given back of others, see [`Self::is_sound`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Of the nights.
    pub nights: i64,
    /// Of the cleaning fee.
    pub cleaning_fee: i64,
    /// Of the platform's fee.
    pub service_fee: i64,
    /// Of each tax, in the price's order; none at all stands for nothing of any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<i64>,
}

impl Parts {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.host() + self.service_fee + self.tax()
    }

    /// What of it is the host's.
    #[must_use]
    pub const fn host(&self) -> i64 {
        self.nights + self.cleaning_fee
    }

    /// What of it is the tax office's.
    #[must_use]
    pub fn tax(&self) -> i64 {
        self.taxes.iter().sum()
    }

    /// These without those.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let taxes = self.taxes.iter().enumerate();
        Self {
            nights: self.nights - other.nights,
            cleaning_fee: self.cleaning_fee - other.cleaning_fee,
            service_fee: self.service_fee - other.service_fee,
            taxes: taxes
                .map(|(index, tax)| tax - other.taxes.get(index).copied().unwrap_or_default())
                .collect(),
        }
    }

    /// These and those.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let of = |taxes: &[i64], index: usize| taxes.get(index).copied().unwrap_or_default();
        let count = self.taxes.len().max(other.taxes.len());
        Self {
            nights: self.nights + other.nights,
            cleaning_fee: self.cleaning_fee + other.cleaning_fee,
            service_fee: self.service_fee + other.service_fee,
            taxes: (0..count).map(|index| of(&self.taxes, index) + of(&other.taxes, index)).collect(),
        }
    }

    /// Of each line the smaller of the two.
    #[must_use]
    pub fn least(&self, other: &Self) -> Self {
        let taxes = self.taxes.iter().enumerate();
        Self {
            nights: self.nights.min(other.nights),
            cleaning_fee: self.cleaning_fee.min(other.cleaning_fee),
            service_fee: self.service_fee.min(other.service_fee),
            taxes: taxes
                .map(|(index, tax)| other.taxes.get(index).copied().unwrap_or_default().min(*tax))
                .collect(),
        }
    }

    /// So much of it, in minor units: all of it if there is no more, else of each line the same share, what
    /// rounding leaves being the nights'.
    #[must_use]
    pub fn up_to(&self, amount: i64) -> Self {
        let whole = self.total();
        if amount >= whole {
            return self.clone();
        }
        let share = |part: i64| share(part, amount, whole);
        let mut parts = Self {
            nights: 0,
            cleaning_fee: share(self.cleaning_fee),
            service_fee: share(self.service_fee),
            taxes: self.taxes.iter().map(|tax| share(*tax)).collect(),
        };
        parts.nights = amount - parts.total();
        parts
    }

    /// Whether none of it is negative.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let fees = [self.nights, self.cleaning_fee, self.service_fee];
        fees.iter().chain(&self.taxes).all(|part| *part >= 0)
    }
}

impl StayPrice {
    /// The whole price by its parts.
    #[must_use]
    pub fn parts(&self) -> Parts {
        Parts {
            nights: self.nights.iter().map(|(run, price)| i64::from(run.count()) * price).sum(),
            cleaning_fee: self.cleaning_fee,
            service_fee: self.service_fee,
            taxes: self.taxes.iter().map(|tax| tax.amount).collect(),
        }
    }

    /// The lines of some of the price; what there is nothing of has no line.
    #[must_use]
    pub fn lines_of(&self, parts: &Parts) -> Vec<Line> {
        let mut taxes = parts.taxes.iter();
        let lines = self.lines().into_iter().map(|line| {
            let amount = match line.kind {
                LineKind::Nights => parts.nights,
                LineKind::CleaningFee => parts.cleaning_fee,
                LineKind::ServiceFee => parts.service_fee,
                LineKind::Tax => taxes.next().copied().unwrap_or_default(),
                LineKind::Discount => 0,
            };
            Line { amount: self.money(amount), ..line }
        });
        lines.filter(|line| line.amount.amount != 0).collect()
    }
}

//! An amount of money by the lines of a price: how much of each part of it is meant. What is kept of a
//! stay's price and what is returned are parts of it, and together they are the price.

use serde::{Deserialize, Serialize};

use super::{Line, LineKind, StayPrice};

/// So much of each line of a price, in minor units. Never below zero.
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

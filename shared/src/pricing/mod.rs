//! What a stay costs: the lines of its price, each rounded once, that sum to the total.

pub mod parts;
pub mod tax;

use serde::{Deserialize, Serialize};

use crate::listing::Terms;
use crate::listing::calendar::Calendar;
use crate::listing::runs::Runs;
use crate::money::{Currency, Money, share};
use crate::stay::{Date, Nights};
use tax::TaxTable;

/// The price of a stay: every line in the minor unit of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayPrice {
    /// What all amounts are in.
    pub currency: Currency,
    /// Each night's price; every night of the stay has one.
    pub nights: Runs<i64>,
    /// Once a stay.
    pub cleaning_fee: i64,
    /// The platform's fee.
    pub service_fee: i64,
    /// Taxes, each with its label.
    pub taxes: Vec<TaxLine>,
}

/// One tax on a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    /// What the guest reads.
    pub label: String,
    /// In minor units.
    pub amount: i64,
}

/// One line of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Line {
    /// Which part of the price.
    pub kind: LineKind,
    /// What the guest reads.
    pub label: String,
    /// How much.
    pub amount: Money,
}

/// The parts of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// The nights.
    Nights,
    /// Cleaning, once a stay.
    CleaningFee,
    /// The platform's fee.
    ServiceFee,
    /// A tax.
    Tax,
    /// What is taken off.
    Discount,
}

/// What the platform adds to a host's prices.
#[derive(Clone, Copy, Debug)]
pub struct Tariff<'a> {
    /// The service fee in basis points of nights and cleaning fee.
    pub service_fee_basis_points: i64,
    /// The taxes.
    pub taxes: &'a TaxTable,
}

/// What `stay` costs under these terms.
#[must_use]
pub fn price(terms: &Terms, calendar: &Calendar, tariff: Tariff<'_>, stay: Nights) -> StayPrice {
    let mut nights = calendar.prices.within(stay);
    nights.update(stay, |price| Some(price.copied().unwrap_or(terms.base_price)));
    let basis = Basis { currency: terms.currency, cleaning_fee: terms.cleaning_fee, country: &terms.country };
    price_of_nights(basis, nights, tariff, stay)
}

/// What a stay's price needs beside its nights.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// What all amounts are in.
    pub currency: Currency,
    /// Once a stay, in minor units.
    pub cleaning_fee: i64,
    /// ISO 3166 alpha-2, for taxes.
    pub country: &'a str,
}

/// What `stay` costs at these prices, one for each of its nights.
#[must_use]
pub fn price_of_nights(basis: Basis<'_>, nights: Runs<i64>, tariff: Tariff<'_>, stay: Nights) -> StayPrice {
    let taxable = sum_of_nights(&nights) + basis.cleaning_fee;
    StayPrice {
        currency: basis.currency,
        nights,
        cleaning_fee: basis.cleaning_fee,
        service_fee: share(taxable, tariff.service_fee_basis_points, 10_000),
        taxes: tariff.taxes.lines(basis.country, taxable, stay),
    }
}

/// The mean night of `count` nights that cost `sum`, rounded half up.
#[must_use]
pub fn mean_night(sum: i64, count: i64) -> i64 {
    share(sum, 1, count.max(1))
}

fn sum_of_nights(nights: &Runs<i64>) -> i64 {
    nights.iter().map(|(run, price)| i64::from(run.count()) * price).sum()
}

impl StayPrice {
    /// What the guest pays.
    #[must_use]
    pub fn total(&self) -> i64 {
        sum_of_nights(&self.nights)
            + self.cleaning_fee
            + self.service_fee
            + self.taxes.iter().map(|tax| tax.amount).sum::<i64>()
    }

    /// What the guest pays, as money.
    #[must_use]
    pub fn total_money(&self) -> Money {
        self.money(self.total())
    }

    /// An amount in the price's currency.
    #[must_use]
    pub const fn money(&self, amount: i64) -> Money {
        Money { amount, currency: self.currency }
    }

    /// The mean night, rounded half up.
    #[must_use]
    pub fn mean_night(&self) -> i64 {
        let count: i64 = self.nights.iter().map(|(run, _)| i64::from(run.count())).sum();
        mean_night(sum_of_nights(&self.nights), count)
    }

    /// The lines that the guest reads, in the contract's order; a fee of nothing has no line.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let count: u32 = self.nights.iter().map(|(run, _)| run.count()).sum();
        let line = |kind, label: String, amount| Line { kind, label, amount: self.money(amount) };
        let nights = if count == 1 { "1 night".into() } else { format!("{count} nights") };
        let mut lines = vec![line(LineKind::Nights, nights, sum_of_nights(&self.nights))];
        if self.cleaning_fee != 0 {
            lines.push(line(LineKind::CleaningFee, "Cleaning fee".into(), self.cleaning_fee));
        }
        if self.service_fee != 0 {
            lines.push(line(LineKind::ServiceFee, "Service fee".into(), self.service_fee));
        }
        lines.extend(self.taxes.iter().map(|tax| line(LineKind::Tax, tax.label.clone(), tax.amount)));
        lines
    }

    /// Each night with its price, in order.
    pub fn each_night(&self) -> impl Iterator<Item = (Date, i64)> + '_ {
        self.nights.iter().flat_map(|(run, price)| run.iter().map(move |date| (date, *price)))
    }
}

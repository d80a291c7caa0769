//! The tax table: which taxes a stay in a country pays. Jurisdictions below the country come later;
//! their place in the lines is here.

use serde::Deserialize;

use super::TaxLine;
use crate::money::share;
use crate::stay::Nights;

/// The taxes of a deployment, by country. Which are due where is the operator's to know: Roost ships
/// none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct TaxTable(Vec<Tax>);

/// One tax.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tax {
    /// ISO 3166 alpha-2.
    country: String,
    /// What the guest reads.
    label: String,
    /// A share of nights and cleaning fee, in basis points.
    #[serde(default)]
    basis_points: i64,
    /// And so much a night, in minor units of the listing's currency.
    #[serde(default)]
    per_night: i64,
}

impl TaxTable {
    /// The taxes on a stay, in the table's order; each is one line, rounded once.
    #[must_use]
    pub fn lines(&self, country: &str, taxable: i64, stay: Nights) -> Vec<TaxLine> {
        self.0
            .iter()
            .filter(|tax| tax.country == country)
            .map(|tax| TaxLine {
                label: tax.label.clone(),
                amount: share(taxable, tax.basis_points, 10_000) + tax.per_night * i64::from(stay.count()),
            })
            .filter(|line| line.amount != 0)
            .collect()
    }
}

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

#[cfg(test)]
mod tests {
    use super::parts::Parts;
    use super::*;
    use crate::stay::date_of_epoch_day;
    use proptest::prelude::*;

    /// Belgium's as it might be, and another country's.
    fn taxes() -> TaxTable {
        let taxes = r#"[{"country": "BE", "label": "VAT", "basisPoints": 600},
            {"country": "BE", "label": "City tax", "perNight": 155}, {"country": "BE", "label": "Nothing"},
            {"country": "NL", "label": "Other", "basisPoints": 900}]"#;
        serde_json::from_str(taxes).unwrap()
    }

    fn stay(count: i32) -> Nights {
        Nights::between(date_of_epoch_day(21_000), date_of_epoch_day(21_000 + count)).unwrap()
    }

    fn priced(nights: &[i64], cleaning_fee: i64, service_fee_basis_points: i64) -> StayPrice {
        let night = |index: usize| {
            Nights::between(
                date_of_epoch_day(21_000 + i32::try_from(index).unwrap()),
                date_of_epoch_day(21_001 + i32::try_from(index).unwrap()),
            )
        };
        let runs = nights.iter().enumerate().map(|(index, price)| (night(index).unwrap(), *price)).collect();
        let basis = Basis { currency: Currency::of("EUR").unwrap(), cleaning_fee, country: "BE" };
        let tariff = Tariff { service_fee_basis_points, taxes: &taxes() };
        price_of_nights(basis, runs, tariff, stay(i32::try_from(nights.len()).unwrap()))
    }

    #[test]
    fn a_price_reads_line_by_line_and_what_costs_nothing_has_none() {
        let lines = |price: &StayPrice| -> Vec<(String, i64)> {
            price.lines().into_iter().map(|line| (line.label, line.amount.amount)).collect()
        };
        let line = |label: &str, amount| (label.to_owned(), amount);
        let two = priced(&[10_000, 12_501], 2_500, 1_400);
        // 14 % of 25,001 are 3,500.14, 6 % are 1,500.06.
        let expected = [
            line("2 nights", 22_501),
            line("Cleaning fee", 2_500),
            line("Service fee", 3_500),
            line("VAT", 1_500),
            line("City tax", 310),
        ];
        assert_eq!(lines(&two), expected);
        assert_eq!((two.total(), two.mean_night()), (30_311, 11_251));
        let days: Vec<i64> = two.each_night().map(|(_, price)| price).collect();
        assert_eq!(days, [10_000, 12_501]);
        let one = priced(&[10_000], 0, 0);
        assert_eq!(lines(&one), [line("1 night", 10_000), line("VAT", 600), line("City tax", 155)]);
        let part = Parts { nights: 5_000, taxes: vec![0, 155], ..Parts::default() };
        let of_part: Vec<(String, i64)> =
            one.lines_of(&part).into_iter().map(|line| (line.label, line.amount.amount)).collect();
        assert_eq!(of_part, [line("1 night", 5_000), line("City tax", 155)]);
    }

    #[test]
    fn a_night_costs_what_the_calendar_says_or_the_base_price() {
        let (_, terms) = crate::listing::draft::tests::example();
        let mut calendar = Calendar::empty();
        calendar
            .prices
            .set(Nights::between(date_of_epoch_day(21_001), date_of_epoch_day(21_009)).unwrap(), &7);
        let tariff = Tariff { service_fee_basis_points: 0, taxes: &TaxTable::default() };
        let price = price(&terms, &calendar, tariff, stay(3));
        let nights: Vec<i64> = price.each_night().map(|(_, price)| price).collect();
        assert_eq!(nights, [terms.base_price, 7, 7]);
    }

    proptest! {
        #[test]
        fn lines_and_parts_sum_to_the_total(
            nights in proptest::collection::vec(0i64..3_000_000, 1..20), cleaning in 0i64..50_000,
            fee in 0i64..3_000, take in 0i64..1_000,
        ) {
            let price = priced(&nights, cleaning, fee);
            let whole = price.parts();
            let lines: i64 = price.lines().iter().map(|line| line.amount.amount).sum();
            prop_assert_eq!((lines, whole.total(), price.total_money().amount), (price.total(), price.total(), price.total()));
            prop_assert_eq!(whole.total() - whole.host(), whole.service_fee + whole.tax());
            prop_assert!(whole.is_sound());
            // A part of it, what is left of it, and both together.
            let part = whole.up_to(price.total() * take / 1_000);
            let rest = whole.minus(&part);
            prop_assert_eq!(part.total() + rest.total(), price.total());
            prop_assert_eq!(&part.plus(&rest), &whole);
            prop_assert_eq!(part.plus(&Parts::default()), part.clone());
            prop_assert_eq!(Parts::default().plus(&part), part.clone());
            prop_assert_eq!((part.least(&whole), whole.least(&part)), (part.clone(), part.clone()));
            let nothing = whole.minus(&whole);
            prop_assert!(nothing.is_sound() && nothing.total() == 0);
            for line in 0..4 {
                let mut below = nothing.clone();
                *[&mut below.nights, &mut below.cleaning_fee, &mut below.service_fee, &mut below.taxes[0]][line] = -1;
                prop_assert!(!below.is_sound());
            }
        }
    }
}

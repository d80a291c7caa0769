//! Money: integers in a currency's minor unit, never a float.

use std::fmt;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The currency of this three-letter code, in capitals; `None` when ISO 4217 has none such.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit is of the major one: 2 for USD, none for JPY, 3 for
    /// KWD. Units without a minor unit (gold, test codes) have none.
    #[must_use]
    pub fn digits(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// Every currency of ISO 4217.
    pub fn all() -> impl Iterator<Item = Self> {
        use iso_currency::IntoEnumIterator as _;
        iso_currency::Currency::iter().map(Self)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::of(&code).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency code"))
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let codes: Vec<&str> = Self::all().map(Self::code).collect();
        schemars::json_schema!({
            "type": "string",
            "description": "An ISO 4217 currency code.",
            "enum": codes,
        })
    }
}

/// An amount in a currency's minor unit: 94500 USD is 945 dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How many minor units.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl fmt::Display for Money {
    /// `945.00 USD`: with the currency's decimals, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(self.currency.digits());
        let (whole, rest) = (self.amount.unsigned_abs() / unit, self.amount.unsigned_abs() % unit);
        f.write_str(if self.amount < 0 { "-" } else { "" })?;
        match usize::try_from(self.currency.digits()) {
            Ok(0) | Err(_) => write!(f, "{whole} {}", self.currency.code()),
            Ok(digits) => write!(f, "{whole}.{rest:0digits$} {}", self.currency.code()),
        }
    }
}

/// The largest amount that a host may ask for a night or a fee, in minor units: a thousand million
/// of a currency with two decimals, which is a good house even in rupiah. With 365 nights, fees and
/// tax on top, sums stay far below 2^63.
pub const LARGEST_PRICE: i64 = 100_000_000_000;

/// `numerator / denominator` of `amount`, rounded half up to the minor unit: the one rounding rule,
/// applied once per line. Half goes towards the larger number, also below zero.
///
/// # Panics
/// When `denominator` is not positive or the result does not fit: amounts are bounded by
/// [`LARGEST_PRICE`] a night and a year of nights, so neither happens with data that was accepted.
#[must_use]
pub fn share(amount: i64, numerator: i64, denominator: i64) -> i64 {
    assert!(denominator > 0, "a share has a positive denominator");
    let (product, denominator) = (i128::from(amount) * i128::from(numerator), i128::from(denominator));
    let rounded = (2 * product + denominator).div_euclid(2 * denominator);
    i64::try_from(rounded).expect("a share of a bounded amount fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn currencies_have_the_minor_units_of_iso_4217() {
        for (code, digits) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(Currency::of(code).map(Currency::digits), Some(digits), "{code}");
        }
        assert!(Currency::all().count() > 150);
        assert_eq!(Currency::of("usd"), None);
        assert_eq!(Currency::of("EURO"), None);
    }

    #[test]
    fn money_reads_as_people_write_it() {
        let reads = |amount, code| Money { amount, currency: Currency::of(code).unwrap() }.to_string();
        assert_eq!(reads(94_505, "USD"), "945.05 USD");
        assert_eq!(reads(-5, "EUR"), "-0.05 EUR");
        assert_eq!(reads(1_200, "JPY"), "1200 JPY");
        assert_eq!(reads(1_200, "KWD"), "1.200 KWD");
    }

    proptest! {
        #[test]
        fn a_share_is_the_nearest_integer_and_half_goes_up(
            amount in -10_000_000_000i64..10_000_000_000, part in 0i64..10_000, whole in 1i64..10_000,
        ) {
            let exact = i128::from(amount) * i128::from(part);
            let twice_the_error = 2 * (i128::from(share(amount, part, whole)) * i128::from(whole) - exact);
            prop_assert!(-i128::from(whole) < twice_the_error && twice_the_error <= i128::from(whole));
        }
    }
}

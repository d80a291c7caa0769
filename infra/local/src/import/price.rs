//! Prices as the files write them: a dollar sign whatever the currency, commas between thousands.

use roost::money::Currency;

/// A price before its currency is known, in ten-thousandths of the major unit: no currency has a
/// smaller minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price(i64);

/// The largest price taken, in minor units: far above what a night costs in any currency, and far
/// below where a year of nights would overflow.
const LARGEST: i64 = roost::money::LARGEST_PRICE;

impl Price {
    /// Reads `$1,234.50`; `None` when nothing is written.
    ///
    /// # Errors
    /// A sentence for anything that is not a price above nothing.
    pub(super) fn read(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let refuse = || format!("the price {text:?} is not a price");
        let digits = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut amount: i64 = 0;
        let decimals = fraction.bytes().chain(std::iter::repeat(b'0')).take(4.max(fraction.len()));
        for (at, byte) in whole.bytes().filter(|byte| *byte != b',').chain(decimals).enumerate() {
            if !byte.is_ascii_digit() || at > 15 {
                return Err(refuse());
            }
            amount = amount * 10 + i64::from(byte - b'0');
        }
        if whole.is_empty() || fraction.len() > 4 {
            return Err(refuse());
        }
        if amount == 0 {
            return Err("the price is nothing".into());
        }
        Ok(Some(Self(amount)))
    }

    /// The price in the minor unit of `currency`, rounded half up.
    ///
    /// # Errors
    /// A sentence when that is nothing, or more than any night costs.
    pub(super) fn minor_units(self, currency: Currency) -> Result<i64, String> {
        let dropped = 10_i64.pow(4_u32.saturating_sub(currency.digits()));
        let amount = roost::money::share(self.0, 1, dropped);
        if !(1..=LARGEST).contains(&amount) {
            return Err(format!("the price is outside 1 to {LARGEST} minor units of {}", currency.code()));
        }
        Ok(amount)
    }
}

/// The median, the mean of the middle two rounded half up; `None` of nothing.
pub(super) fn median(mut amounts: Vec<i64>) -> Option<i64> {
    amounts.sort_unstable();
    let upper = *amounts.get(amounts.len() / 2)?;
    let lower = *amounts.get((amounts.len() - 1) / 2)?;
    Some(roost::money::share(lower + upper, 1, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_in_the_minor_unit_of_its_currency() {
        let in_minor_units = |text: &str, code: &str| {
            Price::read(text).unwrap().unwrap().minor_units(Currency::of(code).unwrap()).unwrap()
        };
        assert_eq!(in_minor_units("$1,234.00", "EUR"), 123_400);
        assert_eq!(in_minor_units("$12,000.00", "JPY"), 12_000);
        assert_eq!(in_minor_units("$31.5", "KWD"), 31_500);
        assert_eq!(in_minor_units("99", "USD"), 9_900);
        assert_eq!(in_minor_units("$99.50", "JPY"), 100);
        assert_eq!(Price::read("  "), Ok(None));
        for text in ["-1", "$-1.00", "free", "$", "1.2.3", "€5", "$0.00", "1e3", "99999999999999999999"] {
            assert!(Price::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![300, 100, 200]), Some(200));
        assert_eq!(median(vec![100, 401, 200, 900]), Some(301));
    }
}

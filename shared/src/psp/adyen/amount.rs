//! Amounts as Adyen counts them: mostly the minor unit of ISO 4217, as ours are.

use crate::money::{Currency, Money};
use crate::psp::amount::scaled;

/// The amount that Adyen is asked for, in its own unit. Escudos and rupiah are asked for whole: a rest is
/// dropped, so that the guest never pays more than was quoted (by less than a cent in value).
#[must_use]
pub fn to_adyen(money: Money) -> i64 {
    scaled(money.amount, money.currency.digits(), digits(money.currency))
}

/// What an amount in Adyen's unit and its code is; `None` for an unknown currency.
#[must_use]
pub fn from_adyen(amount: i64, code: &str) -> Option<Money> {
    let currency = Currency::of(code)?;
    Some(Money { amount: scaled(amount, digits(currency), currency.digits()), currency })
}

/// How many decimal digits Adyen's unit is of the major one: as in ISO 4217 but for these four, says
/// <https://docs.adyen.com/development-resources/currency-codes>.
fn digits(currency: Currency) -> u32 {
    match currency.code() {
        "CLP" | "ISK" => 2,
        "CVE" | "IDR" => 0,
        _ => currency.digits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_adyens_units() {
        let cases = [
            ("USD", 94_500, 94_500),
            ("JPY", 500, 500),
            ("KWD", 12_345, 12_345),
            ("UGX", 700, 700),
            ("ISK", 500, 50_000),
            ("CLP", 900, 90_000),
            ("CVE", 12_300, 123),
            ("IDR", 12_399, 123),
        ];
        for (code, ours, theirs) in cases {
            let currency = Currency::of(code).unwrap();
            assert_eq!(to_adyen(Money { amount: ours, currency }), theirs, "{code} {ours}");
            assert_eq!(to_adyen(from_adyen(theirs, code).unwrap()), theirs, "{code} {ours}");
        }
        assert_eq!(from_adyen(1, "XXQ"), None);
    }
}

//! Amounts as Stripe counts them: mostly the minor unit of ISO 4217, as ours are.

use crate::money::{Currency, Money};
use crate::psp::amount::scaled;

/// The amount that Stripe is asked for, in its own unit.
///
/// Stripe takes dinars in thousandths only if the last digit is 0, and ariary whole: such an amount
/// is rounded down, so that the guest never pays more than was quoted (by less than a cent in value).
#[must_use]
pub fn to_stripe(money: Money) -> i64 {
    let amount = scaled(money.amount, money.currency.digits(), digits(money.currency));
    if digits(money.currency) == 3 { amount - amount.rem_euclid(10) } else { amount }
}

/// Whether it is less than Stripe counts in, so that nothing can move.
#[must_use]
pub(super) fn is_nothing(money: Money) -> bool {
    to_stripe(money) == 0
}

/// What an amount in Stripe's unit and its lower-case code is; `None` for an unknown currency.
#[must_use]
pub fn from_stripe(amount: i64, code: &str) -> Option<Money> {
    let currency = Currency::of(&code.to_ascii_uppercase())?;
    Some(Money { amount: scaled(amount, digits(currency), currency.digits()), currency })
}

/// How many decimal digits Stripe's unit is of the major one. It differs from ISO 4217 where Stripe
/// kept an older rule: króna and Ugandan shilling still have hundredths (always 0), ariary has none.
fn digits(currency: Currency) -> u32 {
    match currency.code() {
        "ISK" | "UGX" => 2,
        "MGA" => 0,
        _ => currency.digits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_stripes_units() {
        let cases = [
            ("USD", 94_500, 94_500),
            ("JPY", 500, 500),
            ("ISK", 500, 50_000),
            ("UGX", 7, 700),
            ("KWD", 12_340, 12_340),
            ("KWD", 12_345, 12_340),
            ("MGA", 12_300, 123),
            ("CLP", 900, 900),
        ];
        for (code, ours, theirs) in cases {
            let currency = Currency::of(code).unwrap();
            assert_eq!(to_stripe(Money { amount: ours, currency }), theirs, "{code} {ours}");
            let back = from_stripe(theirs, &code.to_ascii_lowercase()).unwrap();
            assert_eq!(to_stripe(back), theirs, "{code} {ours}");
        }
        assert_eq!(from_stripe(1, "xxq"), None);
        let fils = |amount| Money { amount, currency: Currency::of("KWD").unwrap() };
        assert!(is_nothing(fils(9)) && !is_nothing(fils(10)));
    }
}

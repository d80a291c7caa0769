//! What every provider's way of counting money has in common.

/// An amount of a unit with `from` decimal digits in one with `to`. Digits that the other lacks are
/// dropped, so that the guest never pays more than was quoted.
pub(super) fn scaled(amount: i64, from: u32, to: u32) -> i64 {
    match to.checked_sub(from) {
        Some(more) => amount.saturating_mul(10_i64.pow(more)),
        None => amount.div_euclid(10_i64.pow(from - to)),
    }
}

//! Confirmation codes: what a guest reads out at the door.

use crate::ids::BookingId;

/// Crockford's base 32: no letter that reads like a digit.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The confirmation code of a booking: 50 of its id's bits in ten characters, so it needs no place
/// of its own and two of a host's guests do not share one.
#[must_use]
pub fn confirmation_code(id: BookingId) -> String {
    (0..10)
        .map(|place| {
            let digit = (id.bits() >> (5 * place)) & 31;
            char::from(DIGITS[usize::try_from(digit).expect("below 32")])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_ten_digits_of_five_bits_each() {
        let code = |bits| confirmation_code(BookingId::from_bits(bits));
        assert_eq!(code(0), "0000000000");
        assert_eq!(code(31), "Z000000000");
        assert_eq!(code(10 << 45 | 1 << 5), "010000000A");
    }
}

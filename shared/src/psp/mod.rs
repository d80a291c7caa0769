//! Payment service providers: each adapter speaks its provider's real wire format.

pub mod adyen;
mod amount;
mod http;
mod setback;
pub mod stripe;

/// The bytes that pairs of hexadecimal digits stand for; `None` where they are none.
fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = hexadecimal.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(16 * digit(high)? + digit(low)?)).collect()
}

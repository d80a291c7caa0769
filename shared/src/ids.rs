//! The one registry of typed ids: opaque strings with a type prefix and 128 bits in base 62.

use std::fmt;
use std::str::FromStr;

use crate::entropy::Entropy;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// What every id of this type begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new random id.
            #[must_use]
            pub fn random(entropy: &Entropy) -> Self {
                Self(u128::from_be_bytes(entropy.bytes()))
            }

            /// The id made of these 128 bits: how a keyed hash becomes an id.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits of the id.
            #[must_use]
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&base62(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix($prefix).and_then(from_base62).map(Self).ok_or(NotAnId)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(|_| {
                    serde::de::Error::custom(concat!("not an id that begins with ", $prefix))
                })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "[0-9A-Za-z]{22}$"),
                })
            }
        }
    )*};
}

ids! {
    /// A booking, from its first hold or request to its end.
    BookingId = "bkg_";
    /// Something that happened, as events tell it.
    EventId = "evt_";
    /// A listing: a home, later also a hotel.
    ListingId = "lst_";
    /// One attempt to pay a booking, as the provider's book names it.
    PaymentId = "pyt_";
    /// A payout to a host: what a stay has earned.
    PayoutId = "pyo_";
    /// A photo of a listing.
    PhotoId = "pho_";
    /// A session of a signed-in user: what a refresh token belongs to.
    SessionId = "ses_";
    /// A unit that nights are sold of: a home, later a hotel's room type.
    UnitId = "unt_";
    /// A person with an account: guest, host or both.
    UserId = "usr_";
}

impl From<ListingId> for UnitId {
    /// A home is one unit, and shares its listing's bits.
    fn from(listing: ListingId) -> Self {
        Self(listing.0)
    }
}

impl From<UnitId> for ListingId {
    /// The listing of a home's unit.
    fn from(unit: UnitId) -> Self {
        Self(unit.0)
    }
}

/// The text is not an id of the type asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id of this type")
    }
}

impl std::error::Error for NotAnId {}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 22;

/// 128 bits as 22 digits of base 62; equal lengths keep the order of the bits.
pub(crate) fn base62(mut bits: u128) -> String {
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(bits % 62).expect("below 62")];
        bits /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The reverse of [`base62`]; `None` for another length, another digit or more than 128 bits.
pub(crate) fn from_base62(text: &str) -> Option<u128> {
    if text.len() != LENGTH {
        return None;
    }
    text.bytes().try_fold(0u128, |bits, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        bits.checked_mul(62)?.checked_add(u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_nothing_else_does(bits: u128, other in "[a-z]{3}_[0-9A-Za-z]{0,30}") {
            let id = BookingId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(id.to_string().parse::<UserId>().is_err());
            if let Ok(read) = other.parse::<BookingId>() {
                prop_assert_eq!(read.to_string(), other);
            }
        }
    }
}

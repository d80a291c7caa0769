//! The guests of a quote, as a client counts them.

use roost::booking::Party;
use roost::error::Fields;

/// How many people of each kind a stay can be asked for: more is a typing error, not a party.
const MOST: i64 = 1_000;

/// Who stays.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guests {
    /// Adults, at least one.
    #[schemars(range(min = 1, max = 1000))]
    pub adults: i64,
    /// Children: they need a place too.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub children: i64,
    /// Infants: they need none.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub infants: i64,
    /// Pets.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub pets: i64,
}

impl Guests {
    /// The party, every wrong number noted.
    pub fn party(&self, fields: &mut Fields) -> Party {
        Party {
            adults: fields.number("/guests/adults", self.adults, 1, MOST),
            children: fields.number("/guests/children", self.children, 0, MOST),
            infants: fields.number("/guests/infants", self.infants, 0, MOST),
            pets: fields.number("/guests/pets", self.pets, 0, MOST),
        }
    }
}

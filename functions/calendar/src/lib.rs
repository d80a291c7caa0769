//! The calendar functions: what a host sets for each night, and what guests may ask of it.

pub mod block;
pub mod check;
pub mod get;
pub mod month;
pub mod range;
pub mod set_price;
pub mod set_rules;
pub mod unblock;

use roost::function::Functions;
use roost::http::Described;
use roost::ids::ListingId;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<block::Block>(),
            Described::of::<unblock::Unblock>(),
            Described::of::<set_price::SetPrice>(),
            Described::of::<set_rules::SetRules>(),
            Described::of::<get::GetCalendar>(),
            Described::of::<month::GetAvailability>(),
            Described::of::<check::CheckAvailability>(),
        ],
        ..Functions::default()
    }
}

/// The path of one listing.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
pub struct ListingPath {
    /// Which listing.
    pub id: ListingId,
}

/// How many nights a call has set.
#[derive(Debug, Clone, Copy, serde::Serialize, schemars::JsonSchema)]
pub struct NightsSet {
    /// How many.
    pub nights: u32,
}

//! Quotes: what a stay costs, signed for a quarter of an hour.

pub mod create;
pub mod party;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions { operations: vec![Described::of::<create::CreateQuote>()], ..Functions::default() }
}

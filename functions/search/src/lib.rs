//! The search functions.

pub mod apply;
pub mod card;
pub mod index;
pub mod legs;
pub mod list;
pub mod map;
pub mod parameters;
pub mod project;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![Described::of::<list::Search>(), Described::of::<map::SearchMap>()],
        consumers: vec![project::PROJECT, index::INDEX],
        tasks: vec![apply::APPLY],
        ..Functions::default()
    }
}

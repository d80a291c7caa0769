//! The site functions: the contract about itself, and the answer to whatever is not in it.

pub mod get_openapi;
pub mod not_found;
pub mod openapi;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![Described::of::<get_openapi::GetOpenapi>()],
        fallbacks: vec![not_found::NOT_FOUND],
        ..Functions::default()
    }
}

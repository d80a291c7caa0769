//! The bookings functions.

use roost::function::Functions;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions::default()
}

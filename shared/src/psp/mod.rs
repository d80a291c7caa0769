//! Payment service providers.
pub mod stripe;

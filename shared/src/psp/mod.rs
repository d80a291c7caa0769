//! Payment service providers: each adapter speaks its provider's real wire format.

pub mod stripe;

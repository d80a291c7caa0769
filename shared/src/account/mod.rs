//! Accounts.
pub mod token;

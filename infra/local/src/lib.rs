//! The local stack.

pub mod provider;

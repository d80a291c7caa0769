//! Accounts: who somebody is, how they prove it, and how long that holds.

pub mod email;
pub mod password;
pub mod session;
pub mod token;

use serde::{Deserialize, Serialize};

pub use email::Email;

use crate::clock::Instant;
use crate::ids::UserId;

/// A person with an account: guest, host or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// The address they sign in with. No two accounts have the same.
    pub email: Email,
    /// The first name, as they wrote it.
    pub first_name: String,
    /// The last name, as they wrote it.
    pub last_name: String,
    /// What the account may do.
    pub roles: Vec<Role>,
    /// The password's hash; `None` for an imported host, who cannot sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<password::Hash>,
    /// When the account was made.
    pub created_at: Instant,
}

/// What an account may do. Hosting needs no role: it is decided by a thing's `hostId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Stays, pays and hosts.
    Guest,
    /// Runs the marketplace.
    Admin,
}

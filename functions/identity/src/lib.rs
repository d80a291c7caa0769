//! The identity functions: accounts, sessions, and the keys that tokens are verified with.

pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod signed_in;
pub mod signup;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<signup::Signup>(),
            Described::of::<login::Login>(),
            Described::of::<refresh::Refresh>(),
            Described::of::<logout::Logout>(),
            Described::of::<me::Me>(),
            Described::of::<jwks::Jwks>(),
        ],
        ..Functions::default()
    }
}

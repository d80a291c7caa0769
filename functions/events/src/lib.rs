//! Events: what happened is told to whoever wants to know, and mailed to whom it concerns.

pub mod publish;
pub mod remind;
pub mod send;

use roost::function::Functions;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        schedules: vec![remind::REMIND_HOLDS],
        consumers: vec![publish::PUBLISH],
        listeners: vec![send::SEND_MAIL],
        ..Functions::default()
    }
}

//! Payouts: where hosts are paid, and what they were paid or will be. The money itself moves with the
//! stay, in the bookings' functions.

pub mod list;
pub mod open_account;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<open_account::OpenPayoutAccount>(),
            Described::of::<list::ListPayouts>(),
        ],
        ..Functions::default()
    }
}

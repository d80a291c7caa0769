//! Bookings: made with their nights, paid, answered, called off, lived through; and the functions
//! that put in order what time and crashes leave.

pub mod accept;
pub mod advance;
pub mod adyen_webhook;
mod authorizing;
pub mod cancel;
pub mod check_in;
pub mod check_out;
mod collecting;
pub mod create;
pub mod decline;
mod disputing;
pub mod expire;
pub mod get;
mod hinted;
pub mod list;
pub mod list_payments;
pub mod pay;
mod paying;
mod paying_out;
pub mod preview_cancellation;
pub mod recover;
mod replay;
pub mod settle;
mod settling;
pub mod stripe_webhook;
mod trouble;
mod view;

use roost::function::Functions;
use roost::http::Described;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<create::CreateBooking>(),
            Described::of::<pay::PayBooking>(),
            Described::of::<get::GetBooking>(),
            Described::of::<list::ListBookings>(),
            Described::of::<accept::AcceptBooking>(),
            Described::of::<decline::DeclineBooking>(),
            Described::of::<cancel::CancelBooking>(),
            Described::of::<check_in::CheckInBooking>(),
            Described::of::<check_out::CheckOutBooking>(),
            Described::of::<preview_cancellation::PreviewCancellation>(),
            Described::of::<list_payments::ListPayments>(),
            Described::of::<stripe_webhook::StripeWebhook>(),
            Described::of::<adyen_webhook::AdyenWebhook>(),
        ],
        schedules: vec![expire::EXPIRE_BOOKINGS, recover::RECOVER_PAYMENTS, advance::ADVANCE_STAYS],
        consumers: vec![settle::SETTLE_BOOKINGS],
        ..Functions::default()
    }
}

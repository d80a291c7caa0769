//! `GET /v1/bookings/{id}/cancellation`: what cancelling now would do. Every payment is one
//! authorization so far, and cancelling gives it back whole, whatever the policy says; policies come
//! with captures.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Call, Member, Nothing, Operation};
use roost::listing::CancellationPolicy;
use roost::money::Money;
use roost::pricing::Line;
use serde::Serialize;

use crate::cancel::can_cancel;
use crate::view::ById;

/// The operation.
#[derive(Debug)]
pub struct PreviewCancellation;

impl Operation for PreviewCancellation {
    const NAME: &'static str = "preview-cancellation";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/bookings/{id}/cancellation";
    const SUMMARY: &'static str = "What cancelling now would give back.";
    const PROBLEMS: &'static [u16] = &[409];
    type Caller = Member;
    type Path = ById;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Cancellation;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Cancellation>> {
        let booking = app.store.booking_of(call.caller.id, call.path.id).await?;
        can_cancel(&app, &booking)?;
        let paid = booking.held_attempt().is_some();
        Ok(Answer::ok(Cancellation {
            refund: booking.price.money(if paid { booking.price.total() } else { 0 }),
            lines: if paid { booking.price.lines() } else { Vec::new() },
            policy: booking.policy,
        }))
    }
}

/// What cancelling would do.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Cancellation {
    /// What the guest gets back.
    refund: Money,
    /// Of which parts of the price.
    lines: Vec<Line>,
    /// The policy that the booking was made under.
    policy: CancellationPolicy,
}

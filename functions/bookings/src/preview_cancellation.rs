//! `GET /v1/bookings/{id}/cancellation`: what cancelling now would do, to the minor unit: `cancel`
//! settles it by the same rule.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Call, Member, Nothing, Operation};
use roost::listing::CancellationPolicy;
use roost::money::Money;
use roost::pricing::Line;
use serde::Serialize;

use crate::cancel::{can_cancel, settlement, side};
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
        let settlement = settlement(&app, &booking, side(&booking, call.caller.id));
        let back = settlement.map(|settlement| booking.paid_parts().minus(&settlement.kept));
        let back = back.unwrap_or_default();
        Ok(Answer::ok(Cancellation {
            refund: booking.price.money(back.total()),
            lines: booking.price.lines_of(&back),
            policy: booking.policy,
        }))
    }
}

/// What cancelling would do.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Cancellation {
    /// What the guest gets back: of money that was taken, or of a hold on the card.
    refund: Money,
    /// Of which parts of the price.
    lines: Vec<Line>,
    /// The policy that the booking was made under.
    policy: CancellationPolicy,
}

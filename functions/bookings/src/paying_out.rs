//! The host's share of a stay goes to his account, a day after check-in.

use roost::app::App;
use roost::booking::Booking;
use roost::clock::Duration;
use roost::error::Result;
use roost::payment::{Transfer, Transferred};
use roost::store::bookings::Advance;

use crate::settling::heading;

/// How long a host without an account waits for the next try.
const WITHOUT_ACCOUNT: Duration = Duration::from_hours(24);

/// Pays the host out if it is due. What the provider does not say to be done is tried again by the next
/// run: the payout's id keeps it from being made twice.
pub(crate) async fn pay_out(app: &App, booking: Booking) -> Result<()> {
    let now = app.clock.now();
    let Some((amount, at)) = booking.payout() else { return Ok(()) };
    let Some((index, _)) = booking.paying_attempt().filter(|_| at <= now) else { return Ok(()) };
    let mut after = Booking { payout_at: None, ..booking.clone() };
    let account = match app.store.payout_account(booking.host).await? {
        Some(known) => Some(app.provider()?.account(&known.account).await?).filter(|known| known.is_active),
        None => None,
    };
    let Some(account) = account else {
        after.payout_at = Some(now + WITHOUT_ACCOUNT);
        return match app.store.advance(&booking, after).await? {
            Advance::Done(_) | Advance::Lost => Ok(()),
        };
    };
    let transfer = Transfer {
        payout: booking.payout_id(&app.secrets),
        order: booking.order(&app.secrets, index),
        amount: booking.price.money(amount),
        account: account.id,
    };
    match app.provider()?.transfer(&transfer).await {
        Transferred::Done => {
            after.paid_out += amount;
            let entry = heading(app, &mut after, index).payout(amount);
            match app.store.advance_entering(&booking, after, &[entry]).await? {
                Advance::Done(_) | Advance::Lost => Ok(()),
            }
        }
        Transferred::Unknown { context } => {
            tracing::warn!(booking = %booking.id, context, "a payout is not known to be made");
            Ok(())
        }
    }
}

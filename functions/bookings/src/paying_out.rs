//! The host's share of a stay goes to his account, a day after check-in.

use roost::app::App;
use roost::booking::Booking;
use roost::clock::Duration;
use roost::error::{Error, Result};
use roost::ledger::Movement;
use roost::payment::{ProviderName, Transfer, Transferred};
use roost::planted::{self, Bug};
use roost::store::bookings::Advance;
use roost::store::ledger::Beside;

use crate::settling::heading;
use crate::trouble;

/// How long a host without an account waits for the next try.
const WITHOUT_ACCOUNT: Duration = Duration::from_hours(24);
/// How long after the money of a stay has moved a transfer may come that was to be sent before: a run takes ten
/// minutes at most (`advance-stays` in the template), its call may be late, and clocks differ.
const MAY_COME: Duration = Duration::from_mins(30);

/// Pays the host out if it is due. What the provider does not say to be done is tried again by the next
/// run: the payout's id keeps it from being made twice.
pub(crate) async fn pay_out(app: &App, booking: Booking) -> Result<()> {
    let now = app.clock.now();
    let Some((amount, at)) = booking.payout() else { return Ok(()) };
    let Some((index, _)) = booking.paying_attempt().filter(|_| at <= now) else { return Ok(()) };
    // What was taken for taken may not have been: whoever looks into it says when the host is paid.
    if booking.sending == 0 && trouble::issue_of(app, &booking).await?.is_for_people() {
        return Ok(());
    }
    let account = match account_of(app, &booking).await {
        Ok(account) => account,
        Err(Error::Unavailable { context }) => {
            return trouble::meet(app, &booking, "payout", &context, false).await;
        }
        Err(error) => return Err(error),
    };
    let begun = match &account {
        _ if booking.sending > 0 => Advance::Done(booking),
        Some(_) => begin(app, &booking, index, amount).await?,
        None => {
            let waiting = Booking { payout_at: Some(now + WITHOUT_ACCOUNT), ..booking.clone() };
            app.store.advance(&booking, waiting).await?
        }
    };
    let (Advance::Done(begun), Some(account)) = (begun, account) else { return Ok(()) };
    if begun.sending == 0 {
        return Ok(());
    }
    let transfer = transfer(&begun, index, (begun.sending, account));
    // A bank that has the money since, or has given it to the guest: then nothing more is sent.
    if begun.is_disputed() || begun.sends_too_much() {
        return match app.payouts()?.is_sent(&transfer).await {
            Ok(true) => sent(app, begun, index).await,
            // Another run, which has not read of it, may be about to send: the next one asks again.
            Ok(false) if may_come(app, &begun).await? => Ok(()),
            Ok(false) => not_sent(app, begun).await,
            Err(context) => trouble::meet(app, &begun, "payout", &context, false).await,
        };
    }
    match app.payouts()?.transfer(&transfer).await {
        Transferred::Done => sent(app, begun, index).await,
        Transferred::Refused { context } => trouble::meet(app, &begun, "payout", &context, true).await,
        Transferred::Unknown { context } => trouble::meet(app, &begun, "payout", &context, false).await,
    }
}

/// Writes down what is to be sent before it is: a dispute that comes meanwhile must not hide that it was.
/// What the host owes, for stays that he called off, is kept of it in the same transaction.
async fn begin(app: &App, booking: &Booking, index: usize, amount: i64) -> Result<Advance> {
    let debt = app.store.debt(booking.host, booking.price.currency).await?;
    let withheld = debt.owed().min(amount);
    let mut after = Booking {
        sending: amount - withheld,
        withheld: booking.withheld + withheld,
        payout_at: None,
        ..booking.clone()
    };
    if withheld == 0 {
        return app.store.advance(booking, after).await;
    }
    let entry = heading(app, &mut after, index).withholding(withheld);
    let debt = (!planted::is(Bug::DebtStays)).then(|| debt.changed(-withheld));
    let beside = Beside { entries: &[entry], debt, ..Beside::default() };
    app.store.advance_with(booking, after, &beside).await
}

/// Where the host is paid: his account, if it takes money, or the one that money may be on its way to.
async fn account_of(app: &App, booking: &Booking) -> Result<Option<String>> {
    let Some(known) = app.store.payout_account(booking.host).await? else { return Ok(None) };
    if booking.sending > 0 {
        return Ok(Some(known.account));
    }
    let account = app.payouts()?.account(&known.account).await?;
    Ok(account.is_active.then_some(account.id))
}

/// Whether a transfer that the provider does not know may still come to it: the movement of money that made it
/// wrong was a short while ago.
async fn may_come(app: &App, booking: &Booking) -> Result<bool> {
    let entries = app.store.ledger_entries(booking.id).await?;
    let latest = entries.iter().map(|entry| entry.at).max();
    Ok(latest.is_some_and(|latest| app.clock.now() < latest + MAY_COME))
}

/// Writes down that nothing is on its way to the host.
async fn not_sent(app: &App, booking: Booking) -> Result<()> {
    let mut after = Booking { sending: 0, ..booking.clone() };
    after.unsettled |= after.has_more_to_settle();
    match trouble::overcome(app, &booking, after, Beside::default()).await? {
        Advance::Done(_) | Advance::Lost => Ok(()),
    }
}

/// Enters what was sent, whatever else has been written of the booking meanwhile: that it was not, too, by a run
/// that asked just before it was. What it should not have been is taken back then.
async fn sent(app: &App, mut booking: Booking, index: usize) -> Result<()> {
    let amount = booking.sending;
    loop {
        let mut after = Booking { sending: 0, paid_out: booking.paid_out + amount, ..booking.clone() };
        let entry = heading(app, &mut after, index).payout(amount);
        after.unsettled |= after.has_more_to_settle();
        match trouble::overcome(app, &booking, after, Beside { entries: &[entry], ..Beside::default() })
            .await?
        {
            Advance::Done(_) => return Ok(()),
            Advance::Lost => {
                let read = app.store.booking(booking.id).await?;
                booking = read.ok_or_else(|| Error::internal("a booking that was paid out is gone"))?;
            }
        }
        if booking.sending == 0 && is_entered(app, &booking).await? {
            return Ok(());
        }
    }
}

/// Whether its payout, of which a booking has one, stands in its ledger.
async fn is_entered(app: &App, booking: &Booking) -> Result<bool> {
    let entries = app.store.ledger_entries(booking.id).await?;
    Ok(entries.iter().any(|entry| entry.movement == Movement::Payout))
}

/// What is, or was, sent to a host's account for a stay.
pub(crate) fn transfer(booking: &Booking, index: usize, (amount, account): (i64, String)) -> Transfer {
    let is_stripes = booking.attempts[index].provider == ProviderName::Stripe;
    // Of two payments neither has it all; both are weeks old, and what they brought has come.
    let is_one = booking.paid_balance().is_none();
    Transfer {
        payout: booking.payout_id(),
        booking: booking.id,
        // What Adyen has taken comes to the platform's bank, and goes to the host from what Stripe has.
        from: booking.order(index).reference.filter(|_| is_stripes && is_one),
        amount: booking.price.money(amount),
        account,
    }
}

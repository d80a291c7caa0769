//! Which provider is asked for a guest's money: the first, or, when that has certainly not been reached, the
//! one that stands in for it. While it is not known what the first has done, nobody else is asked.

use roost::app::App;
use roost::booking::Booking;
use roost::error::{Error, Result};
use roost::payment::circuit::Passage;
use roost::payment::{Authorization, ProviderName};
use roost::planted::{self, Bug};
use roost::store::bookings::Advance;

/// Asks for the money of a booking's latest attempt, and says who was asked in the end: the booking names
/// him before he is.
///
/// # Errors
/// `Unavailable` when the store did not answer.
pub(crate) async fn authorized(
    app: &App,
    booking: Booking,
    index: usize,
) -> Result<(Booking, Authorization)> {
    let first = booking.attempts[index].provider;
    // A card that is kept is kept by one provider.
    let is_charge = booking.attempts[index].is_charge();
    let Some(second) = app.stands_in_for(first).filter(|_| !is_charge) else {
        let order = booking.order(index);
        return Ok((booking, app.provider(first)?.authorize(&order).await));
    };
    let asked = ask(app, &booking, index, first).await?;
    let may_turn = match &asked {
        Authorization::Unreached { .. } => true,
        Authorization::Unknown { .. } => planted::is(Bug::FailoverOnTimeout),
        _ => false,
    };
    if !may_turn {
        return Ok((booking, asked));
    }
    tracing::warn!(booking = %booking.id, ?first, ?second, ?asked, "another provider stands in");
    let mut turned = booking.clone();
    turned.attempts[index].provider = second;
    match app.store.advance(&booking, turned).await? {
        Advance::Done(turned) => {
            let order = turned.order(index);
            Ok((turned, app.provider(second)?.authorize(&order).await))
        }
        // The time has run out, and somebody has written so: nobody is asked any more.
        Advance::Lost => Err(Error::unavailable("a payment ended before anybody could be asked for it")),
    }
}

/// Asks a provider, unless others have found lately that it cannot be reached; and tells them.
async fn ask(app: &App, booking: &Booking, index: usize, name: ProviderName) -> Result<Authorization> {
    let now = app.clock.now();
    // What is not known of a provider keeps nobody from it.
    let circuit = app.store.circuit(name).await.unwrap_or_default();
    let circuit = match circuit.passage(now) {
        Passage::Free => circuit,
        Passage::Probe(probing) if app.store.keep_circuit(name, &probing).await.unwrap_or(true) => probing,
        Passage::Probe(_) | Passage::Barred => {
            return Ok(Authorization::Unreached { context: "left alone, since it was not reached".into() });
        }
    };
    let order = booking.order(index);
    let asked = app.provider(name)?.authorize(&order).await;
    let changed = match &asked {
        Authorization::Unreached { .. } => Some(circuit.unreached(app.clock.now())),
        // That it did not answer says nothing of whether it can be reached.
        Authorization::Unknown { .. } => None,
        _ => circuit.reached(),
    };
    if let Some(changed) = changed {
        // Lost to another who was told the same or better, or to the store: the answer counts, not this.
        let _ = app.store.keep_circuit(name, &changed).await;
    }
    Ok(asked)
}

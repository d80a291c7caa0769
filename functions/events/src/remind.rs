//! Every minute: says of holds that have only minutes left that they do, once each.

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use roost::app::App;
use roost::booking::{Booking, State};
use roost::clock::Duration;
use roost::error::Result;
use roost::event::DomainEvent;
use roost::function::Schedule;
use roost::store::bookings::Due;
use roost::store::once::Once;

/// The function.
pub const REMIND_HOLDS: Schedule = Schedule { name: "remind-holds", run };

/// How long before its end a guest is reminded of a hold: a third of its quarter of an hour.
const BEFORE_THE_END: Duration = Duration::from_mins(5);

fn run(app: App) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let now = app.clock.now();
        let due = app.store.due(Due::Open, now + BEFORE_THE_END).await?;
        let holds = due.into_iter().filter(|booking| booking.state_at(now) == State::Held);
        let told: Vec<Result<()>> =
            stream::iter(holds).map(|hold| tell(&app, hold)).buffer_unordered(8).collect().await;
        // One that fails keeps none of the others; the next run tries it again.
        told.into_iter().collect()
    })
}

async fn tell(app: &App, hold: Booking) -> Result<()> {
    let event = DomainEvent::hold_expiring(&hold);
    let bus = app.bus()?;
    // It may be told, or a run that overlaps with this one is telling it.
    let Once::Do(claimed) = app.store.claim_once(event.id(), "published").await? else { return Ok(()) };
    match bus.publish(&[event]).await.into_iter().collect::<Result<()>>() {
        Ok(()) => app.store.mark_done(&claimed).await,
        Err(error) => {
            app.store.give_claim_up(&claimed).await?;
            Err(error)
        }
    }
}

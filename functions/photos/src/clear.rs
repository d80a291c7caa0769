//! Told that a listing is gone: deletes its photos.

use futures::future::{BoxFuture, try_join_all};
use roost::app::App;
use roost::error::{Error, Result};
use roost::function::{Event, Listener};
use roost::ids::ListingId;
use serde::Deserialize;

use crate::objects::discard;

/// The function.
pub const CLEAR_PHOTOS: Listener = Listener { name: "clear-photos", handle };

/// What the event tells, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    listing_id: ListingId,
}

fn handle(app: App, event: Event) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let deleted: Deleted = serde_json::from_value(event.detail).map_err(Error::internal)?;
        clear(&app, deleted.listing_id).await
    })
}

/// The list of the photos goes last, so that a call that breaks off can be made again.
async fn clear(app: &App, listing: ListingId) -> Result<()> {
    if app.store.terms(listing.into()).await?.is_some() {
        return Ok(());
    }
    let (bucket, album) = (app.photos()?, app.store.album(listing, true).await?);
    try_join_all(album.all().map(|photo| discard(bucket, listing, photo.id))).await?;
    app.store.remove_album(listing).await
}

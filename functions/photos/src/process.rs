//! Started by every upload: looks at it, and makes a photo of it or says why not.

use futures::future::BoxFuture;
use roost::app::App;
use roost::error::{Error, Result};
use roost::function::{Event, Listener};
use roost::ids::{ListingId, PhotoId};
use roost::photo::pipeline::{Made, make};
use roost::photo::{Format, LARGEST_UPLOAD, Rejection, State};
use roost::store::keys;
use serde::Deserialize;

use crate::objects::{discard, show};

/// The function.
pub const PROCESS_PHOTO: Listener = Listener { name: "process-photo", handle };

/// What S3 tells of a new object.
#[derive(Debug, Deserialize)]
struct Created {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

fn handle(app: App, event: Event) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let created: Created = serde_json::from_value(event.detail).map_err(Error::internal)?;
        match keys::photo_of_upload(&created.object.key) {
            Some((listing, photo)) => process(&app, listing, photo).await,
            None => Ok(()),
        }
    })
}

/// Done again, or twice at a time, it comes to the same: what it makes of the same bytes is the same,
/// and only a photo that is pending becomes ready. The upload goes last, so that a call that breaks
/// off can be made again.
async fn process(app: &App, listing: ListingId, id: PhotoId) -> Result<()> {
    let (bucket, upload) = (app.photos()?, keys::upload(listing, id));
    let (terms, album) = futures::try_join!(app.store.terms(listing.into()), app.store.album(listing, true))?;
    // Deleted meanwhile, the photo or the whole listing.
    let Some(photo) = album.get(id).filter(|_| terms.is_some()) else {
        return discard(bucket, listing, id).await;
    };
    if photo.state == State::Pending {
        // Without its upload it is being made elsewhere, or has been.
        let Some(bytes) = bucket.get(&upload, LARGEST_UPLOAD).await? else { return Ok(()) };
        let became = match made(bytes, photo.format).await? {
            Ok(made) => {
                show(bucket, listing, id, made.files).await?;
                State::Ready(made.shown)
            }
            Err(rejection) => State::Rejected(rejection),
        };
        tracing::info!(%listing, photo = %id, ?became, "a photo was looked at");
        let settled = app.store.settle_photo(listing, id, &became).await?;
        if !settled && app.store.album(listing, true).await?.get(id).is_none() {
            return discard(bucket, listing, id).await;
        }
    }
    bucket.delete(&upload).await
}

/// Decoding takes a second of a core, which calls on other threads do not wait for.
async fn made(bytes: Vec<u8>, format: Format) -> Result<std::result::Result<Made, Rejection>> {
    tokio::task::spawn_blocking(move || make(bytes, format)).await.map_err(Error::internal)
}

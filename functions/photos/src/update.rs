//! `PATCH /v1/listings/{id}/photos/{photoId}`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::photo::draft::PhotoChanges;
use roost::photo::view::PhotoView;

use crate::{PhotoPath, place};

/// Changes what a photo's host says of it.
#[derive(Debug)]
pub struct UpdatePhoto;

impl Operation for UpdatePhoto {
    const NAME: &'static str = "update-photo";
    const METHOD: &'static str = "PATCH";
    const PATH: &'static str = "/v1/listings/{id}/photos/{photoId}";
    const SUMMARY: &'static str = "Change a photo's caption.";
    type Caller = Host;
    type Path = PhotoPath;
    type Query = Nothing;
    type Body = PhotoChanges;
    type Reply = PhotoView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<PhotoView>> {
        let listing = app.store.own_terms(&call.caller, call.path.id.into()).await?.listing;
        let id = call.path.photo_id;
        let found = app.store.album(listing, true).await?.get(id).cloned().ok_or(Error::NotFound)?;
        let photo = call.body()?.applied(found.clone())?;
        // Written back, what is as it was would undo what another has written meanwhile.
        if photo.caption != found.caption {
            app.store.caption_photo(listing, id, photo.caption.as_deref()).await?;
        }
        Ok(Answer::ok(PhotoView::of(&photo, place(&app.config, listing)?)))
    }
}

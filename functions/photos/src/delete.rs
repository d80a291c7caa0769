//! `DELETE /v1/listings/{id}/photos/{photoId}`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};

use crate::PhotoPath;
use crate::objects::discard;

/// How often a photo is looked at again that changes while it is deleted: it changes once.
const MOST_TRIES: usize = 3;

/// Deletes a photo and everything that was made of it.
#[derive(Debug)]
pub struct DeletePhoto;

impl Operation for DeletePhoto {
    const NAME: &'static str = "delete-photo";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/listings/{id}/photos/{photoId}";
    const SUMMARY: &'static str = "Delete a photo.";
    const SUCCESS: u16 = 204;
    type Caller = Host;
    type Path = PhotoPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Nothing>> {
        let listing = app.store.own_terms(&call.caller, call.path.id.into()).await?.listing;
        call.body()?;
        for _ in 0..MOST_TRIES {
            let album = app.store.album(listing, true).await?;
            let photo = album.get(call.path.photo_id).ok_or(Error::NotFound)?;
            // First what it consists of: a call that breaks off here can be made again. Whoever is
            // making the photo ready finds it gone and clears up, or is ready before and seen here.
            discard(app.photos()?, listing, photo.id).await?;
            if app.store.remove_photo(listing, photo).await? {
                return Ok(Answer::done());
            }
        }
        Err(Error::unavailable("the photo kept changing"))
    }
}

//! `GET /v1/listings/{id}/photos`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Nothing, Operation, Visitor};
use roost::listing::ListingStatus;
use roost::photo::view::PhotoView;

use crate::{ListingPath, PhotoList, place};

/// Shows a listing's photos: to its host all of them, to everybody else those that are ready.
#[derive(Debug)]
pub struct ListPhotos;

impl Operation for ListPhotos {
    const NAME: &'static str = "list-photos";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/listings/{id}/photos";
    const SUMMARY: &'static str = "A listing's photos; those that are not ready are for its host.";
    type Caller = Visitor;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = PhotoList;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<PhotoList>> {
        let terms = app.store.terms(call.path.id.into()).await?.ok_or(Error::NotFound)?;
        let is_host = call.caller.id == Some(terms.host);
        if terms.status == ListingStatus::Draft && !is_host {
            return Err(Error::NotFound);
        }
        call.query()?;
        let album = app.store.album(terms.listing, true).await?;
        let place = place(&app.config, terms.listing)?;
        let view = |photo| PhotoView::of(photo, place);
        let items = if is_host {
            album.current(app.clock.now()).map(view).collect()
        } else {
            album.ready().map(view).collect()
        };
        Ok(Answer::ok(PhotoList { items }))
    }
}

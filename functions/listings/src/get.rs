//! `GET /v1/listings/{id}`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Nothing, Operation, Visitor};
use roost::ids::ListingId;
use roost::listing::view::ListingView;
use roost::listing::{Listing, ListingStatus};
use roost::photo::Size;
use roost::photo::view::Place;

use crate::ListingPath;

/// Shows a listing. One taken off sale stays readable: guests have bookings there.
#[derive(Debug)]
pub struct Get;

impl Operation for Get {
    const NAME: &'static str = "get-listing";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/listings/{id}";
    const SUMMARY: &'static str =
        "A listing. Street and exact place are for its host and guests with a confirmed booking.";
    type Caller = Visitor;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ListingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<ListingView>> {
        let (listing, terms) = app.store.listing(call.path.id, true).await?.ok_or(Error::NotFound)?;
        let is_host = call.caller.id == Some(listing.host);
        if terms.status == ListingStatus::Draft && !is_host {
            return Err(Error::NotFound);
        }
        call.query()?;
        let mut view = if is_host || stays_there(&app, call.caller, &listing).await? {
            ListingView::exact(&listing, &terms)
        } else {
            ListingView::for_stranger(&listing, &terms)
        };
        view.photo_url = photo_url(&app, listing.id).await?;
        Ok(Answer::ok(view).version(listing.version))
    }
}

async fn photo_url(app: &App, listing: ListingId) -> Result<Option<String>> {
    let cover = app.store.album(listing, false).await?.cover();
    let place = app.config.photos_base.as_deref().map(|base| Place { base, listing });
    Ok(place.zip(cover).map(|(place, photo)| place.url(photo, Size::Medium)))
}

async fn stays_there(app: &App, caller: Visitor, listing: &Listing) -> Result<bool> {
    match caller.id {
        Some(guest) => app.store.has_confirmed_stay(guest, listing.id).await,
        None => Ok(false),
    }
}

//! `POST /v1/listings/{id}/unpublish`.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::listing::draft::unpublish;
use roost::listing::view::ListingView;

use crate::ListingPath;

/// Takes a listing off sale; stays that are booked remain. Done again, it changes nothing.
#[derive(Debug)]
pub struct Unpublish;

impl Operation for Unpublish {
    const NAME: &'static str = "unpublish-listing";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/unpublish";
    const SUMMARY: &'static str = "Take a listing off sale; stays that are booked remain.";
    const PROBLEMS: &'static [u16] = &[412];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ListingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<ListingView>> {
        let found = app.store.own_listing(&call.caller, call.path.id).await?;
        call.body()?;
        let change = |_: &mut _, terms: &mut _| {
            unpublish(terms);
            Ok(())
        };
        let (listing, terms) = app.store.edit_listing(&call.caller, found, call.if_match()?, change).await?;
        Ok(Answer::ok(ListingView::exact(&listing, &terms)).version(listing.version))
    }
}

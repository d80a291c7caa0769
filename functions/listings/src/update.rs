//! `PATCH /v1/listings/{id}`.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::listing::draft::ListingChanges;
use roost::listing::view::ListingView;

use crate::ListingPath;

/// Changes what the body names, and leaves the rest.
#[derive(Debug)]
pub struct Update;

impl Operation for Update {
    const NAME: &'static str = "update-listing";
    const METHOD: &'static str = "PATCH";
    const PATH: &'static str = "/v1/listings/{id}";
    const SUMMARY: &'static str = "Change a listing; with If-Match, only that version of it.";
    const PROBLEMS: &'static [u16] = &[412];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = ListingChanges;
    type Reply = ListingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<ListingView>> {
        let found = app.store.own_listing(&call.caller, call.path.id).await?;
        let changes = call.body()?;
        let change = |listing: &mut _, terms: &mut _| changes.apply(listing, terms);
        let (listing, terms) = app.store.edit_listing(&call.caller, found, call.if_match()?, change).await?;
        Ok(Answer::ok(ListingView::exact(&listing, &terms)).version(listing.version))
    }
}

//! `POST /v1/listings/{id}/publish`.

use roost::app::App;
use roost::error::Result;
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::listing::draft::publish;
use roost::listing::view::ListingView;

use crate::ListingPath;

/// Puts a listing on sale. Done again, it changes nothing.
#[derive(Debug)]
pub struct Publish;

impl Operation for Publish {
    const NAME: &'static str = "publish-listing";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/publish";
    const SUMMARY: &'static str = "Put a listing on sale.";
    const PROBLEMS: &'static [u16] = &[409, 412];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ListingView;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<ListingView>> {
        let found = app.store.own_listing(&call.caller, call.path.id).await?;
        call.body()?;
        let change = |listing: &mut _, terms: &mut _| publish(listing, terms);
        let (listing, terms) = app.store.edit_listing(&call.caller, found, call.if_match()?, change).await?;
        Ok(Answer::ok(ListingView::exact(&listing, &terms)).version(listing.version))
    }
}

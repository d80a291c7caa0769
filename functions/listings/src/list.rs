//! `GET /v1/hosts/me/listings`.

use roost::app::App;
use roost::error::Result;
use roost::http::paging::{self, Page, Paging};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::ListingId;
use roost::listing::view::ListingView;

/// Lists the caller's own listings, drafts included.
#[derive(Debug)]
pub struct ListMine;

impl Operation for ListMine {
    const NAME: &'static str = "list-my-listings";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/v1/hosts/me/listings";
    const SUMMARY: &'static str = "The caller's own listings, drafts included.";
    type Caller = Host;
    type Path = Nothing;
    type Query = Paging;
    type Body = Nothing;
    type Reply = Page<ListingView>;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Page<ListingView>>> {
        let asked = call.query()?;
        let (context, limit) = (format!("{} {}", call.caller.id, Self::PATH), paging::limit(asked.limit)?);
        let after = asked.cursor.map(|cursor| paging::unseal::<u128>(&app, &context, &cursor)).transpose()?;
        let (listings, next) =
            app.store.listings_of(&call.caller, after.map(ListingId::from_bits), limit).await?;
        let items = listings.iter().map(|(listing, terms)| ListingView::exact(listing, terms)).collect();
        let next_cursor = next.map(|last| paging::seal(&app, &context, &last.bits()));
        Ok(Answer::ok(Page { items, next_cursor }))
    }
}

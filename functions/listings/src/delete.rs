//! `DELETE /v1/listings/{id}`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};

use crate::ListingPath;

/// Deletes a listing that nobody is going to stay at.
#[derive(Debug)]
pub struct Delete;

impl Operation for Delete {
    const NAME: &'static str = "delete-listing";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/listings/{id}";
    const SUMMARY: &'static str = "Delete a listing without future stays.";
    const SUCCESS: u16 = 204;
    const PROBLEMS: &'static [u16] = &[409, 412];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<Nothing>> {
        let (listing, terms) = app.store.own_listing(&call.caller, call.path.id).await?;
        call.body()?;
        if call.if_match()?.is_some_and(|version| version != listing.version) {
            return Err(Error::Stale);
        }
        app.store.delete_listing(&listing, &terms).await?;
        Ok(Answer::done())
    }
}

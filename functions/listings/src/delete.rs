//! `DELETE /v1/listings/{id}`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};

use crate::ListingPath;

/// How often a listing is looked at again that changes while it is deleted.
const MOST_TRIES: usize = 3;

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
        for _ in 0..MOST_TRIES {
            let (listing, terms) = app.store.own_listing(&call.caller, call.path.id).await?;
            call.body()?;
            let expected = call.if_match()?;
            if expected.is_some_and(|version| version != listing.version) {
                return Err(Error::Stale);
            }
            match app.store.delete_listing(&listing, &terms).await {
                // Changed meanwhile, which does not matter to who has not said what he saw.
                Err(Error::Stale) if expected.is_none() => {}
                ended => return ended.map(|()| Answer::done()),
            }
        }
        Err(Error::unavailable("the listing kept changing"))
    }
}

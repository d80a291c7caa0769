//! `PUT /v1/listings/{id}/photos/order`.

use roost::app::App;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::PhotoId;
use roost::photo::view::PhotoView;
use serde::Deserialize;

use crate::{ListingPath, PhotoList, place};

/// Puts a listing's photos into an order.
#[derive(Debug)]
pub struct OrderPhotos;

/// The order.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhotoOrder {
    /// Every photo of the listing, each once, the first to be shown first.
    pub photo_ids: Vec<PhotoId>,
}

impl Operation for OrderPhotos {
    const NAME: &'static str = "order-photos";
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/v1/listings/{id}/photos/order";
    const SUMMARY: &'static str =
        "Put a listing's photos into an order; the first that is ready stands for it.";
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = PhotoOrder;
    type Reply = PhotoList;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<PhotoList>> {
        let listing = app.store.own_terms(&call.caller, call.path.id.into()).await?.listing;
        let order = call.body()?.photo_ids;
        let (album, now) = (app.store.album(listing, true).await?, app.clock.now());
        if !album.is_all_of(&order, now) {
            return Err(Error::invalid("/photoIds", "must name every photo of the listing, each once"));
        }
        if !order.is_empty() {
            app.store.order_photos(listing, &order).await?;
        }
        let place = place(&app.config, listing)?;
        let ordered = order.iter().filter_map(|id| album.get(*id));
        Ok(Answer::ok(PhotoList { items: ordered.map(|photo| PhotoView::of(photo, place)).collect() }))
    }
}

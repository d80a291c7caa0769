//! `POST /v1/listings/{id}/photos`.

use std::collections::BTreeMap;
use std::time::Duration;

use roost::app::App;
use roost::bucket::Upload;
use roost::clock::Instant;
use roost::error::{Error, Result};
use roost::http::{Answer, Call, Host, Nothing, Operation};
use roost::ids::PhotoId;
use roost::photo::UPLOAD_STAYS_OPEN;
use roost::photo::draft::PhotoDraft;
use roost::store::keys;
use serde::Serialize;

use crate::ListingPath;
use crate::objects::discard;

/// Announces a photo, and says how to send it.
#[derive(Debug)]
pub struct CreatePhoto;

/// A photo that may be sent now.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhotoUpload {
    /// The photo that it becomes.
    pub photo_id: PhotoId,
    /// How to send it.
    pub upload: UploadRequest,
    /// Until when it may be sent.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Instant,
}

/// The request that sends a photo: these headers, and its bytes as the body. Another length, type or
/// content than announced is refused.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct UploadRequest {
    /// Where to.
    pub url: String,
    /// How.
    pub method: &'static str,
    /// The headers to send with it, beside the length, which every client sends by itself.
    pub headers: BTreeMap<String, String>,
}

impl Operation for CreatePhoto {
    const NAME: &'static str = "create-photo";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/listings/{id}/photos";
    const SUMMARY: &'static str = "Announce a photo and learn where to send it.";
    const SUCCESS: u16 = 201;
    const PROBLEMS: &'static [u16] = &[409];
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = PhotoDraft;
    type Reply = PhotoUpload;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<PhotoUpload>> {
        let listing = app.store.own_terms(&call.caller, call.path.id.into()).await?.listing;
        let announced = call.body()?.announced()?;
        let now = app.clock.now();
        let photo = announced.photo(PhotoId::random(&app.entropy), now);
        let (key, valid) = (keys::upload(listing, photo.id), open_for()?);
        let content_type = announced.format.content_type();
        let upload =
            Upload { key: &key, content_type, bytes: announced.bytes, sha256: &announced.sha256, valid };
        let signed = app.photos()?.sign(upload).await?;
        for lapsed in app.store.add_photo(listing, &photo).await? {
            // They stand in nobody's way: what is left of one is out of sight.
            let _ = discard(app.photos()?, listing, lapsed).await;
        }
        let headers = signed.headers.into_iter().collect();
        let upload = UploadRequest { url: signed.url, method: "PUT", headers };
        let expires_at = now.saturating_add(UPLOAD_STAYS_OPEN).map_err(Error::internal)?;
        Ok(Answer::created(PhotoUpload { photo_id: photo.id, upload, expires_at }))
    }
}

fn open_for() -> Result<Duration> {
    Duration::try_from(UPLOAD_STAYS_OPEN).map_err(Error::internal)
}

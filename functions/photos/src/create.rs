//! `POST /v1/listings/{id}/photos`.

use std::collections::BTreeMap;
use std::time::Duration;

use roost::app::App;
use roost::bucket::Upload;
use roost::clock::Instant;
use roost::error::{Error, Field, Result};
use roost::http::{Answer, Call, Host, KeyUse, Nothing, Operation};
use roost::ids::{ListingId, PhotoId};
use roost::photo::draft::{Announced, PhotoDraft};
use roost::photo::{Photo, UPLOAD_STAYS_OPEN};
use roost::secrets::Purpose;
use roost::store::keys;
use roost::store::photos::Added;
use serde::Serialize;

use crate::ListingPath;
use crate::objects::discard;

/// Announces a photo, and says how to send it.
///
/// An `Idempotency-Key` is kept by the photo that was announced with it: until its host deletes it, or,
/// if it never came, until another takes its place a day later at the earliest. Then the key is free
/// again. The same call with the same key never makes a second photo. It is answered to the byte as the
/// first while the same credentials sign; Lambda renews them every few hours, and by others the signature
/// in the address is another, of the same upload and for the same time. Of two calls with one key and
/// different bodies at the very same moment it may be that none is refused: each is a photo then.
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
    const KEY: KeyUse = KeyUse::Accepted;
    type Caller = Host;
    type Path = ListingPath;
    type Query = Nothing;
    type Body = PhotoDraft;
    type Reply = PhotoUpload;

    async fn run(app: App, call: Call<Self>) -> Result<Answer<PhotoUpload>> {
        let listing = app.store.own_terms(&call.caller, call.path.id.into()).await?.listing;
        let (id, key) = names(&app, &call)?;
        let announced = call.body()?.announced()?;
        let photo = announced.photo(id, key, app.clock.now());
        // Signed first: nothing is announced that cannot be sent.
        let upload = upload_of(&app, listing, &announced, &photo).await?;
        match app.store.add_photo(listing, &photo).await? {
            Added::Now { lapsed } => {
                clear_lapsed(&app, listing, lapsed).await?;
                Ok(Answer::created(upload))
            }
            Added::Before(first) if first.id == id => {
                let upload = upload_of(&app, listing, &announced, &first).await?;
                // Without a key it is this call's own, whose first writing was not heard of.
                Ok(Answer::created(upload).replayed(key.is_some()))
            }
            Added::Before(_) => Err(reused()),
        }
    }
}

/// A photo's id, and what its key is kept as. The key makes the id, so that a second call with it
/// meets the first one's photo; the body is in it too, because what a photo's addresses show never
/// changes, and the key of a deleted photo may come again with another.
fn names(app: &App, call: &Call<CreatePhoto>) -> Result<(PhotoId, Option<u128>)> {
    let Some(key) = call.idempotency_key()? else { return Ok((PhotoId::random(&app.entropy), None)) };
    let (caller, body) = (call.caller.id.to_string(), call.body_fingerprint());
    let scope = [caller.as_bytes(), call.called_path().as_bytes(), key.as_str().as_bytes()];
    let [caller, path, key] = scope;
    let hash = |parts: &[&[u8]]| app.secrets.keyed_hash(Purpose::Idempotency, parts);
    Ok((PhotoId::from_bits(hash(&[caller, path, key, &body])), Some(hash(&scope))))
}

/// How to send a photo, from when it was announced on: the same again for the same photo.
async fn upload_of(
    app: &App,
    listing: ListingId,
    announced: &Announced,
    photo: &Photo,
) -> Result<PhotoUpload> {
    let key = keys::upload(listing, photo.id);
    let upload = Upload {
        key: &key,
        content_type: announced.format.content_type(),
        bytes: announced.bytes,
        sha256: &announced.sha256,
        from: photo.created_at,
        valid: Duration::try_from(UPLOAD_STAYS_OPEN).map_err(Error::internal)?,
    };
    let signed = app.photos()?.sign(upload).await?;
    let headers = signed.headers.into_iter().collect();
    let upload = UploadRequest { url: signed.url, method: "PUT", headers };
    let expires_at = photo.created_at.saturating_add(UPLOAD_STAYS_OPEN).map_err(Error::internal)?;
    Ok(PhotoUpload { photo_id: photo.id, upload, expires_at })
}

/// Clears away what is left of photos that never came; it stands in nobody's way, and is out of sight.
async fn clear_lapsed(app: &App, listing: ListingId, lapsed: Vec<PhotoId>) -> Result<()> {
    for photo in lapsed {
        let _ = discard(app.photos()?, listing, photo).await;
    }
    Ok(())
}

fn reused() -> Error {
    let detail = "the Idempotency-Key was used with another body".into();
    let fields = vec![Field { pointer: String::new(), detail }];
    Error::Invalid { code: "idempotency_key_reused", fields }
}

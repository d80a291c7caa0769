//! The photos of a listing: one item with all of them, so that they are counted, ordered and read at
//! once. An album of twenty has about 5 KB: a change costs about 5 write units, reading it 1.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::take::MOST_TRIES;
use super::{Item, Store, fault, key_of, keys, number, record, text};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ids::{ListingId, PhotoId};
use crate::photo::{Album, Format, MOST_PHOTOS, Photo, Rejection, Shown, State};

/// What became of adding a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now; these, which were announced and never came, are gone.
    Now {
        /// The photos that made room.
        lapsed: Vec<PhotoId>,
    },
    /// It was there already, or another that was announced with the same key; nothing is written.
    Before(Photo),
}

impl Store {
    /// The photos of a listing; an empty album when it has none.
    pub async fn album(&self, listing: ListingId, strong: bool) -> Result<Album> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, &keys::photos(listing))))
            .consistent_read(strong)
            .send()
            .await
            .map_err(fault)?;
        found.item.map_or_else(|| Ok(Album::default()), album_of_item)
    }

    /// Adds a photo, in the place of those that were announced and never came, unless it or another
    /// of its key is there already: of calls with one id the write lets one through, however many come
    /// at once. Costs one read and one write of the album; the read alone where it was there.
    ///
    /// # Errors
    /// `Conflict` `too_many_photos` when the listing has all that it may have. It is the write that
    /// decides here too.
    pub async fn add_photo(&self, listing: ListingId, photo: &Photo) -> Result<Added> {
        for tried in 0..MOST_TRIES {
            let album = self.album(listing, true).await?;
            if let Some(before) = album.before(photo) {
                return Ok(Added::Before(before.clone()));
            }
            if album.current(self.clock.now()).count() >= MOST_PHOTOS {
                let most = format!("A listing has at most {MOST_PHOTOS} photos.");
                return Err(Error::conflict("too_many_photos", most));
            }
            let lapsed: Vec<PhotoId> = album.lapsed(self.clock.now()).map(|photo| photo.id).collect();
            let added = if album == Album::default() {
                self.begin_album(listing, photo).await?
            } else {
                self.grow_album(listing, photo, &lapsed).await?
            };
            if added {
                return Ok(Added::Now { lapsed });
            }
            self.wait(tried).await;
        }
        Err(Error::unavailable("the album was contended"))
    }

    /// Writes the first photo of a listing; `false` when another was first.
    async fn begin_album(&self, listing: ListingId, photo: &Photo) -> Result<bool> {
        let photos = AttributeValue::M(HashMap::from([(photo.id.to_string(), attribute_of(photo)?)]));
        let update = self
            .update_album(listing)
            .update_expression("SET #photos = :photos")
            .condition_expression("attribute_not_exists(#photos) OR #photos = :none")
            .expression_attribute_values(":photos", photos)
            .expression_attribute_values(":none", AttributeValue::M(HashMap::new()));
        done(update.send().await)
    }

    /// Adds a photo to others and removes the `lapsed`; `false` when there is no room, it is there
    /// already, or one of these has come meanwhile.
    async fn grow_album(&self, listing: ListingId, photo: &Photo, lapsed: &[PhotoId]) -> Result<bool> {
        let mut change = "SET #photos.#new = :new".to_owned();
        let mut condition = "size(#photos) < :most AND attribute_not_exists(#photos.#new)".to_owned();
        let mut update = self
            .update_album(listing)
            .expression_attribute_names("#new", photo.id.to_string())
            .expression_attribute_values(":new", attribute_of(photo)?)
            .expression_attribute_values(":most", number(MOST_PHOTOS + lapsed.len()));
        for (place, id) in lapsed.iter().enumerate() {
            let sign = if place == 0 { " REMOVE" } else { "," };
            let _ = write!(change, "{sign} #photos.#old{place}");
            let _ = write!(condition, " AND #photos.#old{place}.#status = :pending");
            update = update.expression_attribute_names(format!("#old{place}"), id.to_string());
        }
        if !lapsed.is_empty() {
            update = update
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":pending", text(PENDING));
        }
        done(update.update_expression(change).condition_expression(condition).send().await)
    }

    /// Writes what became of a photo that was pending; `false`, and nothing is written, when it is
    /// so no longer.
    pub async fn settle_photo(&self, listing: ListingId, id: PhotoId, became: &State) -> Result<bool> {
        let update = self
            .update_album(listing)
            .condition_expression("#photos.#photo.#status = :pending")
            .expression_attribute_names("#photo", id.to_string())
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text(PENDING))
            .expression_attribute_values(":status", text(status_of(became)));
        let update = match became {
            State::Pending => return Err(Error::internal("a photo becomes ready or rejected")),
            State::Rejected(reason) => update
                .update_expression("SET #photos.#photo.#status = :status, #photos.#photo.#reason = :reason")
                .expression_attribute_names("#reason", "reason")
                .expression_attribute_values(
                    ":reason",
                    serde_dynamo::to_attribute_value(reason).map_err(Error::internal)?,
                ),
            State::Ready(Shown { width, height, hash }) => update
                .update_expression(
                    "SET #photos.#photo.#status = :status, #photos.#photo.#width = :width, \
                     #photos.#photo.#height = :height, #photos.#photo.#hash = :hash",
                )
                .expression_attribute_names("#width", "width")
                .expression_attribute_names("#height", "height")
                .expression_attribute_names("#hash", "hash")
                .expression_attribute_values(":width", number(width))
                .expression_attribute_values(":height", number(height))
                .expression_attribute_values(":hash", text(hash)),
        };
        done(update.send().await)
    }

    /// Changes what a photo's host says of it.
    ///
    /// # Errors
    /// `NotFound` when there is no such photo.
    pub async fn caption_photo(&self, listing: ListingId, id: PhotoId, caption: Option<&str>) -> Result<()> {
        let update = self
            .update_album(listing)
            .update_expression(match caption {
                Some(_) => "SET #photos.#photo.#caption = :caption",
                None => "REMOVE #photos.#photo.#caption",
            })
            .condition_expression("attribute_exists(#photos.#photo)")
            .expression_attribute_names("#photo", id.to_string())
            .expression_attribute_names("#caption", "caption")
            .set_expression_attribute_values(
                caption.map(|caption| HashMap::from([(":caption".to_owned(), text(caption))])),
            );
        if done(update.send().await)? { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Puts the photos into an order. One that comes meanwhile stands at the end, one that goes
    /// leaves no gap.
    pub async fn order_photos(&self, listing: ListingId, order: &[PhotoId]) -> Result<()> {
        let order = AttributeValue::L(order.iter().map(text).collect());
        let update = self
            .update_album(listing)
            .update_expression("SET #order = :order")
            .condition_expression("attribute_exists(#photos)")
            .expression_attribute_names("#order", "order")
            .expression_attribute_values(":order", order);
        if done(update.send().await)? { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Removes a photo that is still as it was `seen`; `false` when it has changed meanwhile.
    pub async fn remove_photo(&self, listing: ListingId, seen: &Photo) -> Result<bool> {
        let update = self
            .update_album(listing)
            .update_expression("REMOVE #photos.#photo")
            .condition_expression("#photos.#photo.#status = :status")
            .expression_attribute_names("#photo", seen.id.to_string())
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(status_of(&seen.state)));
        done(update.send().await)
    }

    /// Removes the list of a listing's photos.
    pub async fn remove_album(&self, listing: ListingId) -> Result<()> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, &keys::photos(listing))))
            .send()
            .await;
        removed.map(drop).map_err(fault)
    }

    fn update_album(&self, listing: ListingId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.listings)
            .set_key(Some(key_of(keys::LISTINGS, &keys::photos(listing))))
            .expression_attribute_names("#photos", "photos")
    }
}

/// Whether a conditional update was done.
fn done<T>(updated: std::result::Result<T, SdkError<UpdateItemError>>) -> Result<bool> {
    match updated {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            Ok(false)
        }
        Err(error) => Err(fault(error)),
    }
}

const PENDING: &str = "pending";
const READY: &str = "ready";
const REJECTED: &str = "rejected";

const fn status_of(state: &State) -> &'static str {
    match state {
        State::Pending => PENDING,
        State::Ready(_) => READY,
        State::Rejected(_) => REJECTED,
    }
}

#[derive(Deserialize)]
struct AlbumRecord {
    #[serde(default)]
    photos: HashMap<PhotoId, PhotoRecord>,
    #[serde(default)]
    order: Vec<PhotoId>,
}

#[derive(Serialize, Deserialize)]
struct PhotoRecord {
    status: String,
    format: Format,
    created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<ByteArray<16>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Rejection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

fn attribute_of(photo: &Photo) -> Result<AttributeValue> {
    let (reason, shown) = match &photo.state {
        State::Pending => (None, None),
        State::Rejected(reason) => (Some(*reason), None),
        State::Ready(shown) => (None, Some(shown)),
    };
    let record = PhotoRecord {
        status: status_of(&photo.state).to_owned(),
        format: photo.format,
        created_at: photo.created_at.as_millisecond(),
        key: photo.key.map(|key| ByteArray::new(key.to_be_bytes())),
        caption: photo.caption.clone(),
        reason,
        width: shown.map(|shown| shown.width),
        height: shown.map(|shown| shown.height),
        hash: shown.map(|shown| shown.hash.clone()),
    };
    serde_dynamo::to_attribute_value(record).map_err(Error::internal)
}

pub(super) fn album_of_item(item: Item) -> Result<Album> {
    let AlbumRecord { photos, order } = record(item)?;
    let photos = photos.into_iter().map(|(id, record)| photo_of(id, record)).collect::<Result<_>>()?;
    Ok(Album::of(photos, &order))
}

fn photo_of(id: PhotoId, record: PhotoRecord) -> Result<Photo> {
    let incomplete = || Error::internal(format!("the photo {id} lacks what its state needs"));
    let state = match record.status.as_str() {
        PENDING => State::Pending,
        REJECTED => State::Rejected(record.reason.ok_or_else(incomplete)?),
        READY => State::Ready(Shown {
            width: record.width.ok_or_else(incomplete)?,
            height: record.height.ok_or_else(incomplete)?,
            hash: record.hash.ok_or_else(incomplete)?,
        }),
        _ => return Err(incomplete()),
    };
    let created_at = Instant::from_millisecond(record.created_at).map_err(Error::internal)?;
    let key = record.key.map(|key| u128::from_be_bytes(key.into_array()));
    Ok(Photo { id, format: record.format, caption: record.caption, created_at, key, state })
}

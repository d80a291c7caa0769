//! A photo as clients see it.

use serde::Serialize;

use super::{Photo, Rejection, Size, State};
use crate::ids::{ListingId, PhotoId};

/// Where photos are shown.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What every address begins with, without a trailing slash.
    pub base: &'a str,
    /// Whose photos.
    pub listing: ListingId,
}

impl Place<'_> {
    /// Where a size of a photo is read.
    #[must_use]
    pub fn url(&self, photo: PhotoId, size: Size) -> String {
        format!("{}/{}", self.base, shown_at(self.listing, photo, size))
    }
}

/// Where a size of a photo is kept, below the base of all photos.
#[must_use]
pub fn shown_at(listing: ListingId, photo: PhotoId, size: Size) -> String {
    format!("photos/{listing}/{photo}/{}", size.word())
}

/// A photo of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Photo")]
pub struct PhotoView {
    /// Its id.
    pub id: PhotoId,
    /// Where it stands.
    pub status: PhotoStatus,
    /// Why it cannot be shown; only when it is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// What its host says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The width of its large size in pixels; `null` until it is ready.
    pub width: Option<u32>,
    /// The height of its large size in pixels; `null` until it is ready.
    pub height: Option<u32>,
    /// Where it is read; `null` until it is ready.
    pub urls: Option<PhotoUrls>,
}

/// Where a photo is read. What an address shows never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PhotoUrls {
    /// At most 480 pixels on the longer side.
    pub small: String,
    /// At most 1,024 pixels on the longer side.
    pub medium: String,
    /// At most 2,048 pixels on the longer side.
    pub large: String,
}

/// Where a photo stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// Its upload has not come, or is being looked at.
    Pending,
    /// It is shown.
    Ready,
    /// It cannot be shown; `reason` says why.
    Rejected,
}

impl PhotoView {
    /// A photo as its host sees it, and everybody else once it is ready.
    #[must_use]
    pub fn of(photo: &Photo, place: Place<'_>) -> Self {
        let (status, reason, shown) = match &photo.state {
            State::Pending => (PhotoStatus::Pending, None, None),
            State::Rejected(reason) => (PhotoStatus::Rejected, Some(*reason), None),
            State::Ready(shown) => (PhotoStatus::Ready, None, Some(shown)),
        };
        let url = |size| place.url(photo.id, size);
        Self {
            id: photo.id,
            status,
            reason,
            caption: photo.caption.clone(),
            width: shown.map(|shown| shown.width),
            height: shown.map(|shown| shown.height),
            urls: shown.map(|_| PhotoUrls {
                small: url(Size::Small),
                medium: url(Size::Medium),
                large: url(Size::Large),
            }),
        }
    }
}

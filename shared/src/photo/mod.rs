//! Photos of a listing: what a host announces, what became of it, and in which order they are shown.

pub mod draft;
pub mod pipeline;
pub mod view;

use serde::{Deserialize, Serialize};

use crate::clock::{Duration, Instant};
use crate::ids::PhotoId;

/// How many photos a listing has at most, announced ones among them.
pub const MOST_PHOTOS: usize = 50;
/// The largest upload, in bytes: 20 MB.
pub const LARGEST_UPLOAD: u64 = 20 * 1024 * 1024;
/// For how long an upload may be sent.
pub const UPLOAD_STAYS_OPEN: Duration = Duration::from_mins(15);
/// When a photo that was announced and never came is forgotten: the bucket forgets uploads then too.
pub const PENDING_LAPSES: Duration = Duration::from_hours(24);

/// A photo of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Its id.
    pub id: PhotoId,
    /// What its upload was announced as.
    pub format: Format,
    /// What its host says of it; at most [`draft::LONGEST_CAPTION`] characters.
    pub caption: Option<String>,
    /// When it was announced.
    pub created_at: Instant,
    /// What its host, the listing and the idempotency key that it was announced with hash to, if there
    /// was a key: no other announcement may come with the same.
    pub key: Option<u128>,
    /// What became of it.
    pub state: State,
}

/// What became of a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its upload has not come, or is being looked at.
    Pending,
    /// It is shown.
    Ready(Shown),
    /// It cannot be shown.
    Rejected(Rejection),
}

/// What is known of a photo that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The width of its large size, in pixels.
    pub width: u32,
    /// The height of its large size, in pixels.
    pub height: u32,
    /// Its perceptual hash, 64 bits in base 64: photos that look alike differ in few of them.
    pub hash: String,
}

/// What an image is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "ImageType")]
pub enum Format {
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// WebP.
    #[serde(rename = "image/webp")]
    Webp,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

/// Why a photo cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PhotoRejection")]
pub enum Rejection {
    /// Neither JPEG, PNG nor WebP.
    NotAnImage,
    /// An image of another type than announced.
    OtherType,
    /// Less than 1,024 pixels on the longer side.
    TooSmall,
    /// More pixels than can be handled: 50 million, fewer where the image is written in a way that
    /// takes more memory.
    TooManyPixels,
    /// It cannot be read to its end.
    Damaged,
}

/// The sizes that a photo is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For lists.
    Small,
    /// For pages on phones.
    Medium,
    /// For whole screens.
    Large,
}

impl Size {
    /// Every size, the largest first.
    pub const ALL: [Self; 3] = [Self::Large, Self::Medium, Self::Small];

    /// The contract's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The longer side in pixels; a smaller image keeps its own.
    #[must_use]
    pub const fn longer_side(self) -> u32 {
        match self {
            Self::Small => 480,
            Self::Medium => 1_024,
            Self::Large => 2_048,
        }
    }
}

/// The photos of a listing, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Album(Vec<Photo>);

impl Album {
    /// The photos in the host's order; those it does not name come last, as they were announced.
    #[must_use]
    pub fn of(mut photos: Vec<Photo>, order: &[PhotoId]) -> Self {
        let place = |photo: &Photo| order.iter().position(|id| *id == photo.id).unwrap_or(usize::MAX);
        photos.sort_by_key(|photo| (place(photo), photo.created_at, photo.id));
        Self(photos)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: PhotoId) -> Option<&Photo> {
        self.0.iter().find(|photo| photo.id == id)
    }

    /// What stands in the way of adding `photo`: itself, or one that was announced with the same key.
    #[must_use]
    pub fn before(&self, photo: &Photo) -> Option<&Photo> {
        let same_key = |other: &&Photo| other.key.is_some() && other.key == photo.key;
        self.get(photo.id).or_else(|| self.0.iter().find(same_key))
    }

    /// The one that stands for the listing: the first that can be shown.
    #[must_use]
    pub fn cover(&self) -> Option<PhotoId> {
        self.ready().next().map(|photo| photo.id)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Photo> {
        self.0.iter()
    }

    /// Those that are shown.
    pub fn ready(&self) -> impl Iterator<Item = &Photo> {
        self.0.iter().filter(|photo| matches!(photo.state, State::Ready(_)))
    }

    /// All but those that never came.
    pub fn current(&self, now: Instant) -> impl Iterator<Item = &Photo> {
        self.0.iter().filter(move |photo| !photo.has_lapsed(now))
    }

    /// Those that never came.
    pub fn lapsed(&self, now: Instant) -> impl Iterator<Item = &Photo> {
        self.0.iter().filter(move |photo| photo.has_lapsed(now))
    }

    /// Whether these are its current photos, each once.
    #[must_use]
    pub fn is_all_of(&self, ids: &[PhotoId], now: Instant) -> bool {
        let mut named = ids.to_vec();
        let mut own: Vec<PhotoId> = self.current(now).map(|photo| photo.id).collect();
        named.sort_unstable();
        own.sort_unstable();
        named == own
    }
}

impl Photo {
    /// Whether it was announced and never came.
    #[must_use]
    pub fn has_lapsed(&self, now: Instant) -> bool {
        let lapses = self.created_at.saturating_add(PENDING_LAPSES).unwrap_or(Instant::MAX);
        self.state == State::Pending && now >= lapses
    }
}

//! What a host says of a photo, before it is taken at its word.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::{Format, LARGEST_UPLOAD, Photo, State};
use crate::clock::Instant;
use crate::error::{Fields, Result};
use crate::ids::PhotoId;
use crate::listing::body::present;

/// The longest caption, in characters.
pub const LONGEST_CAPTION: usize = 300;

/// A photo that a host is about to upload.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhotoDraft {
    /// What it is written in.
    pub content_type: Format,
    /// Its length in bytes: 1 to 20,971,520.
    #[schemars(range(min = 1, max = 20_971_520))]
    pub size_bytes: i64,
    /// The SHA-256 of its bytes, in base 64.
    #[schemars(length(min = 44, max = 44))]
    pub checksum_sha256: String,
}

/// Exactly these bytes may be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What they are written in.
    pub format: Format,
    /// How many.
    pub bytes: u64,
    /// Their SHA-256, in base 64.
    pub sha256: String,
}

impl PhotoDraft {
    /// The upload that it announces.
    ///
    /// # Errors
    /// `Invalid`, naming the fields.
    pub fn announced(self) -> Result<Announced> {
        let mut fields = Fields::default();
        let bytes = u64::try_from(self.size_bytes).unwrap_or_default();
        let fits = (1..=LARGEST_UPLOAD).contains(&bytes);
        fields.check(fits, "/sizeBytes", "must be a whole number from 1 to 20971520");
        // Decoded and encoded again: one way of writing it, the one that the store compares.
        let digest = BASE64_STANDARD.decode(&self.checksum_sha256).ok().filter(|digest| digest.len() == 32);
        fields.check(digest.is_some(), "/checksumSha256", "must be the 32 bytes of a SHA-256 in base 64");
        fields.finish()?;
        let sha256 = BASE64_STANDARD.encode(digest.unwrap_or_default());
        Ok(Announced { format: self.content_type, bytes, sha256 })
    }
}

impl Announced {
    /// The photo that it becomes; `key` as in [`Photo::key`].
    #[must_use]
    pub fn photo(&self, id: PhotoId, key: Option<u128>, created_at: Instant) -> Photo {
        Photo { id, format: self.format, caption: None, created_at, key, state: State::Pending }
    }
}

/// What a host changes of a photo. What is not named stays as it is.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoChanges {
    /// What its host says of it, at most 300 characters; empty or `null` for nothing.
    #[serde(default, deserialize_with = "present")]
    #[allow(clippy::option_option, reason = "absent, `null` and a value are three things")]
    pub caption: Option<Option<String>>,
}

impl PhotoChanges {
    /// The photo as it is to be.
    ///
    /// # Errors
    /// `Invalid` when the caption is too long or has control characters.
    pub fn applied(self, photo: Photo) -> Result<Photo> {
        let Some(caption) = self.caption else { return Ok(photo) };
        let mut fields = Fields::default();
        let caption = fields.text("/caption", &caption.unwrap_or_default(), 0, LONGEST_CAPTION);
        fields.finish()?;
        Ok(Photo { caption: Some(caption).filter(|caption| !caption.is_empty()), ..photo })
    }
}

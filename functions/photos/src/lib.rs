//! The photo functions: a host announces, uploads, orders and deletes the photos of a listing; what is
//! uploaded is looked at before anybody sees it.

pub mod clear;
pub mod create;
pub mod delete;
pub mod list;
pub mod order;
pub mod process;
pub mod update;

mod objects;

use roost::config::Config;
use roost::error::{Error, Result};
use roost::function::Functions;
use roost::http::Described;
use roost::ids::{ListingId, PhotoId};
use roost::photo::view::{PhotoView, Place};

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<create::CreatePhoto>(),
            Described::of::<list::ListPhotos>(),
            Described::of::<update::UpdatePhoto>(),
            Described::of::<order::OrderPhotos>(),
            Described::of::<delete::DeletePhoto>(),
        ],
        listeners: vec![process::PROCESS_PHOTO, clear::CLEAR_PHOTOS],
        ..Functions::default()
    }
}

/// The path of a listing's photos.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
pub struct ListingPath {
    /// Which listing.
    pub id: ListingId,
}

/// The path of one photo.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhotoPath {
    /// Whose photo.
    pub id: ListingId,
    /// Which.
    pub photo_id: PhotoId,
}

/// The photos of a listing, in the order in which they are shown.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct PhotoList {
    /// The photos.
    pub items: Vec<PhotoView>,
}

/// Where the photos of a listing are shown.
fn place(config: &Config, listing: ListingId) -> Result<Place<'_>> {
    let base =
        config.photos_base.as_deref().ok_or_else(|| Error::internal("ROOST_PHOTOS_BASE is not set"))?;
    Ok(Place { base, listing })
}

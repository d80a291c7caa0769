//! The listings functions: what a host describes and publishes.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod publish;
pub mod unpublish;
pub mod update;

use roost::function::Functions;
use roost::http::Described;
use roost::ids::ListingId;

/// Every function of this package.
#[must_use]
pub fn functions() -> Functions {
    Functions {
        operations: vec![
            Described::of::<create::Create>(),
            Described::of::<get::Get>(),
            Described::of::<update::Update>(),
            Described::of::<delete::Delete>(),
            Described::of::<publish::Publish>(),
            Described::of::<unpublish::Unpublish>(),
            Described::of::<list::ListMine>(),
        ],
        ..Functions::default()
    }
}

/// The path of one listing.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
pub struct ListingPath {
    /// Which listing.
    pub id: ListingId,
}

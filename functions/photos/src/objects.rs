//! What the bucket holds of a photo.

use futures::future::try_join_all;
use roost::bucket::{Bucket, Kind};
use roost::error::Result;
use roost::ids::{ListingId, PhotoId};
use roost::photo::Size;
use roost::photo::pipeline::File;
use roost::photo::view::shown_at;
use roost::store::keys;

/// What is read under a key never changes: whoever has it may keep it for a year, the most that caches
/// heed (RFC 9111 has no limit, RFC 2616 had this one). CloudFront asks the bucket again after a day, so
/// that it shows a photo no longer that has been deleted.
const FOR_EVER: &str = "public, max-age=31536000, s-maxage=86400, immutable";

/// Puts the sizes of a photo where they are shown.
pub(crate) async fn show(
    bucket: &Bucket,
    listing: ListingId,
    photo: PhotoId,
    files: Vec<File>,
) -> Result<()> {
    let put = |file: File| async move {
        let kind = Kind { content_type: file.format.content_type(), cache_control: Some(FOR_EVER) };
        bucket.put(&shown_at(listing, photo, file.size), file.bytes, kind).await
    };
    try_join_all(files.into_iter().map(put)).await.map(drop)
}

/// Deletes everything that the bucket holds of a photo.
pub(crate) async fn discard(bucket: &Bucket, listing: ListingId, photo: PhotoId) -> Result<()> {
    let sizes = Size::ALL.into_iter().map(|size| shown_at(listing, photo, size));
    let keys: Vec<String> = sizes.chain([keys::upload(listing, photo)]).collect();
    try_join_all(keys.iter().map(|key| bucket.delete(key))).await.map(drop)
}

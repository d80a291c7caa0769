//! Reading several items of a table in one call.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::take::MOST_TRIES;
use super::{Item, Store, fault};
use crate::error::{Error, Result};

impl Store {
    /// Those of up to 100 items that exist, by their keys and in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store did not hand all of them over.
    pub(super) async fn batch(&self, table: &str, keys: Vec<Item>, strong: bool) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(strong);
        let mut left = HashMap::from([(table.to_owned(), wanted.build().map_err(Error::internal)?)]);
        for tried in 0..MOST_TRIES {
            let batch =
                self.client.batch_get_item().set_request_items(Some(left)).send().await.map_err(fault)?;
            found.extend(batch.responses.into_iter().flatten().flat_map(|(_, items)| items));
            left = batch.unprocessed_keys.unwrap_or_default();
            if left.is_empty() {
                return Ok(found);
            }
            self.wait(tried).await;
        }
        Err(Error::unavailable(format!("the store did not hand over all of {table}")))
    }
}

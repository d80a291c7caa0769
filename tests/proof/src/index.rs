//! A search index as far as the `index` function writes to it: documents under external versions.
//! Searches are not simulated here: `cargo test` compares them with a real server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use roost_local::engine::Reply;
use serde_json::{Value, json};

/// The one version of the index that is written.
const NAME: &str = "listings-proof-1";

/// The documents. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmallIndex(Arc<Mutex<BTreeMap<String, Document>>>);

/// A document, or the memory that it was deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    version: u64,
    /// What was written; `None` once it is deleted.
    pub body: Option<Value>,
}

impl SmallIndex {
    /// Answers one call as OpenSearch does.
    pub(crate) fn answer(&self, path: &str, body: &[u8]) -> Reply {
        if path.starts_with("/_alias/") {
            return Reply { status: 200, body: json!({ NAME: { "aliases": {} } }).to_string() };
        }
        if !path.starts_with("/_bulk") {
            // Searches are answered by the cells.
            return Reply { status: 503, body: "{}".into() };
        }
        let text = String::from_utf8_lossy(body);
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut items = Vec::new();
        while let Some(order) = lines.next() {
            let Some((action, target)) = order.as_object().and_then(|order| order.iter().next()) else {
                continue;
            };
            let document = if action == "index" { lines.next() } else { None };
            let status = self.write(target, document);
            items.push(json!({ action.as_str(): { "status": status } }));
        }
        Reply { status: 200, body: json!({ "items": items }).to_string() }
    }

    /// What is in it: by unit, the documents alone.
    pub(crate) fn documents(&self) -> BTreeMap<String, Value> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.iter().filter_map(|(id, document)| Some((id.clone(), document.body.clone()?))).collect()
    }

    fn write(&self, target: &Value, body: Option<Value>) -> u16 {
        let id = target["_id"].as_str().unwrap_or_default().to_owned();
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = documents.entry(id).or_default();
        let version = target["version"].as_u64();
        match version {
            Some(version) if version <= standing.version => 409,
            _ => {
                *standing = Document { version: version.unwrap_or(standing.version + 1), body };
                200
            }
        }
    }
}

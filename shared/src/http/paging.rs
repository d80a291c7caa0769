//! Lists: `?limit=&cursor=` and `{items, nextCursor}`. Cursors are sealed and bound to caller and
//! query, so that nobody reads another's keys out of one or continues another query with it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::Purpose;

/// One page of a list.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Continues the list; `null` at its end.
    pub next_cursor: Option<String>,
}

/// The page asked for.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// How many items at most: 20 unless told, 50 at most.
    pub limit: Option<i64>,
    /// Where the list goes on.
    pub cursor: Option<String>,
}

/// How many items a page has unless told.
pub const USUAL_LIMIT: usize = 20;
/// How many items a page has at most.
pub const LARGEST_LIMIT: usize = 50;

/// The limit asked for.
///
/// # Errors
/// `Invalid` outside 1 to 50.
pub fn limit(asked: Option<i64>) -> Result<usize> {
    match asked {
        None => Ok(USUAL_LIMIT),
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
            .ok_or_else(|| Error::invalid("/limit", "must be a whole number from 1 to 50")),
    }
}

/// Seals where a list goes on. `context` names the caller and the query.
#[must_use]
pub fn seal<T: Serialize>(app: &App, context: &str, position: &T) -> String {
    let position = postcard::to_stdvec(position).expect("a position has only plain fields");
    app.secrets.seal(Purpose::Cursor, context, &position, &app.entropy)
}

/// Where the list goes on.
///
/// # Errors
/// `Invalid` for a cursor that was not sealed for this context.
pub fn unseal<T: DeserializeOwned>(app: &App, context: &str, cursor: &str) -> Result<T> {
    app.secrets
        .unseal(Purpose::Cursor, context, cursor)
        .and_then(|position| postcard::from_bytes(&position).ok())
        .ok_or_else(|| Error::invalid("/cursor", "is not a cursor of this list"))
}

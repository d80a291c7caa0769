//! Applies infra/search to the search domain: at each deployment that changes it, and when an operator
//! wants the index made anew.

use std::time::Duration;

use futures::future::BoxFuture;
use roost::app::App;
use roost::error::{Error, Result};
use roost::function::Task;
use roost::index::admin::Order;
use serde_json::Value;

/// The function.
pub const APPLY: Task = Task { name: "apply-search", run, secret: false };

/// How long the index is filled before the rest is left to the next call: Lambda ends a function
/// after 15 minutes.
const FILLING: Duration = Duration::from_mins(10);

/// Takes an [`Order`] and answers what has come of it.
fn run(app: App, order: Value) -> BoxFuture<'static, Result<Value>> {
    Box::pin(async move {
        let order: Order =
            serde_json::from_value(order).map_err(|error| Error::invalid("", error.to_string()))?;
        app.search_domain_ready().await?;
        let Some(index) = app.index() else {
            return Err(Error::internal("this deployment has no search domain"));
        };
        let outcome = index.apply(&app.store, &order, FILLING).await?;
        serde_json::to_value(outcome).map_err(Error::internal)
    })
}

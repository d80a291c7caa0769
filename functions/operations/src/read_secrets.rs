//! Reads the secrets that template.yaml hands to the functions.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use roost::app::App;
use roost::error::{Error, Result};
use roost::function::Task;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The function.
pub const READ_SECRETS: Task = Task { name: "read-secrets", run, secret: true };

/// A secret that the template wants.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    /// Its name or ARN; empty where the deployment has none.
    secret: String,
    /// The id of its version; empty for the current one.
    version: String,
}

/// Takes the resource's properties and answers an attribute for each that is a secret, under its name: a template
/// that asks for one that is not answered fails.
fn run(app: App, properties: Value) -> BoxFuture<'static, Result<Value>> {
    Box::pin(async move {
        let properties: BTreeMap<String, Value> =
            serde_json::from_value(properties).map_err(Error::internal)?;
        let mut attributes = Map::new();
        for (name, wanted) in properties {
            // Beside the secrets stand texts of CloudFormation's own, like ServiceToken.
            if wanted.is_object() {
                let wanted: Wanted = serde_json::from_value(wanted).map_err(Error::internal)?;
                let text = match wanted.secret.as_str() {
                    "" => String::new(),
                    secret => app.read_secret(secret, &wanted.version).await?,
                };
                attributes.insert(name, text.into());
            }
        }
        Ok(attributes.into())
    })
}

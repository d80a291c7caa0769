//! EventBridge's wire format: `PutEvents`, in JSON 1.1.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bus, BusFault};
use crate::engine::{Reply, operation_of};

/// The most entries that a call may have.
const MOST_ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    source: String,
    #[serde(default)]
    detail_type: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    event_bus_name: Option<String>,
}

impl Bus {
    /// Answers one call, named as the header `x-amz-target` names it. Each entry is taken or refused
    /// by itself.
    #[must_use]
    pub fn answer(&self, target: &str, body: &[u8]) -> Reply {
        let operation = operation_of(target);
        if operation != "PutEvents" {
            return refusal(
                "UnknownOperationException",
                &format!("{operation}: the local bus does not do this"),
            );
        }
        let call: PutEvents = match serde_json::from_slice(body) {
            Ok(call) => call,
            Err(error) => return refusal("SerializationException", &error.to_string()),
        };
        if call.entries.is_empty() || call.entries.len() > MOST_ENTRIES {
            let why = format!("1 to {MOST_ENTRIES} entries are put at once, not {}", call.entries.len());
            return refusal("ValidationException", &why);
        }
        let entries: Vec<Value> = call.entries.into_iter().map(|entry| self.take(entry)).collect();
        let failed = entries.iter().filter(|entry| !entry["ErrorCode"].is_null()).count();
        Reply { status: 200, body: json!({ "FailedEntryCount": failed, "Entries": entries }).to_string() }
    }

    fn take(&self, entry: Entry) -> Value {
        let refused = |code: &str, why: &str| json!({ "ErrorCode": code, "ErrorMessage": why });
        let name = entry.event_bus_name.as_deref().unwrap_or("default");
        // An ARN ends in the name.
        let name = name.rsplit('/').next().unwrap_or(name);
        if !self.0.names.iter().any(|known| known == name) {
            return refused("ResourceNotFoundException", &format!("there is no event bus {name}"));
        }
        if entry.source.is_empty() || entry.detail_type.is_empty() {
            return refused("InvalidArgument", "Source and DetailType are needed");
        }
        let Ok(detail @ Value::Object(_)) = serde_json::from_str(&entry.detail) else {
            return refused("MalformedDetail", "Detail is not a JSON object");
        };
        let fault = self.0.faults.of(&entry.detail_type);
        match fault {
            Some(BusFault::Refused) => return refused("InternalFailure", "ordered by a test"),
            Some(BusFault::Doubled) => {
                self.put(name, &entry.source, &entry.detail_type, detail.clone());
            }
            None => {}
        }
        json!({ "EventId": self.accept(name, &entry.source, &entry.detail_type, detail) })
    }
}

fn refusal(kind: &str, message: &str) -> Reply {
    Reply { status: 400, body: json!({ "__type": kind, "message": message }).to_string() }
}

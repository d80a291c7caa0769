//! When two answers of a store are the same.

use std::collections::BTreeSet;

use roost_local::engine::{Call, Reply};
use serde_json::{Map, Value};

/// What differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub what: &'static str,
    /// The call and both answers.
    pub text: String,
}

/// Where the answer of the other store to a recorded call differs from the one recorded.
pub(crate) fn difference(call: &Call, other: &Reply) -> Option<Difference> {
    let ours = compared(&call.operation, &call.reply);
    let theirs = compared(&call.operation, other);
    let what = if call.reply.status != other.status {
        "the status"
    } else if ours["__type"] != theirs["__type"] {
        "the error"
    } else if ours["CancellationReasons"] != theirs["CancellationReasons"] {
        "the reasons of a cancelled transaction"
    } else if ours != theirs {
        let sorted = |answer: &Value| {
            let mut items: Vec<String> =
                answer["Items"].as_array().into_iter().flatten().map(Value::to_string).collect();
            items.sort_unstable();
            items
        };
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        if ours["Items"] != theirs["Items"] && sorted(&ours) == sorted(&theirs) {
            if body["IndexName"].is_null() { "the order of items" } else { "the order of an index's items" }
        } else if !body["TotalSegments"].is_null() && ours["Items"].is_array() && theirs["Items"].is_array() {
            "the segment of an item"
        } else {
            "the content"
        }
    } else {
        return None;
    };
    let body = String::from_utf8_lossy(&call.body);
    let text = format!("  {body}\n  embedded:  {ours}\n  reference: {theirs}");
    Some(Difference { what, text })
}

/// An answer without what may differ: sentences, consumed units, the order within sets and batches.
fn compared(operation: &str, reply: &Reply) -> Value {
    let mut answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    if let Some(fields) = answer.as_object_mut() {
        for name in ["message", "Message", "ConsumedCapacity", "ItemCollectionMetrics"] {
            fields.remove(name);
        }
        // Nothing left over is said by an empty object or by none.
        fields.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
        if let Some(kind) = fields.get("__type").and_then(Value::as_str) {
            let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
            fields.insert("__type".into(), kind.into());
        }
        for reason in
            fields.get_mut("CancellationReasons").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if let Some(reason) = reason.as_object_mut() {
                reason.remove("Message");
            }
        }
        if operation == "BatchGetItem" {
            let tables = fields.get_mut("Responses").and_then(Value::as_object_mut);
            for items in tables.into_iter().flat_map(|tables| tables.values_mut()) {
                if let Some(items) = items.as_array_mut() {
                    items.iter_mut().for_each(ordered);
                    items.sort_by_key(Value::to_string);
                }
            }
        }
    }
    ordered(&mut answer);
    answer
}

/// Sets in order, numbers in one spelling.
fn ordered(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match (name.as_str(), &mut *value) {
                    ("SS" | "NS" | "BS", Value::Array(members)) => members.sort_by_key(Value::to_string),
                    ("N", Value::String(number)) => {
                        if number.contains('.') {
                            *number = number.trim_end_matches('0').trim_end_matches('.').to_owned();
                        }
                    }
                    _ => ordered(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(ordered),
        _ => {}
    }
}

/// Every expression of a call.
pub(crate) fn expressions(body: &Value, into: &mut BTreeSet<String>) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name.ends_with("Expression")) {
                    Some(expression) => drop(into.insert(expression.to_owned())),
                    None => expressions(value, into),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, into)),
        _ => {}
    }
}

/// A call without its values: tables, indexes, expressions and the names in them.
pub(crate) fn shape(body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| {
                !matches!(
                    name.as_str(),
                    "Key"
                        | "Keys"
                        | "Item"
                        | "ExpressionAttributeValues"
                        | "ExclusiveStartKey"
                        | "Limit"
                        | "ClientRequestToken"
                )
            });
            kept.map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>().into()
        }
        // A stay of seven nights is of one shape with a stay of two.
        Value::Array(values) => {
            let mut shapes: Vec<Value> = values.iter().map(shape).collect();
            shapes.dedup();
            shapes.into()
        }
        other => other.clone(),
    }
}

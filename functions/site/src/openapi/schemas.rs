//! The schemas of the document. What a client sends and what it reads are two contracts (a field
//! with a default may be left out of the one and is always in the other), so there are two
//! generators, and a type that differs between them gets two names.

use std::collections::BTreeMap;

use roost::http::Described;
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

/// Where the document keeps its schemas.
const PREFIX: &str = "#/components/schemas/";

/// The schemas of one operation.
#[derive(Debug)]
pub(super) struct Types {
    /// The path's parameters, as an object without references.
    pub(super) path: Value,
    /// The query's parameters, likewise.
    pub(super) query: Value,
    /// The body, where there is one.
    pub(super) body: Option<Value>,
    /// The body as an object without references.
    pub(super) whole_body: Value,
    /// What success says.
    pub(super) reply: Value,
}

/// Collects the schemas of operations.
pub(super) struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
    /// What the product answers.
    answers: Vec<Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            sent: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
            answers: Vec::new(),
        }
    }
}

impl Schemas {
    /// The schemas of an operation; their names are not settled before [`Schemas::finish`].
    pub(super) fn of(&mut self, described: &Described) -> Types {
        let [path, query, body, _] = (described.schemas)(&mut self.sent).map(Value::from);
        let [_, _, _, reply] = (described.schemas)(&mut self.answered).map(Value::from);
        let reply = if described.success == 204 { Value::Null } else { reply };
        self.answers.push(reply.clone());
        let whole_body = self.whole(&body);
        let takes_a_body = whole_body["properties"].is_object();
        Types {
            path: self.whole(&path),
            query: self.whole(&query),
            body: takes_a_body.then_some(body),
            whole_body,
            reply,
        }
    }

    /// The schema of something that the product answers.
    pub(super) fn answered<T: JsonSchema>(&mut self) -> Value {
        let schema = Value::from(self.answered.subschema_for::<T>());
        self.answers.push(schema.clone());
        schema
    }

    /// A schema that the client sends, with the definition in place of a reference to it.
    fn whole(&self, schema: &Value) -> Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(PREFIX));
        name.and_then(|name| self.sent.definitions().get(name)).unwrap_or(schema).clone()
    }

    /// Every definition under a name of its own.
    pub(super) fn finish(self) -> Components {
        let Self { mut sent, mut answered, answers } = self;
        let all = answered.take_definitions(true);
        let mut answered = Map::new();
        let mut waiting = answers;
        while let Some(schema) = waiting.pop() {
            let mut found = Vec::new();
            references(&schema, &mut found);
            for name in found.iter().filter_map(|reference| reference.strip_prefix(PREFIX)) {
                let Some(definition) = all.get(name).filter(|_| !answered.contains_key(name)) else {
                    continue;
                };
                answered.insert(name.to_owned(), definition.clone());
                waiting.push(definition.clone());
            }
        }
        Components { sent: sent.take_definitions(true), answered, named: BTreeMap::new() }
    }
}

/// The definitions of what is sent, of what is answered, and those that the document lists under their
/// final names.
#[derive(Debug)]
pub(super) struct Components {
    sent: Map<String, Value>,
    answered: Map<String, Value>,
    named: BTreeMap<String, Value>,
}

impl Components {
    /// The schemas of an operation with their final names, kept for the document. A body that goes by
    /// a name that many have is called after its operation.
    pub(super) fn named(&mut self, described: &Described, types: Types) -> Types {
        let sent = self.sent.clone();
        let answered = self.answered.clone();
        let operation = capitalized(described.endpoint.name);
        Types {
            path: self.settle(types.path, &sent, &operation, "Input"),
            query: self.settle(types.query, &sent, &operation, "Input"),
            body: types.body.map(|body| self.settle(body, &sent, &operation, "Input")),
            whole_body: types.whole_body,
            reply: self.settle(types.reply, &answered, &operation, ""),
        }
    }

    /// What the document lists. The problem document is in it whoever uses it.
    pub(super) fn into_value(mut self) -> Value {
        let answered = self.answered.clone();
        self.settle(json!({"$ref": format!("{PREFIX}Problem")}), &answered, "", "");
        json!(self.named)
    }

    /// A schema whose references have their final names; what they lead to is listed.
    fn settle(
        &mut self,
        mut schema: Value,
        from: &Map<String, Value>,
        operation: &str,
        suffix: &str,
    ) -> Value {
        let mut references = Vec::new();
        self::references(&schema, &mut references);
        for reference in references {
            let Some(name) = reference.strip_prefix(PREFIX) else { continue };
            let Some(definition) = from.get(name) else { continue };
            let name_in_document = self.name(name, operation, suffix);
            if !self.named.contains_key(&name_in_document) {
                // Listed before it is settled: a type may hold itself.
                self.named.insert(name_in_document.clone(), definition.clone());
                let settled = self.settle(definition.clone(), from, operation, suffix);
                self.named.insert(name_in_document.clone(), settled);
            }
            rename(&mut schema, &reference, &format!("{PREFIX}{name_in_document}"));
        }
        schema
    }

    fn name(&self, name: &str, operation: &str, suffix: &str) -> String {
        let plain = name.trim_end_matches(|character: char| character.is_ascii_digit());
        if plain != name || ["Body", "Reply", "Query", "Path", "Page"].contains(&plain) {
            return format!("{operation}{plain}");
        }
        let differs = match (self.sent.get(name), self.answered.get(name)) {
            (Some(sent), Some(answered)) => sent != answered,
            _ => false,
        };
        if differs { format!("{name}{suffix}") } else { name.to_owned() }
    }
}

/// Every reference in a value.
pub(super) fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.push(reference.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "$ref" && member == from {
                    *member = to.into();
                } else {
                    rename(member, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        _ => {}
    }
}

/// The fields that an object must have.
pub(super) fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a body must be there at all.
pub(super) fn requires_something(body: &Value) -> bool {
    !required(body).is_empty()
}

/// The schema of a parameter, which is there or is not, but never `null`.
pub(super) fn never_null(mut schema: Value) -> Value {
    if let Some(types) = schema["type"].as_array() {
        let other: Vec<&Value> = types.iter().filter(|kind| *kind != "null").collect();
        if let [kind] = other.as_slice() {
            schema["type"] = (*kind).clone();
        }
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let other: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        if let [choice] = other.as_slice() {
            schema["$ref"] = choice["$ref"].clone();
            if let Some(members) = schema.as_object_mut() {
                members.remove("anyOf");
            }
        }
    }
    schema
}

/// `create-booking` as `CreateBooking`.
fn capitalized(name: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        characters
            .next()
            .map(|first| first.to_uppercase().chain(characters).collect::<String>())
            .unwrap_or_default()
    };
    name.split('-').map(word).collect()
}

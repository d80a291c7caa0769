//! A template as plain JSON: short tags written out (`!Ref X` is `{"Ref": "X"}`).

use std::path::Path;

use serde_json::{Map, Number, Value};
use yaml_serde::Value as Yaml;

/// Reads a file.
///
/// # Errors
/// A sentence that names the file.
pub fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let yaml: Yaml = yaml_serde::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(plain(yaml))
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => number
            .as_i64()
            .map(Number::from)
            .or_else(|| number.as_f64().and_then(Number::from_f64))
            .map_or(Value::Null, Value::Number),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect()),
        Yaml::Mapping(members) => {
            let member = |(name, value): (Yaml, Yaml)| Some((text_of(name)?, plain(value)));
            Value::Object(members.into_iter().filter_map(member).collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            Value::Object(Map::from_iter([(name, plain(tagged.value))]))
        }
    }
}

fn text_of(name: Yaml) -> Option<String> {
    match plain(name) {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

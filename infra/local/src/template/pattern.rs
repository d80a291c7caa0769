//! Patterns of event rules: which events a rule takes, as EventBridge decides it.

use serde_json::{Map, Value};

/// What an event must look like: for each field the values it may have, or what such a value begins
/// or ends with; nested fields likewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Map<String, Value>);

impl Pattern {
    /// Reads a pattern; `settled` gives the text of a reference.
    ///
    /// # Errors
    /// What is wrong with it, or that this stack does not match so.
    pub fn read(value: &Value, settled: &dyn Fn(&Value) -> Option<String>) -> Result<Self, String> {
        let fields = value.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or("a rule needs a Pattern that names source or detail-type")?;
        fields_of(fields, settled).map(Self)
    }

    /// Whether it takes this event.
    #[must_use]
    pub fn takes(&self, event: &Value) -> bool {
        all_match(&self.0, event)
    }
}

fn fields_of(
    fields: &Map<String, Value>,
    settled: &dyn Fn(&Value) -> Option<String>,
) -> Result<Map<String, Value>, String> {
    let field = |(name, wanted): (&String, &Value)| {
        let wanted = match wanted {
            Value::Array(choices) => {
                let choices: Result<Vec<Value>, String> =
                    choices.iter().map(|choice| choice_of(name, choice, settled)).collect();
                Value::Array(choices?)
            }
            Value::Object(nested) => Value::Object(fields_of(nested, settled)?),
            _ => return Err(format!("{name} needs a list of values, not {wanted}")),
        };
        Ok((name.clone(), wanted))
    };
    fields.iter().map(field).collect()
}

fn choice_of(
    name: &str,
    choice: &Value,
    settled: &dyn Fn(&Value) -> Option<String>,
) -> Result<Value, String> {
    match choice {
        Value::Object(matcher) => {
            if let Some(text) = settled(choice) {
                return Ok(text.into());
            }
            let known = matcher.len() == 1
                && ["prefix", "suffix"].iter().any(|known| matcher.get(*known).is_some_and(Value::is_string));
            if known { Ok(choice.clone()) } else { Err(format!("{name}: no match by {choice} here")) }
        }
        Value::Array(_) => Err(format!("{name}: a list in a list")),
        _ => Ok(choice.clone()),
    }
}

fn all_match(fields: &Map<String, Value>, event: &Value) -> bool {
    fields.iter().all(|(name, wanted)| match wanted {
        Value::Object(nested) => all_match(nested, &event[name]),
        Value::Array(choices) => match &event[name] {
            // Of a field that is a list, one member is enough.
            Value::Array(members) => members.iter().any(|member| one_of(choices, member)),
            value => one_of(choices, value),
        },
        _ => false,
    })
}

fn one_of(choices: &[Value], value: &Value) -> bool {
    let text = value.as_str();
    choices.iter().any(|choice| {
        let part = |kind: &str| choice.get(kind).and_then(Value::as_str).zip(text);
        choice == value
            || part("prefix").is_some_and(|(prefix, text)| text.starts_with(prefix))
            || part("suffix").is_some_and(|(suffix, text)| text.ends_with(suffix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(pattern: Value) -> Result<Pattern, String> {
        Pattern::read(&pattern, &|value| (value["Ref"] == "Photos").then(|| "roost-photos".to_owned()))
    }

    #[test]
    fn a_pattern_takes_what_eventbridge_would() {
        let pattern = read(json!({
            "source": ["aws.s3"], "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [{"Ref": "Photos"}]}, "object": {"key": [{"prefix": "in/"}]}},
        }))
        .unwrap();
        let event = |source: &str, bucket: &str, key: &str| {
            json!({"source": source, "detail-type": "Object Created",
                "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 3}}})
        };
        assert!(pattern.takes(&event("aws.s3", "roost-photos", "in/1")));
        assert!(!pattern.takes(&event("aws.ec2", "roost-photos", "in/1")));
        assert!(!pattern.takes(&event("aws.s3", "other", "in/1")));
        assert!(!pattern.takes(&event("aws.s3", "roost-photos", "out/1")));
        assert!(!pattern.takes(&json!({"source": "aws.s3", "detail-type": "Object Created"})));
    }

    #[test]
    fn what_is_not_matched_here_is_refused() {
        for wrong in [
            json!(null),
            json!({}),
            json!({"source": "roost"}),
            json!({"source": [{"anything-but": ["roost"]}]}),
            json!({"detail": {"bucket": {"name": [{"Ref": "Nothing"}]}}}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

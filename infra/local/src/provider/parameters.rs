//! What a call was sent, read one by one; what is wrong with it is Stripe's answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Answer;

/// What a call was sent: a POST's form, a GET's query.
pub(super) type Parameters = BTreeMap<String, String>;

/// How many things a list has unless asked, and at most.
const PAGE: usize = 10;
const LONGEST_PAGE: usize = 100;

/// Refuses parameters that are not `known`; `metadata` stands for all of its own.
pub(super) fn refuse_unknown(parameters: &Parameters, known: &[&str]) -> Result<(), Answer> {
    let unknown = parameters.keys().find(|name| {
        let family = if label(name).is_some() { "metadata" } else { name.as_str() };
        !known.contains(&family)
    });
    match unknown {
        Some(name) => {
            let message = format!("Received unknown parameter: {name}");
            Err(Answer::invalid("parameter_unknown", Some(name), &message))
        }
        None => Ok(()),
    }
}

/// A parameter that has to be there.
pub(super) fn given<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, Answer> {
    let value = parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let message = || format!("Missing required param: {name}.");
    value.ok_or_else(|| Answer::invalid("parameter_missing", Some(name), &message()))
}

/// An amount that has to be there.
pub(super) fn amount(parameters: &Parameters) -> Result<i64, Answer> {
    amount_of("amount", given(parameters, "amount")?)
}

/// An amount that need not be there.
pub(super) fn amount_or(parameters: &Parameters, name: &str, unless_given: i64) -> Result<i64, Answer> {
    parameters.get(name).map_or(Ok(unless_given), |value| amount_of(name, value))
}

/// The currency, whose code is to be in lower case.
pub(super) fn currency(parameters: &Parameters) -> Result<String, Answer> {
    let currency = given(parameters, "currency")?.to_ascii_lowercase();
    if roost::psp::stripe::from_stripe(0, &currency).is_none() {
        let message = format!("Invalid currency: {currency}.");
        return Err(Answer::invalid("parameter_invalid_string_empty", Some("currency"), &message));
    }
    Ok(currency)
}

/// A yes or no that need not be there: no, unless it is given.
pub(super) fn flag(parameters: &Parameters, name: &str) -> Result<bool, Answer> {
    match parameters.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let message = format!("Invalid boolean: {other}");
            Err(Answer::invalid("parameter_invalid_string", Some(name), &message))
        }
    }
}

/// The metadata among the parameters.
pub(super) fn metadata(parameters: &Parameters) -> BTreeMap<String, String> {
    let labelled = |(name, value): (&String, &String)| Some((label(name)?.to_owned(), value.clone()));
    parameters.iter().filter_map(labelled).collect()
}

/// As many of `found` as are asked for, which are shown as a list of `url`.
pub(super) fn page(
    parameters: &Parameters,
    url: &str,
    mut found: impl Iterator<Item = Value>,
) -> Result<Answer, Answer> {
    let asked = parameters.get("limit").map_or(Some(PAGE), |limit| limit.parse().ok());
    let limit = asked.filter(|limit| (1..=LONGEST_PAGE).contains(limit)).ok_or_else(|| {
        let message = format!("This value must be between 1 and {LONGEST_PAGE}.");
        Answer::invalid("parameter_invalid_integer", Some("limit"), &message)
    })?;
    let data: Vec<Value> = found.by_ref().take(limit).collect();
    let has_more = found.next().is_some();
    Ok(Answer::shows(json!({ "object": "list", "data": data, "has_more": has_more, "url": url })))
}

/// What a parameter calls its piece of metadata, if it is one.
fn label(name: &str) -> Option<&str> {
    name.strip_prefix("metadata[")?.strip_suffix(']')
}

fn amount_of(name: &str, value: &str) -> Result<i64, Answer> {
    let message = "This value must be greater than or equal to 1.";
    let amount = value.parse().ok().filter(|amount: &i64| *amount > 0);
    amount.ok_or_else(|| Answer::invalid("parameter_invalid_integer", Some(name), message))
}

//! What a guest types, as a query: each word must begin one of title or city, be a typing error or a
//! synonym of one. Hits are graded, not weighed: the same words find the same order on every shard.

use serde_json::{Value, json};

/// What a word in the title, in the city, as a synonym and as a typing error is worth.
const TITLE: u8 = 8;
const CITY: u8 = 4;
const SYNONYM: u8 = 2;
const TYPING_ERROR: u8 = 1;

/// The query of these words; `None` without any.
pub(super) fn text(words: &[String]) -> Option<Value> {
    if words.is_empty() {
        return None;
    }
    let each: Vec<Value> = words.iter().map(|word| one(word)).collect();
    let together = json!({"match": {"text": {"query": words.join(" "), "operator": "and"}}});
    // Words that are one term together: hot tub, sea view.
    let together = grade(together, SYNONYM.saturating_mul(u8::try_from(words.len()).unwrap_or(u8::MAX)));
    Some(json!({"dis_max": {"queries": [{"bool": {"must": each}}, together]}}))
}

fn one(word: &str) -> Value {
    let begins = |field: &str| json!({"match_bool_prefix": {field: {"query": word, "analyzer": "words"}}});
    let means = json!({"match": {"text": {"query": word, "operator": "and"}}});
    // Short words have too many neighbours: from five letters on one slip, from nine two.
    let resembles = json!({"match": {"text": {
        "query": word, "analyzer": "words", "fuzziness": "AUTO:5,9", "prefix_length": 1, "max_expansions": 30,
    }}});
    json!({"dis_max": {"queries": [
        grade(begins("title"), TITLE),
        grade(begins("text"), CITY),
        grade(means, SYNONYM),
        grade(resembles, TYPING_ERROR),
    ]}})
}

fn grade(filter: Value, worth: u8) -> Value {
    json!({"constant_score": {"filter": filter, "boost": worth}})
}

//! The contract as an OpenAPI 3.1 document, generated from the handlers' own types.

mod schemas;

use std::collections::BTreeMap;

use roost::function::Functions;
use roost::http::{Described, KeyUse, Problem};
use serde_json::{Map, Value, json};

use schemas::{Schemas, Types};

/// The document as `infra/openapi.json` holds it: the same text for the same operations.
#[must_use]
pub fn text(functions: &Functions, samples: &Samples) -> String {
    let mut text = serde_json::to_string_pretty(&document(functions, samples))
        .expect("a JSON value has only plain keys");
    text.push('\n');
    text
}

/// Bodies that show what operations take, by the function's name.
pub type Samples = BTreeMap<String, Value>;

/// The document.
#[must_use]
pub fn document(functions: &Functions, samples: &Samples) -> Value {
    let mut schemas = Schemas::default();
    let types: Vec<Types> = functions.operations.iter().map(|described| schemas.of(described)).collect();
    let problem = schemas.answered::<Problem>();
    let mut components = schemas.finish();
    let mut paths: Map<String, Value> = Map::new();
    for (described, types) in functions.operations.iter().zip(types) {
        let mut operation = operation(described, &components.named(described, types), functions);
        let sample = samples.get(described.endpoint.name).filter(|_| !operation["requestBody"].is_null());
        if let Some(sample) = sample {
            operation["requestBody"]["content"]["application/json"]["example"] = sample.clone();
        }
        let item = paths.entry(described.endpoint.path).or_insert_with(|| json!({}));
        item[described.endpoint.method.to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roost",
            "summary": "The backend of a booking marketplace.",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": TAGS.map(|(name, description)| json!({"name": name, "description": description})),
        "paths": paths,
        "components": {
            "schemas": components.into_value(),
            "responses": problems(&problem),
            "headers": headers(),
            "parameters": {"IfMatch": if_match()},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token of signing up, signing in or refreshing; it holds for 15 minutes.",
            }},
        },
    })
}

const ABOUT: &str = "A stay is the half-open range of civil dates [checkIn, checkOut) in the listing's time zone. \
    Instants are RFC 3339 in UTC. Money is a whole number of the currency's minor units. Ids are opaque strings with a \
    type prefix. Unknown fields are refused. Errors are problem documents (RFC 9457) with a stable `code`. What the \
    gateway itself refuses has its own shape.";

const TAGS: [(&str, &str); 7] = [
    ("identity", "Accounts, sessions and the keys of tokens."),
    ("listings", "What a host offers."),
    ("calendar", "Prices, stay rules and open nights."),
    ("search", "Finding a place, on a map and with dates."),
    ("quotes", "What a stay costs, for fifteen minutes."),
    ("bookings", "Stays, from a hold to the check-out."),
    ("site", "About this interface."),
];

/// The group that a path belongs to.
fn tag(path: &str) -> &'static str {
    let has = |word: &str| path.contains(word);
    let groups = [
        (has("/calendar") || has("/availability"), "calendar"),
        (has("/auth/") || has("/users/") || has("/jwks"), "identity"),
        (has("/listings"), "listings"),
        (has("/search"), "search"),
        (has("/quotes"), "quotes"),
        (has("/bookings"), "bookings"),
    ];
    groups.into_iter().find_map(|(is, tag)| is.then_some(tag)).unwrap_or("site")
}

fn operation(described: &Described, types: &Types, functions: &Functions) -> Value {
    let mut operation = json!({
        "operationId": described.endpoint.name,
        "summary": described.summary,
        "tags": [tag(described.endpoint.path)],
        "parameters": parameters(described, types),
        "security": security(described),
        "responses": responses(described, types, functions),
    });
    if let Some(body) = &types.body {
        operation["requestBody"] = json!({
            "required": schemas::requires_something(&types.whole_body),
            "content": {"application/json": {"schema": body}},
        });
    }
    operation
}

fn security(described: &Described) -> Value {
    match (described.needs_token, described.reads_token) {
        (true, _) => json!([{"token": []}]),
        (false, true) => json!([{}, {"token": []}]),
        (false, false) => json!([]),
    }
}

fn parameters(described: &Described, types: &Types) -> Vec<Value> {
    let mut parameters = Vec::new();
    for (place, schema) in [("path", &types.path), ("query", &types.query)] {
        let required = schemas::required(schema);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let mut property = schemas::never_null(property.clone());
            let description = property.as_object_mut().and_then(|property| property.remove("description"));
            let mut parameter = json!({
                "name": name,
                "in": place,
                "required": place == "path" || required.contains(&name.as_str()),
                "schema": property,
            });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameters.push(parameter);
        }
    }
    if described.key != KeyUse::Ignored {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": described.key == KeyUse::Required,
            "description": "Names this call, so that it is done once however often it is sent. Kept for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        }));
    }
    if described.problems.contains(&412) {
        parameters.push(json!({"$ref": "#/components/parameters/IfMatch"}));
    }
    parameters
}

fn if_match() -> Value {
    json!({
        "name": "If-Match",
        "in": "header",
        "required": false,
        "description": "The ETag of the version that this call is about; without it, whichever there is.",
        "schema": {"type": "string"},
    })
}

fn responses(described: &Described, types: &Types, functions: &Functions) -> Value {
    let mut responses = Map::new();
    responses.insert(described.success.to_string(), success(described, types, functions));
    for status in statuses(described, types) {
        responses
            .insert(status.to_string(), json!({"$ref": format!("#/components/responses/Problem{status}")}));
    }
    Value::Object(responses)
}

fn success(described: &Described, types: &Types, functions: &Functions) -> Value {
    let description = match described.success {
        201 => "Created.",
        204 => "Done.",
        _ => "The answer.",
    };
    let mut response = json!({"description": description});
    if described.success != 204 {
        response["content"] = json!({"application/json": {"schema": types.reply}});
    }
    let own_path = format!("{}/{{id}}", described.endpoint.path);
    let readable = functions
        .operations
        .iter()
        .any(|other| other.endpoint.method == "GET" && other.endpoint.path == own_path);
    let one_thing = described.endpoint.method == "GET" && described.endpoint.path.ends_with("/{id}");
    let versioned = one_thing || (described.problems.contains(&412) && described.success != 204);
    let mut of_answer = Map::new();
    for (present, name) in [
        (described.success == 201 && readable, "Location"),
        (versioned, "ETag"),
        (described.key != KeyUse::Ignored, "Idempotency-Replayed"),
    ] {
        if present {
            of_answer.insert(name.into(), json!({"$ref": format!("#/components/headers/{name}")}));
        }
    }
    if !of_answer.is_empty() {
        response["headers"] = Value::Object(of_answer);
    }
    response
}

fn headers() -> Value {
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "Location": header("Where the thing created can be read."),
        "ETag": header("The version of the thing, for `If-Match`."),
        "Idempotency-Replayed": header("`true` when this is the first answer of the key, given once more."),
        "Retry-After": header("In how many seconds to try again."),
        "WWW-Authenticate": header("`Bearer`."),
    })
}

/// The problems of an operation: its own and those of every call of its kind.
fn statuses(described: &Described, types: &Types) -> Vec<u16> {
    let mut statuses = described.problems.to_vec();
    statuses.push(503);
    if described.reads_token {
        statuses.push(401);
    }
    if described.endpoint.path.contains('{') {
        statuses.push(404);
    }
    // A body is looked at where there is to be none, too.
    if types.body.is_some() || described.endpoint.method != "GET" {
        statuses.extend([400, 413, 415, 422]);
    }
    if types.query["properties"].is_object() {
        statuses.push(422);
    }
    if described.key != KeyUse::Ignored {
        statuses.extend([400, 409, 422]);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// Every problem that an operation may answer with.
const PROBLEMS: [(u16, &str); 12] = [
    (400, "Not JSON, or a header that the call needs is missing or malformed."),
    (401, "No valid token, or no valid credentials."),
    (402, "The payment was refused; nothing was charged."),
    (403, "A party to the thing, but in the wrong role."),
    (404, "There is no such thing, or it is another's: the same answer."),
    (409, "The state of things does not allow it; `code` says why."),
    (410, "The quote has expired."),
    (412, "`If-Match` names another version than the current one."),
    (413, "The body is larger than 64 KB."),
    (415, "The body is not `application/json`."),
    (422, "JSON, but wrong: `errors` says which fields, and why."),
    (503, "A part that this call depends on did not answer; the same call may succeed later."),
];

fn problems(schema: &Value) -> Value {
    let response = |(status, description): (u16, &str)| {
        let mut response = json!({
            "description": description,
            "content": {"application/problem+json": {"schema": schema}},
        });
        match status {
            401 => {
                response["headers"] =
                    json!({"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}});
            }
            503 => response["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/Retry-After"}}),
            _ => {}
        }
        (format!("Problem{status}"), response)
    };
    Value::Object(PROBLEMS.into_iter().map(response).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_says_what_it_takes_and_answers() {
        let functions = crate::functions();
        let document = document(&functions, &Samples::new());
        assert_eq!(document, super::document(&functions, &Samples::new()), "the same twice");
        let operation = &document["paths"]["/openapi.json"]["get"];
        assert_eq!(operation["operationId"], "get-openapi");
        assert_eq!(operation["security"], json!([]));
        assert!(operation["requestBody"].is_null(), "{operation}");
        assert_eq!(operation["responses"]["503"]["$ref"], "#/components/responses/Problem503");
        assert_eq!(operation["responses"]["200"]["content"]["application/json"]["schema"]["type"], "object");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(&crate::functions(), &Samples::new());
        let mut references = Vec::new();
        schemas::references(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}

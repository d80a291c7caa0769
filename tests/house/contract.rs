//! infra/openapi.json is what the handlers say.

use roost_local::all_functions;
use roost_site::openapi::Samples;

use crate::source::root;

#[test]
fn the_published_contract_is_the_handlers_own() {
    let file = root().join("infra/openapi.json");
    let published = std::fs::read_to_string(&file).expect("infra/openapi.json can be read");
    let generated = roost_local::contract().expect("the samples can be read");
    if published != generated {
        let differs = published.lines().zip(generated.lines()).position(|(old, new)| old != new);
        let line = differs.unwrap_or_else(|| published.lines().count().min(generated.lines().count()));
        panic!(
            "infra/openapi.json is out of date from line {}: now `{}`. Write it anew with `cargo dev openapi`.",
            line + 1,
            generated.lines().nth(line).unwrap_or("(its end)").trim()
        );
    }
}

#[test]
fn every_schema_says_what_it_is_in_the_client_s_words() {
    let document = roost_site::openapi::document(&all_functions(), &Samples::new());
    let mut offences = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("the document has schemas") {
        let text = schema.to_string();
        for ours in ["[`", "crate::", "Self::", "DynamoDB", "dynamodb", "`Error"] {
            if text.contains(ours) {
                offences.push(format!("{name}: {ours}"));
            }
        }
    }
    crate::none_of(
        "Docstrings of bodies and replies are read by clients: no links and no names of ours in them:",
        &offences,
    );
}

//! Every function has its handler, its binary, its wiring, its sample event and its place in the
//! contract; and the other way round.

use std::collections::BTreeSet;

use roost_local::{all_functions, template::Template, wiring};
use serde_json::Value;

use crate::none_of;
use crate::source::{read_folder, root};
use crate::template::functions;

#[test]
fn the_template_has_every_handler_and_no_other() {
    let template = Template::read(&root().join("template.yaml")).expect("template.yaml can be read");
    if let Err(differences) = wiring::check(&template, &all_functions()) {
        panic!("template.yaml and the handlers differ:\n{differences}\n");
    }
}

#[test]
fn every_function_has_a_binary_that_serves_it() {
    let mut offences = Vec::new();
    let binaries =
        read_folder(&root().join("functions")).into_iter().filter(|file| file.path.contains("/src/bin/"));
    let binaries: BTreeSet<String> = binaries.map(|file| file.path).collect();
    for function in functions() {
        let package = function.resource["Properties"]["CodeUri"].as_str().unwrap_or_default().to_owned();
        let path = format!("{package}/src/bin/{}.rs", function.name);
        if !binaries.contains(&path) {
            offences.push(format!("{path} is missing, or template.yaml names another package in CodeUri"));
        }
    }
    let wired: BTreeSet<String> = functions().into_iter().map(|function| function.name).collect();
    for path in &binaries {
        let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if !wired.contains(name) {
            offences.push(format!("{path} is no function of template.yaml"));
        }
    }
    none_of("Every function has a binary of its name, and every binary is wired:", &offences);
}

#[test]
fn every_function_has_a_readable_sample_event() {
    let mut offences = Vec::new();
    let code = all_functions();
    let names: BTreeSet<&str> = code.names().collect();
    for name in &names {
        let file = root().join(format!("events/{name}.json"));
        let Ok(text) = std::fs::read_to_string(&file) else {
            offences.push(format!("events/{name}.json is missing"));
            continue;
        };
        let Ok(event) = serde_json::from_str::<Value>(&text) else {
            offences.push(format!("events/{name}.json is not JSON"));
            continue;
        };
        let endpoint = code.endpoints().find(|endpoint| endpoint.name == *name);
        let route = endpoint.map(|endpoint| match endpoint.path {
            "$default" => "$default".to_owned(),
            path => format!("{} {path}", endpoint.method),
        });
        if route.as_deref().is_some_and(|route| event["routeKey"] != route) {
            offences
                .push(format!("events/{name}.json: routeKey is {}, the route {route:?}", event["routeKey"]));
        }
    }
    let files = std::fs::read_dir(root().join("events")).into_iter().flatten().flatten();
    for file in files {
        let file = file.file_name().to_string_lossy().into_owned();
        if !file.strip_suffix(".json").is_some_and(|name| names.contains(name)) {
            offences.push(format!("events/{file} is the event of no function"));
        }
    }
    none_of("Every function has a sample in events/, for `cargo lambda invoke`:", &offences);
}

#[test]
fn every_operation_stands_in_the_contract() {
    let text =
        std::fs::read_to_string(root().join("infra/openapi.json")).expect("infra/openapi.json can be read");
    let contract: Value = serde_json::from_str(&text).expect("infra/openapi.json is JSON");
    let mut offences = Vec::new();
    for described in all_functions().operations {
        let endpoint = described.endpoint;
        let operation = &contract["paths"][endpoint.path][endpoint.method.to_lowercase()];
        if operation["operationId"] != endpoint.name {
            offences.push(format!("{} {}", endpoint.method, endpoint.path));
        }
    }
    none_of("Every operation is in infra/openapi.json; write it anew with `cargo dev openapi`:", &offences);
}

#[test]
fn a_sample_has_the_fields_of_the_contract() {
    let contract = roost_site::openapi::document(&all_functions(), &roost_site::openapi::Samples::new());
    let mut offences = Vec::new();
    for described in all_functions().operations {
        let endpoint = described.endpoint;
        let text = std::fs::read_to_string(root().join(format!("events/{}.json", endpoint.name)))
            .unwrap_or_default();
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap_or("{}")).unwrap_or_default();
        let operation = &contract["paths"][endpoint.path][endpoint.method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let pointer = schema["$ref"].as_str().unwrap_or_default().trim_start_matches('#');
        let schema = contract.pointer(pointer).filter(|_| !pointer.is_empty()).unwrap_or(schema);
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        offences.extend(
            required
                .filter(|field| body[*field].is_null())
                .map(|field| format!("{}: {field} is missing", endpoint.name)),
        );
        let sent = body.as_object().into_iter().flatten();
        let unknown = sent.filter(|(field, _)| schema["properties"][field.as_str()].is_null());
        offences.extend(unknown.map(|(field, _)| format!("{}: there is no {field}", endpoint.name)));
    }
    none_of("The samples in events/ are bodies of today's contract:", &offences);
}

#[test]
fn cargo_lambda_knows_every_route() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    let (_, routes) = manifest
        .split_once("[workspace.metadata.lambda.watch.router]")
        .expect("the routes stand in Cargo.toml");
    let routes: String = routes.split("\n[").next().unwrap_or_default().split_whitespace().collect();
    let mut offences = Vec::new();
    let code = all_functions();
    for described in &code.operations {
        let endpoint = described.endpoint;
        let of_path = routes.split_once(&format!("\"{}\"=[", endpoint.path)).map(|(_, rest)| rest);
        let of_path = of_path.and_then(|rest| rest.split(']').next()).unwrap_or_default();
        let entry = format!("{{method=\"{}\",function=\"{}\"}}", endpoint.method, endpoint.name);
        if !of_path.contains(&entry) {
            offences.push(format!("\"{}\" = [{entry}]", endpoint.path));
        }
    }
    if routes.matches("function=").count() > code.operations.len() {
        offences.push("there are more routes in Cargo.toml than operations".to_owned());
    }
    none_of("Cargo.toml, [workspace.metadata.lambda.watch.router]: add the routes", &offences);
}

//! The template against the code: every function has its handler, every handler its function, every
//! route the method and path that its operation has in the contract.

use roost::function::Functions;

use crate::template::{Function, Template};

/// Compares the two.
///
/// # Errors
/// One line for every difference.
pub fn check(template: &Template, functions: &Functions) -> Result<(), String> {
    let mut differences = Vec::new();
    for function in &template.functions {
        differences.extend(of_function(function, functions));
        let twins = template.functions.iter().filter(|other| other.name == function.name).count();
        if twins > 1 {
            differences.push(format!("template.yaml has {twins} functions of the name {}", function.name));
        }
    }
    for name in functions.names() {
        if !template.functions.iter().any(|function| function.name == name) {
            differences.push(format!("the code has a handler {name}, which template.yaml does not name"));
        }
    }
    differences.sort();
    differences.dedup();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

fn of_function(function: &Function, functions: &Functions) -> Vec<String> {
    let name = &function.name;
    let mut differences = Vec::new();
    let mut differ = |what: String| differences.push(format!("template.yaml: {name} {what}"));
    if let Some(endpoint) = functions.endpoints().find(|endpoint| endpoint.name == name) {
        match function.routes.as_slice() {
            [route] if route.method == endpoint.method && route.path == endpoint.path => {}
            [route] => differ(format!(
                "has the route {} {}, its handler answers {} {}",
                route.method, route.path, endpoint.method, endpoint.path
            )),
            routes => differ(format!("has {} routes, and needs the one of its handler", routes.len())),
        }
    } else if !function.routes.is_empty() {
        differ("has a route, and no handler of requests".to_owned());
    }
    let schedule = functions.schedules.iter().any(|schedule| schedule.name == name);
    if schedule == function.schedules.is_empty() {
        differ(
            if schedule { "has no schedule" } else { "has a schedule, and no handler for one" }.to_owned(),
        );
    }
    let consumer = functions.consumers.iter().any(|consumer| consumer.name == name);
    if consumer == function.streams.is_empty() {
        differ(if consumer { "has no stream" } else { "has a stream, and no handler for one" }.to_owned());
    }
    let task = functions.tasks.iter().any(|task| task.name == name);
    if task
        && !(function.routes.is_empty()
            && function.streams.is_empty()
            && function.schedules.is_empty()
            && function.rules.is_empty())
    {
        differ("is invoked by hand, and has an event".to_owned());
    }
    let listener = functions.listeners.iter().any(|listener| listener.name == name);
    if listener == function.rules.is_empty() {
        differ(
            if listener {
                "has no EventBridgeRule"
            } else {
                "has an EventBridgeRule, and no handler for one"
            }
            .to_owned(),
        );
    }
    if !functions.names().any(|other| other == name) {
        differ("has no handler in the code".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Route;

    fn function(name: &str, path: &str) -> Function {
        Function {
            name: name.into(),
            variables: std::collections::BTreeMap::default(),
            routes: vec![Route { method: "GET".into(), path: path.into() }],
            streams: Vec::new(),
            schedules: Vec::new(),
            rules: Vec::new(),
            timeout: std::time::Duration::from_secs(29),
            retries: 2,
            failures: None,
        }
    }

    fn code() -> Functions {
        let fallback = roost::http::Endpoint {
            name: "get-thing",
            method: "GET",
            path: "/v1/things/{id}",
            handle: |_, request| {
                Box::pin(async move {
                    roost::http::refuse(roost::error::Error::NotFound, request.uri().path(), "")
                })
            },
        };
        Functions { fallbacks: vec![fallback], ..Functions::default() }
    }

    #[test]
    fn each_difference_is_named() {
        let template = |functions| Template { functions, ..Template::default() };
        assert_eq!(check(&template(vec![function("get-thing", "/v1/things/{id}")]), &code()), Ok(()));
        let other_path =
            check(&template(vec![function("get-thing", "/v1/thing/{id}")]), &code()).unwrap_err();
        assert!(other_path.contains("get-thing has the route GET /v1/thing/{id}"), "{other_path}");
        let stranger = vec![function("get-thing", "/v1/things/{id}"), function("get-nothing", "/v1/nothing")];
        let stranger = check(&template(stranger), &code()).unwrap_err();
        assert!(stranger.contains("get-nothing has no handler in the code"), "{stranger}");
        let missing = check(&template(Vec::new()), &code()).unwrap_err();
        assert!(missing.contains("a handler get-thing, which template.yaml does not name"), "{missing}");
    }
}

//! The `$default` route: whatever no other route takes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use roost::app::App;
use roost::error::Error;
use roost::http::{Endpoint, Http, Request, refuse, request_id};

/// The function.
pub const NOT_FOUND: Endpoint = Endpoint::fallback("not-found", handle);

/// The contract, which says which paths there are and what each takes.
const CONTRACT: &str = include_str!("../../../infra/openapi.json");

/// Every path of the contract with its methods.
static PATHS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| paths(CONTRACT));

#[derive(serde::Deserialize)]
struct Contract {
    paths: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
}

fn handle(_: App, request: Request) -> BoxFuture<'static, Http> {
    let path = request.uri().path();
    let error = refusal(&PATHS, request.method().as_str(), path);
    std::future::ready(refuse(error, path, &request_id(&request))).boxed()
}

/// 405 where the path exists for other methods, else 404. Where several routes have the path, it is
/// that of the most exact one: `…/photos/order` is no photo.
fn refusal(paths: &[(String, Vec<String>)], method: &str, path: &str) -> Error {
    let matching = paths.iter().filter(|(template, _)| matches(template, path));
    let most_exact = matching.min_by_key(|(template, _)| template.matches('{').count());
    let mut methods: Vec<&str> =
        most_exact.iter().flat_map(|(_, methods)| methods).map(String::as_str).collect();
    methods.sort_unstable();
    if methods.is_empty() || methods.contains(&method) {
        return Error::NotFound;
    }
    Error::MethodNotAllowed { allow: methods.join(", ") }
}

fn paths(contract: &str) -> Vec<(String, Vec<String>)> {
    let contract: Contract =
        serde_json::from_str(contract).expect("infra/openapi.json is an OpenAPI document");
    let methods = |items: serde_json::Map<String, _>| {
        let methods = items.keys().map(|method| method.to_uppercase());
        methods.filter(|method| METHODS.contains(&method.as_str())).collect()
    };
    contract.paths.into_iter().map(|(path, items)| (path, methods(items))).collect()
}

/// What a path item has beside these are its parameters and descriptions.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.trim_end_matches('/').split('/');
    let all = template.split('/').all(|expected| {
        segments
            .next()
            .is_some_and(|segment| expected == segment || (expected.starts_with('{') && !segment.is_empty()))
    });
    all && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_path_names_its_methods_and_an_unknown_one_is_not_found() {
        let paths = paths(
            r#"{"paths": {"/v1/listings/{id}": {"get": {}, "patch": {}, "parameters": []},
                "/v1/listings/mine": {"put": {}}, "/v1/listings": {"post": {}}}}"#,
        );
        let allow = |method, path| match refusal(&paths, method, path) {
            Error::MethodNotAllowed { allow } => Some(allow),
            _ => None,
        };
        assert_eq!(allow("PUT", "/v1/listings/lst_1").as_deref(), Some("GET, PATCH"));
        assert_eq!(allow("GET", "/v1/listings/mine").as_deref(), Some("PUT"), "the more exact of two");
        assert_eq!(allow("GET", "/v1/listings/").as_deref(), Some("POST"));
        assert_eq!(allow("PUT", "/v1/listings/lst_1/more"), None);
        assert_eq!(allow("PUT", "/nothing"), None);
    }
}

//! Any call of the product: `METHOD path?query`, then a body, on a stack with a few things on it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use bytes::Bytes;
use http::Request;
use roost_local::router::Router;
use roost_local::stack::{Options, Stack};
use roost_local::{all_functions, gateway};
use serde_json::Value;
use tokio::runtime::Runtime;

/// The product, started once.
pub(crate) struct Product {
    pub runtime: Runtime,
    pub stack: Stack,
    router: Router,
}

pub(crate) static PRODUCT: LazyLock<Product> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let stack = runtime.block_on(Stack::start(Options { memory: true, ..Options::default() }));
    let router = Router::to(all_functions().endpoints());
    Product { runtime, stack: stack.expect("the stack starts"), router }
});

/// Makes the call: whatever it is, the product answers in its own words and is not at fault.
pub(crate) fn read(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (token, body) = rest.split_once('\n').unwrap_or(("", rest));
    let Some((method, address)) = line.split_once(' ') else { return "no call".into() };
    // Of the input: under one key for all, only the first booking would be tried.
    let mut key = DefaultHasher::new();
    bytes.hash(&mut key);
    let mut request = Request::builder()
        .method(method)
        .uri(address)
        .header("host", "fuzz.local")
        .header("content-type", "application/json")
        .header("idempotency-key", format!("{:016x}", key.finish()));
    if !token.is_empty() {
        request = request.header("authorization", token);
    }
    let Ok(request) = request.body(Bytes::copy_from_slice(body.as_bytes())) else {
        return "no request".into();
    };
    let product = &*PRODUCT;
    let Some(taken) = product.router.find(request.method().as_str(), request.uri().path()) else {
        return "no route".into();
    };
    let app = product.stack.app();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Some(event) = gateway::arriving(&request, &taken, "fuzz", peer, app.clock.now()) else {
        return "no event".into();
    };
    let answer = product.runtime.block_on((taken.endpoint.handle)(app, event));
    let status = answer.status().as_u16();
    assert!(status < 500, "{line}: {status} {}", String::from_utf8_lossy(answer.body()));
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if status < 400 {
        assert!(status == 204 || !said.is_null(), "{line}: {status} without an answer");
        return format!("{} {status}", taken.endpoint.name);
    }
    let code = said["code"].as_str().expect("a problem has a code");
    assert_eq!(said["status"], status, "a problem has its status");
    // What is wrong with fields, but not with which value.
    let wrong: BTreeSet<String> = said["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["detail"].as_str())
        .map(|detail| {
            detail.split('`').step_by(2).collect::<String>().replace(|c: char| c.is_ascii_digit(), "")
        })
        .collect();
    format!("{} {code} {wrong:?}", taken.endpoint.name)
}

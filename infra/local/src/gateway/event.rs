//! API Gateway's event of a request (payload format 2.0), and what comes back.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{COOKIE, HOST, HeaderName, USER_AGENT};
use lambda_http::Body;
use roost::clock::Instant;
use serde_json::{Value, json};

use crate::router::Taken;

/// Whether an event's host, path and query make an address. `lambda_http` makes one of them, and panics where there
/// is none.
pub(super) fn has_address(event: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let host = event["headers"]["host"].as_str().unwrap_or("localhost");
    let address = format!("https://{host}{}?{}", text(&event["rawPath"]), text(&event["rawQueryString"]));
    url::Url::parse(&address).is_ok_and(|url| url.as_str().parse::<http::Uri>().is_ok())
}

/// The event of a request that a route has taken.
pub(super) fn of(
    request: &Request<Bytes>,
    taken: &Taken,
    request_id: &str,
    peer: IpAddr,
    now: Instant,
) -> Value {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (method, path) = (request.method().as_str(), request.uri().path());
    let route_key = match taken.endpoint.path {
        "$default" => "$default".to_owned(),
        path => format!("{} {path}", taken.endpoint.method),
    };
    let (body, encoded) = body(request.body());
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.uri().query().unwrap_or_default(),
        "headers": headers(request),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": header(HOST),
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.to_string(),
                "userAgent": header(USER_AGENT),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": encoded,
    });
    if let Some(body) = body {
        event["body"] = body.into();
    }
    if let Some(cookies) = header(COOKIE) {
        event["cookies"] = cookies.split(';').map(str::trim).collect();
    }
    if !taken.parameters.is_empty() {
        event["pathParameters"] = taken
            .parameters
            .iter()
            .cloned()
            .map(|(name, value)| (name, value.into()))
            .collect::<BTreeMap<&str, Value>>()
            .into_iter()
            .collect();
    }
    event
}

/// Names in small letters, several values of one name joined with commas; cookies stand apart, and of
/// the protocol API Gateway believes no client.
fn headers(request: &Request<Bytes>) -> BTreeMap<&str, String> {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    let is_passed_on = |name: &HeaderName| *name != COOKIE && name.as_str() != "x-forwarded-proto";
    for (name, value) in request.headers().iter().filter(|(name, _)| is_passed_on(name)) {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    headers
}

/// Text as it is, everything else in base 64.
fn body(bytes: &Bytes) -> (Option<String>, bool) {
    match std::str::from_utf8(bytes) {
        Ok("") => (None, false),
        Ok(text) => (Some(text.to_owned()), false),
        Err(_) => (Some(STANDARD.encode(bytes)), true),
    }
}

/// The bytes of a function's answer.
pub(super) fn bytes(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::RequestExt as _;
    use roost::http::Endpoint;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn taken() -> Taken {
        let endpoint = Endpoint {
            name: "get-thing",
            method: "POST",
            path: "/v1/things/{id}",
            handle: |_, _| Box::pin(async { roost::http::refuse(roost::error::Error::NotFound, "", "") }),
        };
        Taken { endpoint, parameters: vec![("id", "7".into())] }
    }

    #[test]
    fn a_request_goes_through_the_event_unchanged() {
        let taken = taken();
        for sent in [&b"{\"a\": 1}"[..], b"\xff\xfe", b""] {
            let request = Request::post("/v1/things/7?a=%C3%A9&b=")
                .header("Host", "127.0.0.1:3000")
                .header("X-Twice", "1")
                .header("X-Twice", "2")
                .header("Content-Type", "application/json")
                .body(Bytes::copy_from_slice(sent))
                .unwrap();
            let event = of(&request, &taken, "r-1", PEER, Instant::UNIX_EPOCH);
            let arrived = lambda_http::request::from_str(&event.to_string()).unwrap();
            assert_eq!(arrived.method(), "POST");
            assert_eq!(arrived.uri().path(), "/v1/things/7");
            assert_eq!(arrived.uri().query(), Some("a=%C3%A9&b="));
            assert_eq!(arrived.headers()["x-twice"], "1,2");
            assert_eq!(arrived.path_parameters().first("id"), Some("7"));
            assert_eq!(&arrived.body()[..], sent);
        }
    }

    #[test]
    fn a_request_without_an_address_goes_nowhere() {
        let event = |host: &str, target: &str| {
            let request = Request::post(target).header("Host", host).header("X-Forwarded-Proto", "1");
            of(&request.body(Bytes::new()).unwrap(), &taken(), "r-1", PEER, Instant::UNIX_EPOCH)
        };
        for host in ["localhost:3000", "Api.roost.local.", "127.0.0.1", "[::1]:3000", "4f3a_2"] {
            for target in ["/v1/things/7", "/v1/things/\"{}", "host.local:80"] {
                let event = event(host, target);
                assert!(has_address(&event), "{host}");
                let arrived = lambda_http::request::from_str(&event.to_string()).unwrap();
                assert_eq!(arrived.headers()["host"], host);
                assert!(!arrived.headers().contains_key("x-forwarded-proto"));
            }
        }
        for host in ["a b", "a:b", "a:65536", "[::1", "1.2.3.256", "a.0x7", "xn--a", "a%zz"] {
            assert!(!has_address(&event(host, "/v1/things/7")), "{host}");
        }
        assert!(!has_address(&event("localhost", &format!("/{}", "\"".repeat(22_000)))));
        let old = Request::get("/").body(Bytes::new()).unwrap();
        assert!(has_address(&of(&old, &taken(), "r-1", PEER, Instant::UNIX_EPOCH)), "HTTP/1.0 names no host");
    }
}

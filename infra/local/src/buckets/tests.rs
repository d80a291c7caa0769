//! The buckets as the product's adapter and a browser meet them.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use roost::app::App;
use roost::bucket::{Kind, Signed, Upload};

use crate::stack::{Options, Stack};

async fn stack() -> Stack {
    Stack::start(Options { memory: true, ..Options::default() }).await.expect("the stack starts")
}

async fn send(
    method: Method,
    url: &str,
    headers: &[(String, String)],
    body: &'static [u8],
) -> (u16, HeaderMap) {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from_static(body))).expect("a request");
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (parts, _) = client.request(request).await.expect("an answer").into_parts();
    (parts.status.as_u16(), parts.headers)
}

async fn signed(app: &App, key: &str, body: &[u8]) -> Signed {
    let sha256 = BASE64_STANDARD.encode(roost::secrets::fingerprint(body));
    let upload = Upload {
        key,
        content_type: "image/jpeg",
        bytes: body.len() as u64,
        sha256: &sha256,
        from: app.clock.now(),
        valid: Duration::from_mins(15),
    };
    app.photos().expect("a bucket").sign(upload).await.expect("a signature")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_put_read_listed_and_deleted() {
    let stack = stack().await;
    let app = stack.app();
    let bucket = app.failures().expect("a bucket");
    let kind = Kind { content_type: "application/json", cache_control: None };
    for key in ["aws/lambda/a", "aws/lambda/b", "other"] {
        bucket.put(key, key.into(), kind).await.expect("put");
    }
    assert_eq!(bucket.get("other", 5).await.expect("an answer").as_deref(), Some(b"other".as_slice()));
    assert!(bucket.get("other", 4).await.is_err(), "five bytes are more than four");
    assert_eq!(bucket.get("aws/lambda/c", 9).await.expect("an answer"), None);
    assert_eq!(bucket.list("aws/", None).await.expect("keys"), ["aws/lambda/a", "aws/lambda/b"]);
    assert_eq!(bucket.list("aws/", Some("aws/lambda/a")).await.expect("keys"), ["aws/lambda/b"]);
    bucket.delete("aws/lambda/b").await.expect("deleted");
    bucket.delete("aws/lambda/b").await.expect("deleted already");
    assert_eq!(bucket.list("", None).await.expect("keys"), ["aws/lambda/a", "other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_holds_for_one_length_type_and_content() {
    let stack = stack().await;
    let app = stack.app();
    let bucket = app.photos().expect("a bucket");
    let Signed { url, headers } = signed(&app, "uploads/one", b"the announced bytes").await;
    let put = |headers: Vec<(String, String)>, body| {
        let url = url.clone();
        async move { send(Method::PUT, &url, &headers, body).await.0 }
    };
    let other = |name: &str, value: &str| {
        let mut headers = headers.clone();
        headers.retain(|(own, _)| own != name);
        headers.push((name.into(), value.into()));
        headers
    };
    assert_eq!(put(headers.clone(), b"the announced bytes and more").await, 400);
    assert_eq!(put(other("content-type", "image/svg+xml"), b"the announced bytes").await, 403);
    assert_eq!(put(headers.clone(), b"THE ANNOUNCED BYTES").await, 400);
    let of_longer = BASE64_STANDARD.encode(roost::secrets::fingerprint(b"the announced bytes and more"));
    let longer = other("x-amz-checksum-sha256", &of_longer);
    assert_eq!(put(longer, b"the announced bytes and more").await, 403);
    assert_eq!(put(Vec::new(), b"the announced bytes").await, 403, "without the headers");
    assert_eq!(bucket.list("", None).await.expect("keys"), [""; 0], "nothing of what was refused is kept");
    assert_eq!(put(headers.clone(), b"the announced bytes").await, 200);
    assert_eq!(bucket.list("", None).await.expect("keys"), ["uploads/one"]);
    let bare = url.split('?').next().unwrap_or_default();
    assert_eq!(send(Method::PUT, bare, &headers, b"the announced bytes").await.0, 403);
    assert_eq!(send(Method::GET, bare, &[], b"").await.0, 403, "the bucket is private");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_upload_and_everybody_sees_photos_alone() {
    let stack = stack().await;
    let app = stack.app();
    let bucket = app.photos().expect("a bucket");
    let Signed { url, headers } = signed(&app, "uploads/one", b"bytes").await;
    let preflight = |origin: &str| {
        let asked: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        let headers = vec![
            ("origin".to_owned(), origin.to_owned()),
            ("access-control-request-method".to_owned(), "PUT".to_owned()),
            ("access-control-request-headers".to_owned(), asked.join(",")),
        ];
        let url = url.clone();
        async move { (send(Method::OPTIONS, &url, &headers, b"").await.1, asked) }
    };
    let (allowed, asked) = preflight("http://localhost:5173").await;
    assert_eq!(allowed["access-control-allow-origin"], "http://localhost:5173");
    assert_eq!(allowed["access-control-allow-methods"], "PUT");
    let listed = allowed["access-control-allow-headers"].to_str().expect("text");
    assert!(asked.iter().all(|name| listed.split(',').any(|allowed| allowed == name)), "{asked:?} {listed}");
    let (refused, _) = preflight("https://evil.example.com").await;
    assert!(!refused.contains_key("access-control-allow-origin"));

    let kind =
        Kind { content_type: "image/webp", cache_control: Some("public, max-age=31536000, immutable") };
    for key in ["photos/one/large", "uploads/one"] {
        bucket.put(key, b"bytes".to_vec(), kind).await.expect("put");
    }
    let shown = |path: &str| {
        let url = format!("{}{}/{path}", stack.url(), super::SHOWN);
        async move { send(Method::GET, &url, &[], b"").await }
    };
    let (status, headers) = shown("photos/one/large").await;
    assert_eq!((status, &headers["content-type"]), (200, &http::HeaderValue::from_static("image/webp")));
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    for hidden in ["uploads/one", "photos/../uploads/one", "photos/%2e%2e/uploads/one", "photos/none", ""] {
        assert_eq!(shown(hidden).await.0, 403, "{hidden}");
    }
}

//! CORS as API Gateway does it for an HTTP API: preflights are answered without a function, and the
//! answers to allowed origins carry the headers that let scripts read them.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::template::Cors;

impl Cors {
    /// The answer to a preflight; `None` when the request is none.
    pub(super) fn preflight(&self, request: &Request<Bytes>) -> Option<Response<()>> {
        let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request.headers().get(ORIGIN)?;
        if request.method() != Method::OPTIONS || !asks || self.origins.is_empty() {
            return None;
        }
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allowed(origin) {
            let headers = response.headers_mut();
            self.allow(origin, headers);
            insert(headers, ACCESS_CONTROL_ALLOW_METHODS, &self.methods.join(","));
            insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, &self.headers.join(","));
            insert(
                headers,
                ACCESS_CONTROL_MAX_AGE,
                &self.max_age.map(|age| age.to_string()).unwrap_or_default(),
            );
        }
        Some(response)
    }

    /// Lets scripts of `origin` read an answer, if that is an allowed one.
    pub(super) fn allow(&self, origin: &HeaderValue, headers: &mut HeaderMap) {
        if !self.allowed(origin) {
            return;
        }
        let any = self.origins.iter().any(|allowed| allowed == "*");
        let origin = if any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("origin"));
        insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed.join(","));
    }

    fn allowed(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_origin_is_let_in_and_another_is_not() {
        let cors = Cors {
            origins: vec!["https://app.example.com".into()],
            methods: vec!["GET".into(), "POST".into()],
            headers: vec!["authorization".into()],
            exposed: vec!["etag".into()],
            max_age: Some(600),
        };
        let preflight = |origin: &str, method: &str| {
            let request = Request::options("/v1/search")
                .header(ORIGIN, origin)
                .header(method, "GET")
                .body(Bytes::new())
                .unwrap();
            cors.preflight(&request)
        };
        let asks = "access-control-request-method";
        let allowed = preflight("https://app.example.com", asks).unwrap();
        assert_eq!(allowed.headers()["access-control-allow-methods"], "GET,POST");
        assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(allowed.headers()["access-control-expose-headers"], "etag");
        let refused = preflight("https://evil.example.com", asks).unwrap();
        assert_eq!((refused.status(), refused.headers().len()), (StatusCode::NO_CONTENT, 0));
        assert!(preflight("https://app.example.com", "x-other").is_none());
    }
}

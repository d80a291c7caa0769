//! `/docs`: the contract in the browser. Swagger UI comes as bytes in a crate; the page may load
//! nothing from another host.

use std::borrow::Cow;
use std::io::{Cursor, Read as _};

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Shows our contract, remembers the token that was typed in, and has every call ready to be tried.
const INITIALIZER: &str = r##"window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
};
"##;

/// What the page may do: its own files and calls to this stack. Swagger UI styles by attributes and
/// draws with images in the text.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/// The answer to a request for a path of the documentation; `None` for any other path.
pub(crate) fn answer(path: &str) -> Option<Response<Bytes>> {
    let under = path.strip_prefix("/docs")?;
    if under.is_empty() {
        // The page names its files beside itself.
        return Some(response(StatusCode::PERMANENT_REDIRECT, LOCATION, "/docs/", Bytes::new()));
    }
    let name = match under.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    Some(match content(name) {
        Some(content) => response(StatusCode::OK, CONTENT_TYPE, content_type(name), content),
        None => response(StatusCode::NOT_FOUND, CONTENT_TYPE, "text/plain", Bytes::from_static(b"Not Found")),
    })
}

fn content(name: &str) -> Option<Bytes> {
    if name == "swagger-initializer.js" {
        return Some(Bytes::from_static(INITIALIZER.as_bytes()));
    }
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).ok()?;
    // The archive is the project's, below a folder named for the version.
    let beside = |file: &str| {
        file.split_once("/dist/").is_some_and(|(root, rest)| !root.contains('/') && rest == name)
    };
    let files = archive.file_names().filter_map(Result::ok);
    let entry = files.map(Cow::into_owned).find(|file| beside(file))?;
    let mut content = Vec::new();
    archive.by_name(&entry).ok()?.read_to_end(&mut content).ok()?;
    Some(content.into())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

fn response(status: StatusCode, header: HeaderName, value: &'static str, content: Bytes) -> Response<Bytes> {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    response.headers_mut().insert(header, HeaderValue::from_static(value));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        let answer = answer(path).expect("a path of the documentation");
        assert_eq!(answer.status(), 200, "{path}");
        String::from_utf8(answer.into_body().to_vec()).expect("text")
    }

    #[test]
    fn every_file_that_the_page_names_is_there_and_none_is_elsewhere() {
        let page = text("/docs/");
        let named: Vec<&str> = page
            .split(['"', '\''])
            .filter(|word| [".css", ".js", ".png"].iter().any(|end| word.ends_with(end)))
            .collect();
        assert!(named.len() >= 5, "{page}");
        for file in named {
            assert!(!file.contains("//"), "{file} is elsewhere");
            let path = format!("/docs/{}", file.trim_start_matches("./"));
            assert_eq!(answer(&path).expect("a path").status(), 200, "{path}");
        }
        assert!(text("/docs/swagger-initializer.js").contains("\"/openapi.json\""));
        assert!(text("/docs/swagger-ui-bundle.js").contains("SwaggerUIBundle"));
        assert_eq!(answer("/docs").expect("the page").headers()[LOCATION], "/docs/");
        assert!(answer("/docsearch").is_none());
        assert_eq!(answer("/docs/../Cargo.toml").expect("a refusal").status(), 404);
    }
}

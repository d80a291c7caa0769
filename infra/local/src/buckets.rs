//! The buckets in this process: S3's interface with signatures checked, the objects as files. They are
//! served beside the API, under their names: `/roost-photos/…`. What CloudFront shows of them in a
//! deployment is shown under `/_local/cdn`.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::json;

use crate::bus::Bus;
use crate::template::Bucket;

/// Under which path an object that is shown to everybody is read, as from CloudFront.
pub const SHOWN: &str = "/_local/cdn";
/// What CloudFront shows of the bucket of photos: the policy in infra/photos.yaml says the same.
const SHOWN_KEYS: &str = "/photos/";

/// The buckets of a stack. Clones share them.
#[derive(Clone, Debug)]
pub struct Buckets(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    buckets: Vec<Bucket>,
    /// Where a bucket tells what was put into it.
    bus: Bus,
    /// Whoever has the local keys.
    signed: S3Service,
    /// CloudFront, which the bucket trusts.
    trusted: S3Service,
}

impl Buckets {
    /// The buckets, kept in a folder, where those are created that it lacks.
    ///
    /// # Errors
    /// A sentence that names the folder and why it cannot be used.
    pub fn open(folder: &Path, buckets: &[Bucket], bus: &Bus) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
        for bucket in buckets {
            std::fs::create_dir_all(folder.join(&bucket.name)).map_err(|error| failed(&error))?;
        }
        let files = || FileSystem::new(folder).map_err(|error| failed(&format!("{error:?}")));
        let mut signed = S3ServiceBuilder::new(files()?);
        signed.set_auth(keys());
        signed.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config()))));
        let trusted = S3ServiceBuilder::new(files()?);
        let (signed, trusted) = (signed.build(), trusted.build());
        Ok(Self(Arc::new(Parts { buckets: buckets.to_vec(), bus: bus.clone(), signed, trusted })))
    }

    /// The bucket that a path is in.
    #[must_use]
    pub(crate) fn of_path(&self, path: &str) -> Option<&Bucket> {
        let name = path.strip_prefix('/')?.split('/').next()?;
        self.0.buckets.iter().find(|bucket| bucket.name == name)
    }

    /// Answers a call of S3.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        if request.method() == Method::PUT && !is_what_it_says(&request) {
            // S3 has nothing of a body that differs from its checksum; the files would keep it.
            return refusal(StatusCode::BAD_REQUEST, "BadDigest", "The SHA256 you specified did not match.");
        }
        let put = (request.method() == Method::PUT).then(|| (request.uri().clone(), request.body().len()));
        let answer = serve(&self.0.signed, request).await;
        if let Some((uri, size)) = put.filter(|_| answer.status().is_success()) {
            self.tell(uri.path(), size);
        }
        answer
    }

    /// Tells of a new object, if its bucket is one that tells, in the words of S3:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
    fn tell(&self, path: &str, size: usize) {
        let Some(bucket) = self.of_path(path).filter(|bucket| bucket.tells) else { return };
        let key = path.trim_start_matches('/').trim_start_matches(&bucket.name).trim_start_matches('/');
        let detail = json!({
            "version": "0", "bucket": { "name": bucket.name }, "object": { "key": key, "size": size },
            "request-id": uuid::Uuid::new_v4().to_string(), "requester": "000000000000", "reason": "PutObject",
        });
        self.0.bus.put("default", "aws.s3", "Object Created", detail);
    }

    /// Answers a call of CloudFront: what is shown, to anybody.
    pub(crate) async fn show(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let missing = || refusal(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
        let path = request.uri().path().strip_prefix(SHOWN).unwrap_or_default();
        let bucket = self.0.buckets.iter().find(|bucket| bucket.id == "Photos");
        // Keys are ids and words. To S3 a dot is a letter like any other; to the files beneath it is a way out.
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'_';
        let is_shown = path.starts_with(SHOWN_KEYS) && path.bytes().all(is_key);
        let (Some(bucket), true) = (bucket, is_shown) else { return missing() };
        let Ok(uri) = format!("/{}{path}", bucket.name).parse::<Uri>() else { return missing() };
        let mut read = Request::get(uri);
        if let Some(host) = request.headers().get(http::header::HOST) {
            read = read.header(http::header::HOST, host);
        }
        match read.body(Bytes::new()) {
            Ok(read) if request.method() == Method::GET => {
                let answer = serve(&self.0.trusted, read).await;
                if answer.status() == StatusCode::NOT_FOUND { missing() } else { answer }
            }
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Photos are read."),
        }
    }
}

/// Whose signatures hold: everybody's with the local keys, and those of this process, which are others
/// where a developer has some of AWS in the environment.
fn keys() -> SimpleAuth {
    let mut keys = SimpleAuth::from_single("local", "local");
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        keys.register(id, secret.into());
    }
    keys
}

/// Signatures are dated by the product's clock, which may be moved far ahead of the machine's, by which
/// s3s checks them. They lapse by the machine's.
fn config() -> S3Config {
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    config
}

async fn serve(service: &S3Service, request: Request<Bytes>) -> Response<Bytes> {
    let answered = service.call(request.map(s3s::Body::from)).await;
    let broken = || refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "The bucket cannot be read.");
    let Ok(response) = answered else { return broken() };
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, body.to_bytes()),
        Err(_) => broken(),
    }
}

/// Whether a body has the SHA-256 that its header names, if it names one.
fn is_what_it_says(request: &Request<Bytes>) -> bool {
    let Some(named) = request.headers().get("x-amz-checksum-sha256") else { return true };
    let found = roost::secrets::fingerprint(request.body());
    named.as_bytes() == BASE64_STANDARD.encode(found).as_bytes()
}

/// A refusal in S3's words.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

#[cfg(test)]
mod tests;

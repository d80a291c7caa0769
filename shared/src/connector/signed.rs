//! Calls of services that no client of the SDK is here for, signed as its clients sign theirs.

use std::error::Error;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

/// Who calls which service, and when.
pub(crate) struct Signer<'a> {
    /// The service, as signatures name it: `es`.
    pub(crate) service: &'static str,
    /// Its region.
    pub(crate) region: &'a str,
    /// Who calls.
    pub(crate) credentials: &'a Credentials,
    /// Now.
    pub(crate) at: SystemTime,
}

impl Signer<'_> {
    /// A request with these headers, all of them signed, and its length.
    pub(crate) fn signed<'a>(
        &self,
        method: &'a str,
        uri: &str,
        headers: &[(&'a str, &'a str)],
        body: &'a [u8],
    ) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.header("content-length", body.len()).body(SdkBody::from(body))?;
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = request.uri().to_string();
        let signable = SignableRequest::new(method, uri, headers.iter().copied(), SignableBody::Bytes(body))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.try_into()?)
    }
}

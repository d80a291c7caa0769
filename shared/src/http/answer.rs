//! What a successful call answers.

/// A reply with its status and headers, not yet bytes: a replay renders the same reply again.
#[derive(Debug)]
pub struct Answer<R> {
    pub(super) status: u16,
    pub(super) reply: Option<R>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl<R> Answer<R> {
    /// 200 and the thing asked for.
    pub const fn ok(reply: R) -> Self {
        Self { status: 200, reply: Some(reply), headers: Vec::new() }
    }

    /// 201 and the thing created.
    pub const fn created(reply: R) -> Self {
        Self { status: 201, reply: Some(reply), headers: Vec::new() }
    }

    /// 204: done, and nothing to say.
    #[must_use]
    pub const fn done() -> Self {
        Self { status: 204, reply: None, headers: Vec::new() }
    }

    /// Where the thing created can be read.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.headers.push(("location", location));
        self
    }

    /// The version of the thing, for `If-Match`.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.headers.push(("etag", format!("\"{version}\"")));
        self
    }

    /// How long any cache may keep it, in seconds.
    #[must_use]
    pub fn cached(mut self, seconds: u32) -> Self {
        self.headers.push(("cache-control", format!("public, max-age={seconds}")));
        self
    }

    /// Marks the first answer of an idempotency key, given once more.
    #[must_use]
    pub fn replayed(mut self, replayed: bool) -> Self {
        if replayed {
            self.headers.push(("idempotency-replayed", "true".into()));
        }
        self
    }
}

//! Random bytes, from the system or from a seed: nothing else in the product draws its own.

use std::fmt;
use std::sync::Arc;

/// A source of random bytes. A simulation hands in a seeded one, so that a run can be repeated.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// The system's cryptographic random numbers.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that draws the system's")]
    pub fn system() -> Self {
        Self::of(|bytes| aws_lc_rs::rand::fill(bytes).expect("the system has random numbers"))
    }

    /// A source of the caller's.
    pub fn of(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A number from 0 to `bound - 1`: for jitter and sharding, where the slight bias of a
    /// remainder does not matter.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_be_bytes(self.bytes()) % bound.max(1)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

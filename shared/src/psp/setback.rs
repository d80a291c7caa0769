//! Why a provider did not do what was asked, and what to do about it.

use crate::payment::{Capture, Refund, Transferred, Void};

/// Why something was not done, or is not known to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Setback {
    /// The same may be done later.
    Passing(String),
    /// No retry mends it: an operator has to look.
    Lasting(String),
}

impl Setback {
    /// What to write down.
    pub(super) fn context(self) -> String {
        match self {
            Self::Passing(context) | Self::Lasting(context) => context,
        }
    }
}

impl From<Setback> for Capture {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Passing(context) => Self::Unknown { context },
            Setback::Lasting(context) => Self::Refused { context },
        }
    }
}

impl From<Setback> for Void {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Passing(context) => Self::Unknown { context },
            Setback::Lasting(context) => Self::Refused { context },
        }
    }
}

impl From<Setback> for Refund {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Passing(context) => Self::Unknown { context },
            Setback::Lasting(context) => Self::Refused { context },
        }
    }
}

impl From<Setback> for Transferred {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Passing(context) => Self::Unknown { context },
            Setback::Lasting(context) => Self::Refused { context },
        }
    }
}

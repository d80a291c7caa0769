//! What a stack keeps beside its tables when it is told to keep its data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The small state of a stack, written down at every change where there is a file for it.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

/// The state itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    /// How far the clock is ahead of the machine's, in milliseconds.
    pub(crate) clock_ahead: i64,
    /// Where each consumer stands in its stream.
    pub(crate) positions: BTreeMap<String, String>,
}

impl Saved {
    /// What was saved in `file`; nothing yet when there is none.
    ///
    /// # Errors
    /// A sentence when the file cannot be read or holds something else.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, String> {
        let Some(path) = &file else { return Ok(Self::default()) };
        let state = match std::fs::read(path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// The state as it is.
    #[must_use]
    pub(crate) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the state and writes it down.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let Some(file) = &self.file else { return };
        // Written whole beside the old one, then put in its place: a crash leaves one or the other.
        let draft = file.with_extension("draft");
        let text = serde_json::to_vec_pretty(&*state).unwrap_or_default();
        if let Err(error) = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, file)) {
            tracing::error!(%error, file = %file.display(), "the stack's state could not be written");
        }
    }
}

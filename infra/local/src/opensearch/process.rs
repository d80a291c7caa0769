//! A child process, and who may end it while somebody waits for it.

use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A child process. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Process(Arc<Mutex<Child>>);

impl Process {
    pub(super) fn of(child: Child) -> Self {
        Self(Arc::new(Mutex::new(child)))
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(lock(&self.0).try_wait(), Ok(None))
    }

    /// Returns when it has ended. Nobody can kill it meanwhile: for one that has closed its output.
    pub(super) fn wait(&self) -> std::io::Result<ExitStatus> {
        lock(&self.0).wait()
    }

    /// Kills it; one that has ended is left as it is.
    pub(super) fn kill(&self) {
        let mut child = lock(&self.0);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The process that a start waits for at present, the fetch or the server. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Awaited(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    /// Nobody waits for the start any more.
    is_over: bool,
}

impl Awaited {
    /// From here on the start waits for this one, which is killed at once where nobody waits for the start.
    pub(super) fn set(&self, process: &Process) {
        let mut state = lock(&self.0);
        if state.is_over {
            process.kill();
        }
        state.process = Some(process.clone());
    }

    /// The start has come to its end: its process is its owner's alone.
    pub(super) fn clear(&self) {
        lock(&self.0).process = None;
    }
}

/// Kept by whoever waits for a start, from another thread. Dropped, it kills what the start waits for:
/// a thread that reads what a process says hears of nothing else, and goes on once that has ended.
#[derive(Debug, Default)]
pub(crate) struct Patience(Awaited);

impl Patience {
    /// What the start is to be given.
    pub(crate) fn awaited(&self) -> Awaited {
        self.0.clone()
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.is_over = true;
        if let Some(process) = state.process.take() {
            process.kill();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    /// A process that ends with its input alone, and whoever would write that.
    fn endless() -> (Process, std::process::ChildStdin, std::process::ChildStdout) {
        let command = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = command.expect("there is a cat");
        let pipes = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        (Process::of(child), pipes.0, pipes.1)
    }

    #[test]
    fn a_start_that_nobody_waits_for_has_no_process() {
        let patience = Patience::default();
        let awaited = patience.awaited();
        let (fetch, _input, mut output) = endless();
        awaited.set(&fetch);
        let reading = std::thread::spawn(move || output.read_to_end(&mut Vec::new()).is_ok());
        drop(patience);
        assert!(reading.join().unwrap(), "the reader comes to the end");
        assert!(!fetch.wait().unwrap().success());
        let (later, _input, _output) = endless();
        awaited.set(&later);
        assert!(later.has_ended(), "nor does it get another one");
    }

    #[test]
    fn a_server_that_is_up_outlives_the_wait_for_it() {
        let patience = Patience::default();
        let (server, _input, _output) = endless();
        patience.awaited().set(&server);
        patience.awaited().clear();
        drop(patience);
        assert!(!server.has_ended());
        server.kill();
    }
}

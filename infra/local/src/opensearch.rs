//! The search server: a real OpenSearch on this machine, fetched once and run as a child process.

mod fetch;
mod java;
mod process;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::root;
use process::Process;

pub(crate) use process::{Awaited, Patience};

/// How many of its last lines are shown when it does not start.
const LAST_LINES: usize = 20;

/// A running OpenSearch. It ends with its last owner, and with this process however that ends.
#[derive(Clone, Debug)]
pub struct OpenSearch(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    url: String,
    process: Process,
    _folder: tempfile::TempDir,
}

impl OpenSearch {
    /// Starts one; fetches it first where this user has not got it yet. `tell` hears of the progress.
    /// Blocks until it answers: 5 seconds on an idle machine.
    ///
    /// # Errors
    /// A sentence for the developer: what is missing, or the server's own last words.
    pub fn start(tell: impl Fn(&str)) -> Result<Self, String> {
        Self::start_while(&Awaited::default(), tell)
    }

    /// The same for as long as somebody waits for it, who has the other side of `awaited`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn start_while(awaited: &Awaited, tell: impl Fn(&str)) -> Result<Self, String> {
        let java = java::find()?;
        let jars = fetch::jars(awaited, &tell)?;
        let folder = tempfile::Builder::new().prefix("roost-search-").tempdir();
        let folder = folder.map_err(|error| error.to_string())?;
        let mut child = Command::new(&java)
            .args(["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC"])
            .args(["--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"])
            .arg("-cp")
            .arg(jars.join("*"))
            .arg(root().join("infra/local/opensearch/Search.java"))
            .arg(folder.path())
            // The server ends when its input does: when this process does, however that comes about.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", java.display()))?;
        let output = child.stdout.take().ok_or("the search server has no output")?;
        // From here on whatever happens ends the server.
        let mut parts = Parts { url: String::new(), process: Process::of(child), _folder: folder };
        awaited.set(&parts.process);
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut last: Vec<String> = Vec::new();
        let port = lines.by_ref().find_map(|line| {
            let port = line.split_once("listening on ").and_then(|(_, port)| port.trim().parse::<u16>().ok());
            last.push(line);
            if last.len() > LAST_LINES {
                last.remove(0);
            }
            port
        });
        let port = port.ok_or_else(|| format!("the search server did not start:\n{}", last.join("\n")))?;
        // Its log is read on, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        parts.url = format!("http://127.0.0.1:{port}");
        awaited.clear();
        Ok(Self(Arc::new(parts)))
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Whether it has ended, which nobody has asked of it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.process.has_ended()
    }

    /// Kills it, as a machine that fails would. For tests.
    pub fn kill(&self) {
        self.0.process.kill();
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.process.kill();
    }
}

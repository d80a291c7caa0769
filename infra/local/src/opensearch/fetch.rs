//! Fetching OpenSearch: its published jars, through Maven, once for each user.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::root;

/// The version that pom.xml names; a folder of its own for each.
const VERSION: &str = "3.8.0.0";
/// How many jars come over the net, Maven's own among them, for the progress.
const FILES: usize = 160;
/// The plugin that copies them.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The folder with the jars; fetched first where this user has not got them yet.
///
/// # Errors
/// A sentence that says what is missing.
pub(super) fn jars(tell: impl Fn(&str)) -> Result<PathBuf, String> {
    let caches = dirs::cache_dir().ok_or("this user has no cache folder")?.join("roost");
    let kept = caches.join(format!("opensearch-{VERSION}"));
    if kept.is_dir() {
        return Ok(kept);
    }
    std::fs::create_dir_all(&caches).map_err(|error| format!("{}: {error}", caches.display()))?;
    // Beside the place that it is moved to when it is whole.
    let folder = tempfile::Builder::new().prefix("fetching-").tempdir_in(&caches);
    let folder = folder.map_err(|error| format!("{}: {error}", caches.display()))?;
    fetch(folder.path(), &tell)?;
    match std::fs::rename(folder.path(), &kept) {
        Ok(()) => Ok(kept),
        // Another process was faster.
        Err(_) if kept.is_dir() => Ok(kept),
        Err(error) => Err(format!("{}: {error}", kept.display())),
    }
}

fn fetch(folder: &Path, tell: &impl Fn(&str)) -> Result<(), String> {
    tell("Fetching OpenSearch with Maven: 71 MB, once.");
    let mut maven = Command::new("mvn")
        .args(["--batch-mode", "--file"])
        .arg(root().join("infra/local/opensearch/pom.xml"))
        .args([COPY, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no Maven: install it (Debian: maven)".to_owned(),
            _ => format!("mvn: {error}"),
        })?;
    let output = maven.stdout.take().ok_or("mvn has no output")?;
    let (mut fetched, mut trouble) = (0, Vec::new());
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // Downloaded first, then copied; Maven's own plugins are not counted.
        let is_jar = line.contains("Downloaded from") && line.contains(".jar");
        fetched += usize::from(is_jar);
        if is_jar && fetched % 20 == 0 {
            tell(&format!("Fetching OpenSearch: {fetched} of about {FILES} files."));
        }
        if line.contains("ERROR") {
            trouble.push(line);
        }
    }
    let ended = maven.wait().map_err(|error| format!("mvn: {error}"))?;
    if ended.success() {
        Ok(())
    } else {
        Err(format!("Maven could not fetch OpenSearch:\n{}", trouble.join("\n")))
    }
}

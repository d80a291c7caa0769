//! Fetching OpenSearch: its published jars, through Maven, once for each user.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Awaited, Process};
use crate::root;

/// The version that pom.xml names; a folder of its own for each.
const VERSION: &str = "3.8.0.0";
/// What the folders of fetches are called that are not done.
const FETCHING: &str = "fetching-";
/// How old such a folder is when nobody fetches into it any more: another start may be at it.
const LEFT_AFTER: Duration = Duration::from_hours(1);
/// How many jars come over the net, Maven's own among them, for the progress.
const FILES: usize = 160;
/// The plugin that copies them.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The folder with the jars; fetched first where this user has not got them yet.
///
/// # Errors
/// A sentence that says what is missing.
pub(super) fn jars(awaited: &Awaited, tell: impl Fn(&str)) -> Result<PathBuf, String> {
    let caches = dirs::cache_dir().ok_or("this user has no cache folder")?.join("roost");
    remove_left(&caches, LEFT_AFTER);
    let kept = caches.join(format!("opensearch-{VERSION}"));
    if kept.is_dir() {
        return Ok(kept);
    }
    std::fs::create_dir_all(&caches).map_err(|error| format!("{}: {error}", caches.display()))?;
    // Beside the place that it is moved to when it is whole.
    let folder = tempfile::Builder::new().prefix(FETCHING).tempdir_in(&caches);
    let folder = folder.map_err(|error| format!("{}: {error}", caches.display()))?;
    fetch(folder.path(), awaited, &tell)?;
    match std::fs::rename(folder.path(), &kept) {
        Ok(()) => Ok(kept),
        // Another process was faster.
        Err(_) if kept.is_dir() => Ok(kept),
        Err(error) => Err(format!("{}: {error}", kept.display())),
    }
}

/// Removes what fetches have left that were killed together with whoever would have removed it.
fn remove_left(caches: &Path, age: Duration) {
    for entry in std::fs::read_dir(caches).into_iter().flatten().filter_map(Result::ok) {
        let changed = entry.metadata().and_then(|found| found.modified()).ok();
        let is_old = changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|passed| passed >= age);
        if is_old && entry.file_name().to_string_lossy().starts_with(FETCHING) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn fetch(folder: &Path, awaited: &Awaited, tell: &impl Fn(&str)) -> Result<(), String> {
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
    let maven = Process::of(maven);
    awaited.set(&maven);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_fetch_has_left_is_removed_once_it_is_old() {
        let caches = tempfile::tempdir().unwrap();
        let (left, kept) = (caches.path().join("fetching-1"), caches.path().join("opensearch-1"));
        for folder in [&left, &kept] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("some.jar"), b"").unwrap();
        }
        remove_left(caches.path(), LEFT_AFTER);
        assert!(left.is_dir(), "somebody may be at it");
        remove_left(caches.path(), Duration::ZERO);
        assert!(!left.exists() && kept.join("some.jar").is_file());
        remove_left(&left, Duration::ZERO);
    }
}

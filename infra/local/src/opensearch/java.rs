//! Finding a JDK that runs OpenSearch.

use std::path::{Path, PathBuf};

/// The oldest JDK that OpenSearch 3 runs on.
const OLDEST: u32 = 21;
/// Where systems keep their JDKs.
const PLACES: [&str; 4] = ["/usr/lib/jvm", "/usr/java", "/opt/java", "/Library/Java/JavaVirtualMachines"];

/// The `java` of a JDK that is new enough: that of `JAVA_HOME`, on the path, or where systems keep them.
///
/// # Errors
/// A sentence that says what to install.
pub(super) fn find() -> Result<PathBuf, String> {
    let named = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path)
            .filter_map(|folder| folder.join(executable()).canonicalize().ok())
            .filter_map(|java| Some(java.parent()?.parent()?.to_path_buf()))
            .collect::<Vec<_>>()
    });
    let kept = PLACES.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten();
    let kept = kept.filter_map(|entry| Some(entry.ok()?.path()));
    let kept = kept.flat_map(|folder| [folder.join("Contents/Home"), folder]);
    named
        .into_iter()
        .chain(on_path)
        .chain(kept)
        .find(|home| version(home).is_some_and(|version| version >= OLDEST))
        .map(|home| home.join("bin").join(executable()))
        .ok_or_else(|| format!("there is no JDK {OLDEST} or newer: install one (Debian: openjdk-21-jdk-headless), or set JAVA_HOME"))
}

fn executable() -> String {
    format!("java{}", std::env::consts::EXE_SUFFIX)
}

/// The major version of the JDK in a folder, as its file `release` says it. A runtime without a
/// compiler does not count: the server is started from a source file.
fn version(home: &Path) -> Option<u32> {
    if !home.join("bin").join(format!("javac{}", std::env::consts::EXE_SUFFIX)).is_file() {
        return None;
    }
    let release = std::fs::read_to_string(home.join("release")).ok()?;
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    version.trim_matches('"').split('.').next()?.parse().ok()
}

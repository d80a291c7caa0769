//! Tools from PyPI: pinned, each set in a virtual environment of its own under `target/tools`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The folder of a virtual environment with these packages; made first where it is not there yet.
///
/// # Errors
/// A sentence with what failed: there is no Python, or no way to the registry.
pub fn installed(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = roost_local::root().join("target/tools");
    let home = folder.join(name);
    let mark = home.join(packages.join(" "));
    if !mark.exists() {
        eprintln!("Installing {} into {}", packages.join(" and "), home.display());
        std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
        let quiet = ["install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(home.join("bin/pip")).args(quiet).args(packages))?;
        std::fs::write(&mark, "").map_err(|why| format!("{}: {why}", mark.display()))?;
    }
    Ok(home)
}

/// Runs a command to its end; what it printed on standard output.
///
/// # Errors
/// What it printed when it fails.
pub fn run(command: &mut Command) -> Result<String, String> {
    let named = format!("{command:?}");
    let done = command.stdin(Stdio::null()).output().map_err(|why| format!("{named}: {why}"))?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(out);
    }
    Err(format!("{named}: {}\n{out}\n{}", done.status, String::from_utf8_lossy(&done.stderr)))
}

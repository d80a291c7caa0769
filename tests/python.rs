//! Tools from PyPI: pinned, each set in a virtual environment of its own under `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use crate::command::run;

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

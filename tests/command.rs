//! Programs of others, run to their end.

use std::process::{Command, Stdio};

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

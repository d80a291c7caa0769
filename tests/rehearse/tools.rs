//! The tools of the rehearsal: from PyPI, pinned, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is installed. The emulator applies the SAM transform with what aws-sam-cli brings.
pub(crate) const PINNED: [&str; 2] = ["ministack==1.5.33", "aws-sam-cli==1.167.0"];

/// The virtual environment.
pub(crate) struct Tools(PathBuf);

impl Tools {
    /// The tools, installed under `folder` unless they are there already.
    pub(crate) fn installed(folder: &Path) -> Result<Self, String> {
        let home = folder.join("rehearsal");
        let mark = home.join(PINNED.join(" "));
        if !mark.exists() {
            println!("Installing {} into {}", PINNED.join(" and "), home.display());
            std::fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
            let quiet = ["install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(home.join("bin/pip")).args(quiet).args(PINNED))?;
            std::fs::write(&mark, "").map_err(|why| format!("{}: {why}", mark.display()))?;
        }
        Ok(Self(home))
    }

    /// A command of the virtual environment, with an environment that reaches no real account.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.0.join("bin").join(name));
        let settings = [
            ("AWS_ACCESS_KEY_ID", super::emulator::ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", super::emulator::ROOT_KEY),
            ("AWS_DEFAULT_REGION", super::emulator::REGION),
            ("AWS_REGION", super::emulator::REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("SAM_CLI_TELEMETRY", "0"),
        ];
        command.envs(settings).env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        command
    }

    /// `sam validate --lint` of the template, and its linter on the nested one, which that leaves out.
    pub(crate) fn validate(&self, root: &Path) -> Result<(), String> {
        let validate = ["validate", "--lint", "--template-file", "template.yaml"];
        run(self.command("sam").args(validate).current_dir(root))?;
        run(self.command("cfn-lint").args(["template.yaml", "infra/data.yaml"]).current_dir(root))?;
        Ok(())
    }
}

/// Runs a command to its end; what it printed on standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let named = format!("{command:?}");
    let done = command.stdin(Stdio::null()).output().map_err(|why| format!("{named}: {why}"))?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(out);
    }
    Err(format!("{named}: {}\n{out}\n{}", done.status, String::from_utf8_lossy(&done.stderr)))
}

//! The tools of the rehearsal: from PyPI, pinned, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use roost_tests::command::run;
use roost_tests::python;

/// What is installed. The emulator applies the SAM transform with what aws-sam-cli brings.
pub(crate) const PINNED: [&str; 2] = ["ministack==1.5.33", "aws-sam-cli==1.167.0"];

/// The virtual environment.
pub(crate) struct Tools(PathBuf);

impl Tools {
    /// The tools, installed unless they are there already.
    pub(crate) fn installed() -> Result<Self, String> {
        python::installed("rehearsal", &PINNED).map(Self)
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

    /// `sam validate --lint` of the template, and its linter on the nested ones, which that leaves out.
    pub(crate) fn validate(&self, root: &Path) -> Result<(), String> {
        let validate = ["validate", "--lint", "--template-file", "template.yaml"];
        run(self.command("sam").args(validate).current_dir(root))?;
        let templates = ["template.yaml", "infra/data.yaml", "infra/operations.yaml", "infra/photos.yaml"];
        run(self.command("cfn-lint").args(templates).current_dir(root))?;
        Ok(())
    }
}

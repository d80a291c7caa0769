//! The functions as they ship, and the template with each function's code beside it, which is what
//! `sam build` leaves: the binaries here come from one `cargo build`, so that forty functions are not
//! forty builds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The template and the code, ready to be uploaded.
pub(crate) struct Package {
    /// The template that names the code's folders.
    pub(crate) template: PathBuf,
    /// Every function's binary with its size in bytes.
    pub(crate) binaries: Vec<(String, u64)>,
}

/// Builds all functions in release and lays them out under `target/rehearsal/build`.
pub(crate) fn built(root: &Path) -> Result<Package, String> {
    let template = read(&root.join("template.yaml"))?;
    let folder = root.join("target/rehearsal/build");
    let _ = std::fs::remove_dir_all(&folder);
    let binaries = binaries(&template);
    let made = compiled(root, &binaries)?;
    let mut sizes = Vec::new();
    for binary in &binaries {
        let home = folder.join(binary);
        let from = made.join(binary);
        let wrong = |why: std::io::Error| format!("{}: {why}", from.display());
        std::fs::create_dir_all(&home).map_err(wrong)?;
        sizes.push((binary.clone(), std::fs::copy(&from, home.join("bootstrap")).map_err(wrong)?));
    }
    let laid_out = laid_out(&template, root);
    let file = folder.join("template.yaml");
    std::fs::write(&file, laid_out).map_err(|why| format!("{}: {why}", file.display()))?;
    Ok(Package { template: file, binaries: sizes })
}

impl Package {
    pub(crate) fn summary(&self) -> String {
        let largest = self.binaries.iter().max_by_key(|(_, size)| *size);
        let mut summary = format!("{} binaries in release", self.binaries.len());
        if let Some((name, size)) = largest {
            let _ = write!(summary, ", the largest {name} with {:.1} MB", bytes_to_megabytes(*size));
        }
        summary
    }
}

fn bytes_to_megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The binaries that the template names.
fn binaries(template: &str) -> Vec<String> {
    template.lines().filter_map(binary).map(str::to_owned).collect()
}

fn binary(line: &str) -> Option<&str> {
    line.split_once("BuildProperties: {Binary: ")?.1.split('}').next()
}

/// The template as `sam build` writes it: each function's code is a folder with its `bootstrap`.
fn laid_out(template: &str, root: &Path) -> String {
    let mut code = String::new();
    let mut lines = String::new();
    for line in template.lines() {
        if let Some(binary) = binary(line) {
            binary.clone_into(&mut code);
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        match line.trim_start().split_once(": ") {
            Some(("CodeUri", _)) => lines.extend([indent, "CodeUri: ", &code]),
            Some(("TemplateURL", nested)) => {
                lines.extend([indent, "TemplateURL: ", &root.join(nested).to_string_lossy()]);
            }
            _ => lines.push_str(line),
        }
        lines.push('\n');
    }
    lines
}

/// Builds the binaries; the folder they are in.
fn compiled(root: &Path, binaries: &[String]) -> Result<PathBuf, String> {
    let mut build = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    build.current_dir(root).args([
        "build",
        "--release",
        "--locked",
        "--message-format",
        "json-render-diagnostics",
    ]);
    for package in packages(root)? {
        build.args(["--package", &package]);
    }
    for binary in binaries {
        build.args(["--bin", binary]);
    }
    let out = build.stderr(std::process::Stdio::inherit()).output().map_err(|why| format!("cargo: {why}"))?;
    if !out.status.success() {
        return Err("the functions do not build".into());
    }
    // Where a build goes is the developer's to choose: cargo says where each binary is.
    let text = String::from_utf8_lossy(&out.stdout);
    let mut made = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable = made.find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    let folder = executable.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    folder.ok_or_else(|| "cargo built no function".into())
}

/// The packages under `functions`: built alone, so that nothing of the local stack is in their features.
fn packages(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("functions");
    let entries = std::fs::read_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let names = entries.filter_map(Result::ok).filter(|entry| entry.path().join("Cargo.toml").is_file());
    Ok(names.map(|entry| format!("roost-{}", entry.file_name().to_string_lossy())).collect())
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))
}

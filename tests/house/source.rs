//! Source files as the rules read them: without comments and without their own tests, and by
//! function.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One source file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its code: no comments, no unit tests, no line breaks before a `.`.
    pub(crate) code: String,
}

impl Source {
    /// The file's name without its ending; a `mod.rs` has its folder's name.
    pub(crate) fn stem(&self) -> String {
        let mut parts = self.path.rsplit('/');
        let stem = parts.next().unwrap_or_default().trim_end_matches(".rs");
        if stem == "mod" { parts.next().unwrap_or_default() } else { stem }.to_owned()
    }

    /// What it imports from the module of this name in its own package.
    pub(crate) fn imports(&self, module: &str) -> BTreeSet<String> {
        let statements = self.code.split("use crate::").skip(1).filter_map(|rest| rest.split_once(';'));
        let words = |text: &str| {
            let words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let named = statements.map(|(statement, _)| words(statement));
        named.filter(|words| words.first().is_some_and(|first| first == module)).flatten().collect()
    }

    /// The bodies of its functions and methods, by name; those of one name joined.
    pub(crate) fn functions(&self) -> BTreeMap<String, String> {
        let mut functions: BTreeMap<String, String> = BTreeMap::new();
        for (at, _) in self.code.match_indices("fn ") {
            let starts_a_word =
                self.code[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            let rest = &self.code[at + "fn ".len()..];
            let name: String = rest
                .chars()
                .take_while(|character| character.is_alphanumeric() || *character == '_')
                .collect();
            if starts_a_word && !name.is_empty() {
                functions.entry(name).or_default().push_str(body(rest));
            }
        }
        functions
    }
}

/// From the first `{` to its counterpart. Braces in texts are balanced in this code base.
pub(crate) fn body(code: &str) -> &str {
    let Some(start) = code.find(['{', ';']).filter(|at| code[*at..].starts_with('{')) else { return "" };
    let mut depth = 0_usize;
    for (at, character) in code[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &code[start..=start + at];
        }
    }
    &code[start..]
}

/// The folders in a folder, in order.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = entries(folder).into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The Rust files in a folder and below, in order.
pub(crate) fn read_folder(folder: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(read_folder(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file can be read");
            files.push(Source { path: from_root(&path), code: code(&text) });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a folder of their own").to_owned()
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut code = String::with_capacity(product.len());
    for line in product.lines() {
        let line = line
            .split_once("//")
            .filter(|(before, _)| !before.contains('"'))
            .map_or(line, |(before, _)| before);
        let trimmed = line.trim();
        if trimmed.starts_with('.') {
            code.push_str(trimmed);
        } else {
            code.push('\n');
            code.push_str(line.trim_end());
        }
    }
    code
}

//! A handler is short, a main is three lines, and a binary's name is the function's.

use std::collections::BTreeMap;

use crate::none_of;
use crate::source::{body, read_folder, root};

/// How many lines a handler has at most between its braces.
const LONGEST_HANDLER: usize = 20;

#[test]
fn a_handler_fits_in_twenty_lines() {
    let mut offences = Vec::new();
    for file in read_folder(&root().join("functions")) {
        let text = std::fs::read_to_string(root().join(&file.path)).expect("a source file can be read");
        for (at, _) in text.match_indices("async fn run(app: App") {
            let lines = body(&text[at..]).lines().count().saturating_sub(2);
            if lines > LONGEST_HANDLER {
                offences.push(format!("{}: {lines} lines", file.path));
            }
        }
    }
    none_of(
        "A handler parses, authorizes, commands, stores and replies in at most 20 lines; move the rest to the domain:",
        &offences,
    );
}

#[test]
fn a_binary_is_three_lines_and_its_name_is_its_own() {
    let mut offences = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for file in
        read_folder(&root().join("functions")).into_iter().filter(|file| file.path.contains("/src/bin/"))
    {
        *names.entry(file.stem()).or_default() += 1;
        let main = body(file.code.split("fn main").nth(1).unwrap_or_default());
        if main.lines().count() != 3 || !main.contains("serve") {
            offences.push(format!("{}: its main serves one function and does nothing else", file.path));
        }
        let package = file.path.split("/src/bin/").next().unwrap_or_default();
        let manifest = std::fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap_or_default();
        let entry = format!("{{ name = \"{}\", test = false }}", file.stem());
        if !manifest.contains(&entry) {
            offences.push(format!(
                "{package}/Cargo.toml: add {entry} to bin, or `cargo test` links it for nothing"
            ));
        }
        if file.stem().chars().any(|character| !character.is_ascii_lowercase() && character != '-') {
            offences.push(format!("{}: a binary's name is kebab-case", file.path));
        }
    }
    let twins = names.into_iter().filter(|(_, times)| *times > 1);
    offences
        .extend(twins.map(|(name, times)| format!("{name}: {times} binaries of this name in the workspace")));
    none_of("A binary serves one function under a name of its own:", &offences);
}

#[test]
fn a_file_is_a_room() {
    let mut offences = Vec::new();
    for folder in ["shared/src", "functions", "infra/local/src", "tests"] {
        for file in read_folder(&root().join(folder)) {
            let text = std::fs::read_to_string(root().join(&file.path)).expect("a source file can be read");
            let lines = text.lines().count();
            if lines > 650 {
                offences.push(format!("{}: {lines} lines", file.path));
            }
            if !text.starts_with("//!") {
                offences.push(format!("{}: its first line says what it is: //! …", file.path));
            }
        }
    }
    none_of("A file is one room, and says at its door which:", &offences);
}

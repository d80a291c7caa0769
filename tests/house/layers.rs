//! The domain knows neither AWS nor HTTP; functions know no AWS SDK; the store is the one place of
//! table input and output.

use crate::none_of;
use crate::source::{folders, read_folder, root};

/// The adapters: everything else in `shared/src` is the domain.
const ADAPTERS: [&str; 13] = [
    "store",
    "bucket",
    "bus",
    "ses",
    "psp",
    "index",
    "secrets_manager",
    "http",
    "app",
    "config",
    "connector",
    "function",
    "deployment",
];

/// What the domain does not import. `aws_lc_rs` is cryptography, not AWS.
const FOREIGN: [&str; 11] = [
    "aws_sdk_",
    "aws_smithy_",
    "aws_lambda_events",
    "lambda_",
    "hyper",
    "http::",
    "http_body",
    "crate::store",
    "crate::psp",
    "crate::index",
    "serde_dynamo",
];

#[test]
fn the_domain_knows_neither_aws_nor_http() {
    let mut offences = Vec::new();
    for file in read_folder(&root().join("shared/src")) {
        let room = file.path.trim_start_matches("shared/src/").split(['/', '.']).next().unwrap_or_default();
        if ADAPTERS.contains(&room) || room == "lib" {
            continue;
        }
        for line in file.code.lines() {
            let foreign = FOREIGN.iter().find(|name| {
                line.find(*name).is_some_and(|at| {
                    line[..at]
                        .chars()
                        .next_back()
                        .is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != '/')
                })
            });
            if let Some(name) = foreign {
                offences.push(format!("{}: {name} in `{}`", file.path, line.trim()));
            }
        }
    }
    none_of(
        "Domain modules import neither AWS nor HTTP; put the call into an adapter of shared/src:",
        &offences,
    );
}

#[test]
fn functions_depend_on_no_aws_sdk() {
    let mut offences = Vec::new();
    for package in folders(&root().join("functions")) {
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).expect("a package has a manifest");
        for line in manifest.lines() {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if ["aws", "lambda", "hyper", "serde_dynamo"].iter().any(|foreign| name.starts_with(foreign)) {
                offences.push(format!("{}: {line}", package.display()));
            }
        }
    }
    none_of(
        "Function packages depend on `roost`, which re-exports what a handler needs, and on no AWS crate:",
        &offences,
    );
}

#[test]
fn the_tables_are_reached_from_the_store_alone() {
    let mut offences = Vec::new();
    for folder in ["shared/src", "functions"] {
        for file in read_folder(&root().join(folder)) {
            let adapter =
                file.path.starts_with("shared/src/store/") || file.path == "shared/src/connector.rs";
            if !adapter && file.code.contains("aws_sdk_dynamodb") {
                offences.push(file.path);
            }
        }
    }
    none_of("Calls of the tables are methods of `Store` in shared/src/store:", &offences);
}

#[test]
fn every_dependency_s_version_stands_in_the_workspace_s_table() {
    let mut offences = Vec::new();
    let functions = folders(&root().join("functions"));
    let others = ["shared", "infra/local", "tests", "tests/proof"].map(|folder| root().join(folder));
    for package in functions.into_iter().chain(others) {
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).expect("a package has a manifest");
        let own = manifest.lines().filter(|line| line.contains("version = \"") || line.contains(" = \"="));
        offences.extend(own.map(|line| format!("{}: {line}", package.display())));
        if !manifest.contains("[lints]\nworkspace = true") {
            offences.push(format!("{}: add [lints] workspace = true", package.display()));
        }
    }
    none_of("Members inherit versions and lints from the workspace:", &offences);
}

#[test]
fn mistakes_are_planted_for_the_proof_alone() {
    let functions = folders(&root().join("functions"));
    let others = ["infra/local", "tests"].map(|folder| root().join(folder));
    let mut offences = Vec::new();
    for package in functions.into_iter().chain(others) {
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).expect("a package has a manifest");
        if manifest.contains("planted") {
            offences.push(package.display().to_string());
        }
    }
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("there is a template");
    if template.contains("planted") {
        offences.push("template.yaml".into());
    }
    none_of("Only tests/proof may set the feature `planted`:", &offences);
}

//! The rules of the house. Each failure says what to do.

mod agreement;
mod contract;
mod handlers;
mod keys;
mod layers;
mod roles;
mod source;
mod template;
mod uses;

/// Fails with every offence, one a line, under the rule that they break.
fn none_of(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}

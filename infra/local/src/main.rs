//! `cargo dev`: the whole product on this machine.

mod command;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = command::Command::parse();
    // On standard error, so that what a command prints can be piped.
    lambda_http::tracing::init_default_subscriber_with_writer(std::io::stderr);
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            command::tell(&mut std::io::stderr(), &sentence);
            ExitCode::FAILURE
        }
    }
}

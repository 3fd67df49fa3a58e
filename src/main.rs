//! The program: arguments in, exit code out.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    match cli::read() {
        Ok(arguments) => arguments.run(),
        Err(code) => code,
    }
}

//! The integration tests, in one binary: the executable as a user has it, the sandbox with the real
//! worker, and the rules of the house.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod architecture;
mod campaign;
mod check;
mod command_line;
mod engines;
mod environment;
mod fuzz_corpus;
mod growth;
mod hunt;
mod limits;
mod measurements;
mod recipes;
mod regress;
mod sandbox;
mod shrink;
mod triage;
mod width;
mod width_faults;

use std::path::Path;
use std::process::Command;
use wasm_brink::sandbox::WorkerExe;

/// The executable under test.
const BRINK: &str = env!("CARGO_BIN_EXE_brink");

/// The executable under test as a worker.
fn worker() -> WorkerExe {
    WorkerExe::at(Path::new(BRINK))
}

/// The executable under test with arguments.
fn brink(arguments: &[&str]) -> Command {
    let mut command = Command::new(BRINK);
    command.args(arguments);
    command
}

//! The `brink` executable: parse, run, exit code.

use std::process::ExitCode;
use wasm_brink::{cli, worker};

/// Counts what jobs allocate; see [`worker`].
#[global_allocator]
static ALLOCATOR: worker::CountingAllocator = worker::CountingAllocator;

fn main() -> ExitCode {
    cli::main()
}

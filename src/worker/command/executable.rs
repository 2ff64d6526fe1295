//! `wasmtime compile`.

use super::{Ended, answered, crashed, not_applicable, refused, rewound};
use crate::engines::compile_options;
use crate::job::Job;
use crate::outcome::{Artifact, EngineVerdict, Phase, RefusalKind, Validation};
use crate::worker::{artifact, refusals, unix};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;

/// `wasmtime compile` with a job's options, or why there are none for them.
pub(super) fn command(file: &Path, job: &Job) -> Result<Command, String> {
    let mut command = Command::new(file);
    command.args(["compile", "-C", "parallel-compilation=n"]);
    command.args(compile_options(&job.backend, &job.proposals)?);
    Ok(command)
}

/// Exit code of `wasmtime` for options that it does not take.
const USAGE_EXIT: i32 = 2;

/// What its end and its words mean.
pub(super) fn ended(exit: &unix::Exit, said: &str, output: File, job: &Job) -> io::Result<Ended> {
    if let Some(termination) = crashed(exit, said) {
        return Ok(Ended { phase: Phase::Compile, termination, validation: Validation::NotRun });
    }
    Ok(match exit.code {
        Some(0) => {
            let mut bytes = Vec::new();
            rewound(output)?.read_to_end(&mut bytes)?;
            artifact::keep(&bytes, job)?;
            answered(EngineVerdict::Accepted {
                artifact: Artifact {
                    bytes: bytes.len() as u64,
                    code_bytes: artifact::code_bytes(&bytes),
                    hash: artifact::fingerprint(&bytes),
                    repeat_hash: None,
                },
            })
        }
        Some(USAGE_EXIT) => not_applicable(format!("the executable does not take it: {said}")),
        _ => {
            let message = said.trim_start_matches("Error: ").trim();
            // How the parser and the validator end their messages.
            let invalid = message.contains("(at offset 0x")
                || message.contains("Invalid input WebAssembly code");
            let kind = if invalid { RefusalKind::Invalid } else { refusals::message_kind(message) };
            answered(refused(kind, message))
        }
    })
}

//! `wasmtime compile` and its options.

use super::{Ended, answered, crashed, not_applicable, refused, rewound};
use crate::engines::{Collector, OptLevel, RegisterAllocation, Strategy, Switch};
use crate::job::Job;
use crate::outcome::{Artifact, EngineVerdict, Phase, RefusalKind, Validation};
use crate::proposals::Proposal;
use crate::worker::compiler::SPECTRE_FLAGS;
use crate::worker::{artifact, refusals, unix};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;

/// `wasmtime compile` with a job's options, or why there are none for them.
pub(super) fn command(file: &Path, job: &Job) -> Result<Command, String> {
    let (target, knobs) = (job.backend.target(), &job.backend.knobs);
    let mut command = Command::new(file);
    command.args(["compile", "--target", target.triple]);
    let mut option = |group: &str, setting: String| {
        command.arg(group).arg(setting);
    };
    let yes_no = |on: bool| if on { "y" } else { "n" };
    option("-C", "parallel-compilation=n".to_owned());
    match target.strategy {
        Strategy::Cranelift => {
            let level = match knobs.opt {
                OptLevel::None => "0",
                OptLevel::Speed => "2",
                OptLevel::SpeedAndSize => "s",
            };
            option("-O", format!("opt-level={level}"));
            if knobs.regalloc == RegisterAllocation::SinglePass {
                option("-O", "regalloc-algorithm=single-pass".to_owned());
            }
            option(
                "-C",
                format!("cranelift-debug-verifier={}", yes_no(knobs.verifier == Switch::On)),
            );
            if knobs.regalloc_checker == Switch::On {
                option("-C", "cranelift-regalloc_checker=true".to_owned());
            }
        }
        Strategy::Winch => option("-C", "compiler=winch".to_owned()),
        Strategy::Web => return Err("Wasmtime has no such compiler".to_owned()),
    }
    if !knobs.spectre {
        for flag in SPECTRE_FLAGS {
            option("-C", format!("cranelift-{flag}=false"));
        }
    }
    if !knobs.guard {
        for setting in ["reservation", "reservation-for-growth", "guard-size"] {
            option("-O", format!("memory-{setting}=0"));
        }
    }
    for feature in job.backend.cpu_flags() {
        option("-C", format!("cranelift-{feature}=true"));
    }
    if knobs.collector != Collector::Auto {
        return Err("the choice of a collector is not passed on to executables".to_owned());
    }
    for (setting, on) in [
        (("-D", "debug-info=y"), knobs.debug_info),
        (("-D", "guest-debug=y"), knobs.guest_debug),
        (("-W", "fuel=1000000"), knobs.fuel),
        (("-W", "epoch-interruption=y"), knobs.epochs),
        (("-O", "signals-based-traps=n"), !knobs.signals),
        (("-W", "memory64=n"), !knobs.memory64),
    ] {
        if on {
            option(setting.0, setting.1.to_owned());
        }
    }
    for setting in job.proposals.iter().filter_map(|proposal| proposal_option(*proposal)) {
        option("-W", format!("{setting}=y"));
    }
    Ok(command)
}

/// What `wasmtime` calls a proposal that it may have off by default.
fn proposal_option(proposal: Proposal) -> Option<&'static str> {
    match proposal {
        Proposal::TailCall => Some("tail-call"),
        Proposal::Threads => Some("threads"),
        Proposal::RelaxedSimd => Some("relaxed-simd"),
        Proposal::Exceptions => Some("exceptions"),
        Proposal::Gc => Some("gc"),
        Proposal::FunctionReferences => Some("function-references"),
        Proposal::Memory64 => Some("memory64"),
        Proposal::WideArithmetic => Some("wide-arithmetic"),
        Proposal::StackSwitching => Some("stack-switching"),
        Proposal::MultiMemory => Some("multi-memory"),
        Proposal::ExtendedConst => Some("extended-const"),
        Proposal::CustomPageSizes => Some("custom-page-sizes"),
        Proposal::Mvp
        | Proposal::SignExtension
        | Proposal::SaturatingFloatToInt
        | Proposal::MultiValue
        | Proposal::BulkMemory
        | Proposal::ReferenceTypes
        | Proposal::GcTypes
        | Proposal::Simd => None,
    }
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

//! The report of one finding: a draft for a person to read, check and send. Nothing is ever sent.

use super::format::{bytes, clip, microseconds};
use super::growth::growth_section;
use super::wast::wast;
use crate::campaign::{Finding, Subject};
use crate::engines::Strategy;
use crate::outcome::{EngineVerdict, Termination};
use std::fmt::Write;

/// Frames shown.
const FRAMES_MAX: usize = 20;

/// The report as Markdown; `folder` is where the finding's files are.
pub fn finding_report(finding: &Finding, folder: &str) -> String {
    let Finding { violation, subject, backend, budget, outcome, seen, signature, peers, growth } =
        finding;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}: {}\n", violation.oracle, clip(&subject.to_string(), 120));
    let _ = writeln!(out, "On `{backend}`, it {}.\n", violation.summary.trim_end_matches('.'));
    let _ = writeln!(out, "- case: `{}`", clip(&subject.to_string(), 400));
    let _ = writeln!(out, "- engine: {}, backend `{backend}`", backend.engine().title());
    let _ = writeln!(
        out,
        "- limits of the job: {} s of CPU time, {} of memory, {} of stack",
        budget.cpu_s,
        bytes(budget.memory_bytes),
        bytes(backend.knobs.stack_bytes)
    );
    if !peers.is_empty() {
        let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "- compared with: {}", peers.join(", "));
    }
    let _ = writeln!(out, "- seen in {} of {} runs", seen.0, seen.1);
    let _ = writeln!(out, "- signature: `{}`\n", clip(&signature.to_string(), 400));
    let _ = writeln!(out, "Run it again:\n\n    brink repro {folder}\n");
    if let Subject::Recipe(_) = subject {
        let _ =
            writeln!(out, "Make the module:\n\n    brink gen {folder}/recipe.toml -o case.wasm\n");
        let target = backend.target();
        let compiler = match target.strategy {
            Strategy::Cranelift => Some("cranelift"),
            Strategy::Winch => Some("winch"),
            Strategy::Web => None,
        };
        if wast(finding).is_some() {
            let _ = writeln!(
                out,
                "Without brink, on a processor like the backend's:\n\n    wasmtime wast -O \
                 memory-reservation=0 -O memory-reservation-for-growth=0 -O memory-guard-size=0 \
                 {folder}/case.wast\n"
            );
        } else if let Some(compiler) = compiler.filter(|_| !finding.is_sensitive()) {
            let _ = writeln!(
                out,
                "Without brink (knobs and CPU features left at their defaults, no limits):\n\n    \
                 wasmtime compile --target {} -C compiler={compiler} case.wasm\n",
                target.triple
            );
        }
    }
    let measured = &outcome.measurements;
    let _ = writeln!(out, "## What was measured\n\n| what | value |\n|---|---|");
    let rows = [
        ("module", bytes(measured.module_bytes)),
        ("ended in phase", outcome.phase.to_string()),
        ("CPU time", microseconds(measured.cpu_us)),
        ("peak of live allocations", bytes(measured.peak_live_bytes)),
        ("sum of allocations", bytes(measured.allocated_bytes)),
        ("peak resident memory", bytes(measured.peak_resident_bytes)),
    ];
    // Allocations of some engines are not counted.
    for (what, value) in rows.into_iter().filter(|(_, value)| value != &bytes(0)) {
        let _ = writeln!(out, "| {what} | {value} |");
    }
    for (pass, us) in measured.passes_us.iter().take(8) {
        let _ = writeln!(out, "| pass `{pass}` | {} |", microseconds(*us));
    }
    out.push_str(&growth.as_ref().map(growth_section).unwrap_or_default());
    ending(&mut out, &outcome.termination);
    out
}

fn ending(out: &mut String, termination: &Termination) {
    let frames = match termination {
        Termination::Panicked { location, message, frames } => {
            let _ = writeln!(out, "\n## Panic\n\n    {location}\n");
            message.lines().take(20).for_each(|line| {
                let _ = writeln!(out, "    {}", clip(line, 300));
            });
            frames
        }
        Termination::StackOverflow { frames } | Termination::Signaled { frames, .. } => frames,
        Termination::Completed { verdict: EngineVerdict::Refused { refusal } } => {
            let _ = writeln!(out, "\n## Refusal ({})\n", refusal.kind);
            refusal.message.lines().take(20).for_each(|line| {
                let _ = writeln!(out, "    {}", clip(line, 300));
            });
            return;
        }
        Termination::Completed { .. }
        | Termination::TimedOut { .. }
        | Termination::OutOfMemory { .. }
        | Termination::OutputLimit
        | Termination::Ambiguous
        | Termination::Infrastructure { .. } => return,
    };
    if !frames.is_empty() {
        out.push_str("\n## Stack, innermost first\n\n");
        for frame in frames.iter().take(FRAMES_MAX) {
            let _ = writeln!(out, "    {}", clip(frame, 200));
        }
    }
}

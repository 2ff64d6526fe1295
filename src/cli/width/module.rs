//! What `brink width` prints of a module.

use super::Opts;
use super::report::{SHOWN, short};
use crate::campaign::{Repro, ReproRun};
use crate::cli::exit::say;
use crate::cli::verdicts::{line, not_applicable, signatures};
use crate::report::bytes;
use std::fmt::Write;

/// What was seen of a module.
#[derive(Default)]
pub(super) struct Counts {
    /// Backends whose code was looked at.
    pub(super) looked_at: u64,
    /// Backends whose code could not be looked at, though they take the module or should.
    failed: u64,
    /// Those of them of which no violation tells more.
    pub(super) unexplained: u64,
    /// Accesses of which cannot be told what they stand for, on all backends together.
    pub(super) unsure: u64,
    /// Backends that refuse it, or cannot be asked.
    not_taken: u64,
}

/// Prints what the runs of one module brought, a line a backend.
pub(super) fn report(opts: &Opts, repro: &Repro, runs: &[ReproRun]) -> Counts {
    let mut counts = Counts::default();
    for run in runs {
        if opts.json {
            say(&format!(
                "{}\n",
                serde_json::json!({
                    "backend": run.backend,
                    "check": run.outcome.machine,
                    "violations": signatures(run),
                })
            ));
        }
        let mut text = format!("{}: ", short(&run.backend));
        let checked = run.outcome.machine.as_ref();
        let failure = match checked.map(|machine| (machine, &machine.failure)) {
            None => Some(line(repro, run)),
            Some((_, Some(reason))) => Some(reason.clone()),
            Some((machine, None)) => {
                counts.looked_at += 1;
                counts.unsure += machine.unsure_count;
                // Writing to a string cannot fail.
                let _ = write!(
                    text,
                    "{} accesses in {} functions, {} of code: {} wrong, {} uncertain",
                    machine.accesses,
                    machine.functions,
                    bytes(machine.code_bytes),
                    machine.mismatch_count,
                    machine.unsure_count
                );
                for mismatch in machine.mismatches.iter().take(SHOWN) {
                    let _ = write!(text, "\n  {}: {mismatch}", place(mismatch.position));
                }
                for doubt in machine.unsure.iter().take(SHOWN) {
                    let _ = write!(text, "\n  uncertain: {doubt}");
                }
                None
            }
        };
        if let Some(reason) = failure {
            let refused = run.outcome.termination.name() == "refused";
            if refused || not_applicable(repro, run).is_some() {
                counts.not_taken += 1;
            } else {
                counts.failed += 1;
                // A violation tells why there is no code, not why what there is cannot be read.
                counts.unexplained += u64::from(checked.is_some() || run.violations.is_empty());
            }
            text.push_str(&reason);
        }
        // Wrong accesses are named above.
        for judged in run.violations.iter().filter(|judged| judged.violation.oracle != "width") {
            let _ = write!(text, "\n  violation: {}", judged.violation.summary);
        }
        if !opts.json && !opts.quiet {
            say(&format!("{text}\n"));
        }
    }
    if !opts.json && !opts.quiet {
        say(&format!(
            "{} configurations looked at, {} could not be looked at, {} do not take it\n",
            counts.looked_at, counts.failed, counts.not_taken
        ));
    }
    counts
}

fn place(position: Option<u32>) -> String {
    position.map_or_else(|| "somewhere".to_owned(), |at| format!("at offset {at:#x}"))
}

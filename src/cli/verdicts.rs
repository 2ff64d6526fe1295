//! What compilers made of a case, for people: shared by `brink repro` and `brink check`.

use super::Exit;
use super::exit::{remark, say};
use super::known;
use super::options::RunOpts;
use super::output::reporter;
use super::recorder::Recorder;
use crate::campaign::{Judged, Repro, ReproReport, ReproRun, WidthEvidence, reproduce};
use crate::oracles::Violation;
use crate::outcome::{EngineVerdict, Outcome, RefusalKind, Termination};
use crate::report::{self, Known};
use crate::triage::{self, KnownIssues};
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Runs a case, with a bar on a terminal unless that is to be silent.
pub(super) fn reach(
    repro: &Repro,
    run: &RunOpts,
    silent: bool,
    stop: &AtomicBool,
) -> Result<ReproReport> {
    let pool = run.pool(&repro.backends)?;
    let silent = silent || !std::io::stderr().is_terminal();
    let recorder = Recorder::new(None, reporter(false, silent, None), stop);
    let report = reproduce(repro, &pool, stop, &recorder);
    recorder.finish()?;
    Ok(report)
}

/// Why the runs say nothing, where the machine or a person is to blame.
pub(super) fn settle(report: &mut ReproReport, stop: &AtomicBool) -> Result<Option<Exit>> {
    if let Some(error) = report.seat_error.take() {
        return Err(error.into());
    }
    if stop.load(Relaxed) {
        remark(&format!("brink: interrupted after {} runs", report.runs.len()));
        return Ok(Some(Exit::Interrupted));
    }
    for run in &report.runs {
        if let Termination::Infrastructure { message } = &run.outcome.termination {
            bail!("run it on {}: {message}", run.backend);
        }
    }
    Ok(None)
}

/// Whether the machine is to blame for how a run ended, which [`settle`] tells.
pub(super) fn could_not_run(run: &ReproRun) -> bool {
    matches!(run.outcome.termination, Termination::Infrastructure { .. })
}

/// What the list of known issues says of each violation.
pub(super) fn standings(issues: &KnownIssues, report: &ReproReport) -> Vec<Option<Known>> {
    let of_run = |run: &ReproRun| {
        let of_judged = |judged: &'_ Judged| {
            let bugs = bugs(&judged.violation, &run.outcome).into_iter();
            bugs.map(|bug| known::standing(issues, &bug, &judged.signature, &run.backend))
                .collect::<Vec<_>>()
        };
        run.violations.iter().flat_map(of_judged).collect::<Vec<_>>()
    };
    report.runs.iter().flat_map(of_run).collect()
}

/// A violation for each bug that it may be about: of wrong accesses it names the first.
fn bugs(violation: &Violation, outcome: &Outcome) -> Vec<Violation> {
    let seen = WidthEvidence::seen_by(&violation.oracle, outcome);
    let mut keys: BTreeSet<String> = seen.iter().map(WidthEvidence::key).collect();
    keys.insert(violation.key.clone());
    keys.into_iter().map(|key| Violation { key, ..violation.clone() }).collect()
}

/// Tells of known issues, once of each.
pub(super) fn tell_known(standings: &[Option<Known>]) {
    let lines: BTreeSet<String> = standings.iter().flatten().map(ToString::to_string).collect();
    lines.iter().for_each(|line| say(&format!("{line}\n")));
}

/// A run for other programs.
pub(super) fn json(repro: &Repro, run: &ReproRun) -> serde_json::Value {
    let inconclusive: Vec<String> = run.inconclusive.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "subject": repro.case.subject,
        "backend": run.backend,
        "budget": repro.budget,
        "outcome": run.outcome,
        "violations": signatures(run),
        "inconclusive": inconclusive,
    })
}

/// What a run violated, by signature.
pub(super) fn signatures(run: &ReproRun) -> Vec<String> {
    run.violations.iter().map(|judged| judged.signature.to_string()).collect()
}

/// Why a run could not be asked to compile the module: what the engine said, or, where it refused,
/// what its backend is known to lack.
pub(super) fn not_applicable(repro: &Repro, run: &ReproRun) -> Option<String> {
    let Termination::Completed { verdict } = &run.outcome.termination else { return None };
    match verdict {
        EngineVerdict::NotApplicable { reason } => Some(reason.clone()),
        EngineVerdict::Refused { .. } => run.backend.lacks(&repro.case.proposals),
        EngineVerdict::Accepted { .. } => None,
    }
}

/// How a run ended and what it took, in one line.
pub(super) fn line(repro: &Repro, run: &ReproRun) -> String {
    not_applicable(repro, run)
        .map_or_else(|| describe(&run.outcome), |reason| format!("not applicable: {reason}"))
}

/// The runs that should have compiled the module and did not.
pub(super) fn not_compiled<'r>(
    repro: &'r Repro,
    report: &'r ReproReport,
) -> impl Iterator<Item = &'r ReproRun> {
    let compiled = |run: &ReproRun| run.outcome.termination.name() == "accepted";
    report.runs.iter().filter(move |run| !compiled(run) && not_applicable(repro, run).is_none())
}

/// Whether it compiles wherever that can be asked, and that is somewhere.
pub(super) fn compiles_everywhere(repro: &Repro, report: &ReproReport) -> bool {
    accepted(report) > 0 && not_compiled(repro, report).next().is_none()
}

fn accepted(report: &ReproReport) -> usize {
    report.runs.iter().filter(|run| run.outcome.termination.name() == "accepted").count()
}

fn is_called_invalid(run: &ReproRun) -> bool {
    let Termination::Completed { verdict } = &run.outcome.termination else { return false };
    matches!(verdict, EngineVerdict::Refused { refusal } if refusal.kind == RefusalKind::Invalid)
}

/// One line for all backends: does it compile everywhere?
pub(super) fn tally(repro: &Repro, report: &ReproReport) -> String {
    let accepted = accepted(report);
    let failed: Vec<&ReproRun> = not_compiled(repro, report).collect();
    let apart = report.runs.len() - accepted - failed.len();
    let planned = repro.backends.len() * repro.times as usize;
    if report.runs.len() < planned {
        return format!("Not finished: {} of {planned} runs were made.\n", report.runs.len());
    }
    let mut text = match (accepted, failed.len()) {
        (0, 0) => "There is nowhere to compile it".to_owned(),
        (_, 0) => format!("It compiles in all {accepted} runs that can be asked"),
        (0, _) if failed.iter().all(|run| is_called_invalid(run)) => {
            "All of them call it invalid, or past a limit".to_owned()
        }
        (0, _) => "It compiles in none of them".to_owned(),
        (_, others) => format!("It compiles in {accepted} runs and does not in {others}"),
    };
    if apart > 0 {
        let _ = write!(text, "; {apart} are not applicable");
    }
    let on: BTreeSet<String> = failed.iter().map(|run| run.backend.to_string()).collect();
    if accepted > 0 && !on.is_empty() {
        let on: Vec<String> = on.into_iter().collect();
        let _ = write!(text, ": not on {}", on.join(", "));
    }
    text + ".\n"
}

/// How it ended and what it took, in one line.
pub(super) fn describe(outcome: &Outcome) -> String {
    let measured = &outcome.measurements;
    let memory = if measured.allocated_bytes > 0 {
        format!("{} of live memory", memory(outcome))
    } else {
        format!("{} of resident memory", memory(outcome))
    };
    format!(
        "{} [phase {}, {} of CPU time, {memory}]",
        ending(outcome),
        outcome.phase,
        report::microseconds(measured.cpu_us),
    )
}

/// The most memory that it had; not every engine's allocations are counted.
pub(super) fn memory(outcome: &Outcome) -> String {
    let measured = &outcome.measurements;
    report::bytes(match measured.allocated_bytes {
        0 => measured.peak_resident_bytes,
        _ => measured.peak_live_bytes,
    })
}

/// How a run ended, without its figures.
pub(super) fn ending(outcome: &Outcome) -> String {
    match &outcome.termination {
        Termination::Completed { verdict } => match verdict {
            // What a web engine compiled stays in it.
            EngineVerdict::Accepted { artifact } if artifact.bytes == 0 => "accepted".to_owned(),
            EngineVerdict::Accepted { artifact } => {
                format!("accepted, {} of code", report::bytes(artifact.code_bytes))
            }
            EngineVerdict::Refused { refusal } => {
                let line = refusal.message.lines().next().unwrap_or_default();
                format!("refused ({}): {line}", refusal.kind)
            }
            EngineVerdict::NotApplicable { reason } => format!("not applicable: {reason}"),
        },
        Termination::Panicked { location, message, .. } => {
            let line = message.lines().next().unwrap_or_default();
            format!("panicked at {}: {line}", triage::place(location))
        }
        Termination::StackOverflow { frames } => {
            format!("ran over its stack in {}", triage::top_frame(frames))
        }
        Termination::Signaled { signal, frames } => {
            format!("killed by signal {signal} in {}", triage::top_frame(frames))
        }
        Termination::TimedOut { clock } => format!("ran over its {clock:?} time").to_lowercase(),
        Termination::OutOfMemory { .. } => "ran over its memory".to_owned(),
        Termination::OutputLimit => "wrote too much".to_owned(),
        Termination::Ambiguous => "killed from outside".to_owned(),
        Termination::Infrastructure { message } => format!("could not be run: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::Severity;
    use crate::outcome::{MachineCheck, Mismatch, MismatchKind};

    #[test]
    fn what_is_known_of_one_wrong_access_does_not_speak_for_another() {
        let mut machine = MachineCheck::default();
        for operator in ["f64.copysign", "f64.sqrt", "f64.copysign"] {
            machine.mismatch(Mismatch {
                kind: MismatchKind::Wider,
                operator: operator.to_owned(),
                accesses: vec!["f64.load".to_owned()],
                expected_bytes: 8,
                actual_bytes: 16,
                instruction: String::new(),
                code_offset: 0,
                function: 0,
                position: None,
            });
        }
        let mut outcome = Outcome::infrastructure(0, String::new());
        outcome.machine = Some(machine);
        let keys = |oracle: &str, key: &str| {
            let violation = Violation {
                oracle: oracle.to_owned(),
                key: key.to_owned(),
                summary: String::new(),
                severity: Severity::Security,
            };
            bugs(&violation, &outcome).into_iter().map(|it| it.key).collect::<Vec<_>>()
        };
        assert_eq!(keys("width", "wider f64.copysign"), ["wider f64.copysign", "wider f64.sqrt"]);
        assert_eq!(keys("crash", "panic"), ["panic"]);
    }
}

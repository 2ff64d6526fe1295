//! `brink repro`.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::Exit;
use super::exit::say;
use super::input::{self, Input};
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::recorder::Recorder;
use super::repro_growth;
use crate::campaign::{Case, Judged, Repro, ReproReport, ReproRun, reproduce};
use crate::engines::Backend;
use crate::job::Budget;
use crate::outcome::{EngineVerdict, Outcome, Termination};
use crate::report::{self, Known, Quiet, Reporter, Terminal};
use crate::store::write_file;
use crate::triage;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// A finding's folder, a recipe file, a module (.wasm, .wat), what a fuzzer left (crash-...), or a
    /// shape with parameters
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<String>,
    /// How often to run it on each backend
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    times: u32,
    /// Exit with code 2 unless every backend compiles it, but for those that lack what it needs
    #[arg(long)]
    everywhere: bool,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print each outcome as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Write the compiled module of the first run to a file
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let input = input::read(&opts.input)?;
    if let Input::Recipe(recipe, Some(finding)) = &input
        && !finding.scaled.is_empty()
    {
        let output = (opts.json, opts.quiet);
        return repro_growth::run(recipe, finding, &opts.run, opts.times, output, &issues);
    }
    let (case, finding) = match input {
        Input::Recipe(recipe, finding) => (Case::of_recipe(&recipe)?, finding),
        Input::Module(bytes) => (Case::of_module(&opts.input[0], bytes)?, None),
    };
    let (of_finding, budget): (Option<Vec<Backend>>, Option<Budget>) = match &finding {
        Some(finding) => {
            // The finding's own backend first; then those that it is compared with.
            let mut backends = vec![finding.backend.clone()];
            backends.extend(finding.peers.iter().filter(|p| **p != finding.backend).cloned());
            (Some(backends), Some(Budget::new(finding.time_limit_s, finding.memory_limit_bytes)))
        }
        None => (None, None),
    };
    let repro = Repro {
        case,
        backends: opts.run.backends(of_finding.as_deref())?,
        budget: opts.run.budget(budget),
        times: opts.times,
        keep_artifacts: opts.artifact.is_some(),
    };
    let pool = opts.run.pool(&repro.backends)?;
    let stop = stop_flag()?;
    let silent = opts.quiet || opts.json || !std::io::stderr().is_terminal();
    let reporter: Box<dyn Reporter> =
        if silent { Box::new(Quiet) } else { Box::new(Terminal::new(None)) };
    let recorder = Recorder::new(None, reporter, &stop);
    let report = reproduce(&repro, &pool, &stop, &recorder);
    recorder.finish()?;
    print(opts, &repro, &report);
    if let Some(path) = &opts.artifact {
        let first = report.runs.first().and_then(|run| run.artifact.as_deref());
        let artifact = first.context("write the compiled module: the first run made none")?;
        write_file(path, &mut |file| file.write_all(artifact))?;
    }
    if !opts.json && !opts.quiet && report.runs.len() > 1 {
        say(&tally(&repro, &report));
    }
    let violations = report.signatures();
    if let Some(error) = report.seat_error {
        return Err(error.into());
    }
    if stop.load(Relaxed) {
        eprintln!("brink: interrupted after {} runs", report.runs.len());
        return Ok(Exit::Interrupted);
    }
    for run in &report.runs {
        if let Termination::Infrastructure { message } = &run.outcome.termination {
            bail!("run it on {}: {message}", run.backend);
        }
    }
    if let Some(finding) = &finding
        && !opts.quiet
    {
        let again = violations.iter().any(|signature| signature.to_string() == finding.signature);
        eprintln!(
            "{} {}",
            if again { "The finding reproduces:" } else { "The finding does not reproduce:" },
            finding.summary
        );
    }
    if opts.everywhere && not_compiled(&repro, &report).next().is_some() {
        return Ok(Exit::Found);
    }
    let of_run = |run: &ReproRun| {
        let of = |judged: &Judged| known::standing(&issues, &judged.violation, &run.backend);
        run.violations.iter().map(of).collect::<Vec<_>>()
    };
    let standings: Vec<Option<Known>> = report.runs.iter().flat_map(of_run).collect();
    if !opts.json && !opts.quiet {
        let lines: BTreeSet<String> = standings.iter().flatten().map(ToString::to_string).collect();
        lines.iter().for_each(|line| say(&format!("{line}\n")));
    }
    Ok(known::exit(standings.iter().map(Option::as_ref)).unwrap_or(Exit::Nothing))
}

fn print(opts: &Opts, repro: &Repro, report: &ReproReport) {
    for run in &report.runs {
        let ReproRun { backend, outcome, violations, inconclusive, .. } = run;
        if opts.json {
            let signatures: Vec<String> =
                violations.iter().map(|judged| judged.signature.to_string()).collect();
            let line = serde_json::json!({
                "subject": repro.case.subject,
                "backend": backend,
                "budget": repro.budget,
                "outcome": outcome,
                "violations": signatures,
                "inconclusive": inconclusive,
            });
            say(&format!("{line}\n"));
        } else if !opts.quiet {
            let text = match lacking(repro, run) {
                Some(reason) => format!("not applicable: {reason}"),
                None => describe(outcome),
            };
            say(&format!("{backend}: {text}\n"));
            for judged in violations {
                say(&format!("  violation: {}\n", judged.violation.summary));
            }
            for reason in inconclusive {
                say(&format!("  inconclusive: {reason}\n"));
            }
        }
    }
}

/// Why a backend that refused the module does not take it, where what it lacks is known.
fn lacking(repro: &Repro, run: &ReproRun) -> Option<String> {
    let refused = run.outcome.termination.name() == "refused";
    run.backend.lacks(&repro.case.proposals).filter(|_| refused)
}

/// The runs that should have compiled the module and did not.
fn not_compiled<'r>(
    repro: &'r Repro,
    report: &'r ReproReport,
) -> impl Iterator<Item = &'r ReproRun> {
    let apart = |run: &ReproRun| {
        run.outcome.termination.name() == "not-applicable" || lacking(repro, run).is_some()
    };
    let compiled = |run: &ReproRun| run.outcome.termination.name() == "accepted";
    report.runs.iter().filter(move |run| !apart(run) && !compiled(run))
}

/// One line for all backends: does it compile everywhere?
fn tally(repro: &Repro, report: &ReproReport) -> String {
    let named = |run: &&ReproRun| run.outcome.termination.name() == "accepted";
    let accepted = report.runs.iter().filter(named).count();
    let failed: Vec<&ReproRun> = not_compiled(repro, report).collect();
    let apart = report.runs.len() - accepted - failed.len();
    let mut text = match (accepted, failed.len()) {
        (_, 0) => format!("It compiles in all {accepted} runs that can be asked"),
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

pub(super) fn describe(outcome: &Outcome) -> String {
    let measured = &outcome.measurements;
    let ending = match &outcome.termination {
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
    };
    let memory = if measured.allocated_bytes > 0 {
        format!("{} of live memory", report::bytes(measured.peak_live_bytes))
    } else {
        // Not every engine's allocations are counted.
        format!("{} of resident memory", report::bytes(measured.peak_resident_bytes))
    };
    format!(
        "{ending} [phase {}, {} of CPU time, {memory}]",
        outcome.phase,
        report::microseconds(measured.cpu_us),
    )
}

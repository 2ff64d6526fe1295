//! `brink width`.

mod configurations;
mod module;
mod report;

use super::Exit;
use super::exit::remark;
use super::input::Input;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::output::reporter;
use super::recorder::{Recorder, machine};
use super::self_test;
use super::verdicts;
use crate::campaign::{
    Case, Event, Observer, Repro, WidthRun, Wrong, check_width, confirm_width, reproduce,
};
use crate::engines::{Backend, ENGINE};
use crate::job::Budget;
use crate::limits;
use crate::names::did_you_mean;
use crate::ops;
use crate::report::Known;
use crate::sandbox::Pool;
use crate::store::RunDir;
use crate::triage::KnownIssues;
use crate::width::{Depth, batches};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The limits of a job of the matrix: at most a thousand units.
const MATRIX_BUDGET: Budget = Budget::new(60, 4 << 30);

/// The limits of a job with a module of the user's.
const MODULE_BUDGET: Budget = Budget::new(600, 8 << 30);

/// How many wrong accesses of one kind are tried alone.
const TRIES: usize = 4;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// A module to check, instead of the matrix of operators and loads
    #[arg(value_name = "MODULE", conflicts_with_all = ["operator", "deep", "full"])]
    module: Option<PathBuf>,
    /// CPU sets, such as sse2, sse3+ssse3 or host [default: sse2, and every feature added to what
    /// came before it]
    #[arg(long = "cpu", value_name = "SET", num_args = 1..)]
    cpus: Vec<String>,
    /// Only the part of the matrix with this operator, with every form of address
    #[arg(long = "op", value_name = "OPERATOR")]
    operator: Option<String>,
    /// Each load, operator and sink with every form of address, offset and memory, of which they take turns
    /// else: 36 times as many, so narrow it with --cpu or -b
    #[arg(long, conflicts_with_all = ["module", "deep", "at_the_end", "full"])]
    every_address: bool,
    /// An operator fed by an operator fed by a load, instead of an operator fed by a load: millions
    /// of units, and unless told otherwise, only on sse2 and the host's CPU set
    #[arg(long, conflicts_with = "full")]
    deep: bool,
    /// Run the code as well, with addresses around the end of memory, on what this machine can run
    #[arg(long = "run", conflicts_with_all = ["module", "deep", "full"])]
    at_the_end: bool,
    /// Every CPU set with every memory configuration
    #[arg(long, conflicts_with_all = ["cpus", "backends"])]
    full: bool,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink-width.out")]
    output: PathBuf,
    /// Print each wrong access and each configuration as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if let Some(name) = &opts.operator {
        ensure!(
            ops::operator(name).is_some(),
            "find the operator {name:?}{}; `brink list ops` names them all",
            did_you_mean(ops::nearest_operator(name))
        );
        ensure!(
            batches(Depth::One, Some(name)).next().is_some(),
            "check {name}: no load feeds it, so there is nothing to check"
        );
    }
    let backends = configurations::backends(opts)?;
    let case = match &opts.module {
        None => None,
        Some(path) => Some(module_case(path)?),
    };
    let issues = opts.known.read()?;
    let stop = stop_flag()?;
    if let Some(exit) = self_test::gate(&stop)? {
        return Ok(exit);
    }
    let pool = opts.run.pool(&backends)?;
    match case {
        Some(case) => check_module(opts, case, backends, &issues, &pool, &stop),
        None => check_matrix(opts, backends, &issues, &pool, &stop),
    }
}

fn module_case(path: &Path) -> Result<Case> {
    let name = path.display().to_string();
    let input = super::input::read(std::slice::from_ref(&name))?;
    if let Input::Module(bytes) = &input
        && let Err(error) = limits::headroom(bytes)
    {
        ensure!(error.is_past_a_limit(), "check {name}: failed to {error}");
    }
    let (case, _) = input.into_case(&name)?;
    ensure!(case.expectation.is_some(), "check {name}: it is not a valid module");
    Ok(case)
}

/// Checks the code of one module under each backend.
fn check_module(
    opts: &Opts,
    case: Case,
    backends: Vec<Backend>,
    issues: &KnownIssues,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Exit> {
    let budget = opts.run.budget(Some(MODULE_BUDGET));
    let repro = Repro { case, backends, budget, times: 1, keep_artifacts: false };
    let recorder = Recorder::new(None, reporter(false, opts.quiet || opts.json, None), stop);
    let report = reproduce(&repro, pool, stop, &recorder);
    recorder.finish()?;
    if let Some(error) = report.seat_error {
        return Err(error.into());
    }
    let counts = module::report(opts, &repro, &report.runs);
    if counts.unsure > 0 {
        remark(&format!(
            "brink: {} accesses are uncertain, and not known to be right",
            counts.unsure
        ));
    }
    let standings = verdicts::standings(issues, &report);
    tell_known(opts, &standings);
    if let Some(exit) = known::exit(standings.iter().map(Option::as_ref)) {
        // Nobody knows what is behind code that could not be looked at.
        return Ok(if counts.unexplained > 0 { Exit::Found } else { exit });
    }
    if stop.load(Relaxed) {
        remark(&format!("brink: interrupted; {} backends were looked at", counts.looked_at));
        return Ok(Exit::Interrupted);
    }
    ensure!(
        counts.unexplained == 0,
        "check the module: its code could not be looked at on {} backends",
        counts.unexplained
    );
    ensure!(
        counts.looked_at > 0,
        "check the module: its code could be looked at on none of the {} backends",
        report.runs.len()
    );
    Ok(Exit::Nothing)
}

/// Says which known issues were met, where a person reads.
fn tell_known(opts: &Opts, standings: &[Option<Known>]) {
    if !opts.json && !opts.quiet {
        verdicts::tell_known(standings);
    }
}

/// Checks the matrix under each backend.
fn check_matrix(
    opts: &Opts,
    backends: Vec<Backend>,
    issues: &KnownIssues,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Exit> {
    let run = WidthRun {
        depth: if opts.deep { Depth::Two } else { Depth::One },
        only: opts.operator.clone(),
        every_address: opts.every_address
            || (opts.operator.is_some() && !opts.deep && !opts.at_the_end),
        backends,
        run: opts.at_the_end,
        budget: opts.run.budget(Some(MATRIX_BUDGET)),
    };
    let directory = RunDir::create(&opts.output)?;
    let recorder =
        Recorder::new(Some(directory), reporter(false, opts.quiet || opts.json, None), stop)
            .with_known(issues.clone());
    recorder.observe(Event::RunStarted {
        brink: env!("CARGO_PKG_VERSION").to_owned(),
        engine: ENGINE.to_owned(),
        arguments: std::env::args().skip(1).collect(),
        seed: 0,
        machine: machine(),
        backends: run.backends.clone(),
    });
    let report = check_width(&run, pool, stop, &recorder)?;
    let (mut findings, mut standings) = (Vec::new(), Vec::new());
    for wrong in report.wrong.values() {
        let mut found = None;
        // Where one does not show alone, another of the same kind may.
        for wrong in wrong.iter().take(TRIES).filter(|_| !stop.load(Relaxed)) {
            found = confirm_width(wrong, run.budget, pool, stop).context("confirm an access")?;
            if found.is_some() {
                break;
            }
        }
        match found {
            Some(finding) => {
                // Known on one backend may be news on another.
                let on = |wrong: &Wrong| {
                    known::standing(issues, &finding.violation, &finding.signature, &wrong.backend)
                };
                standings.extend(wrong.iter().map(on));
                recorder.observe(Event::Found { finding: Box::new(finding.clone()) });
                findings.push(finding);
            }
            None => {
                // What did not show alone is nothing that a list could know.
                standings.push(None);
                if !stop.load(Relaxed) {
                    let message = "a wrong access did not show in a module of its own".to_owned();
                    recorder.observe(Event::Warned { message });
                }
            }
        }
    }
    let complete = !stop.load(Relaxed);
    recorder.observe(Event::ended(complete, &report.stats, pool.seats));
    recorder.finish()?;
    report::matrix(opts, &report, &findings, complete);
    tell_known(opts, &standings);
    for (backend, reason) in report.failed.iter().take(1) {
        remark(&format!(
            "brink: {} modules could not be checked; one on {backend}: {reason}",
            report.failed.len()
        ));
    }
    if report.unsure_count > 0 {
        remark(&format!(
            "brink: {} accesses are uncertain, and not known to be right",
            report.unsure_count
        ));
    }
    let (_, not_run, _) = report.run;
    if not_run > 0 {
        remark(&format!(
            "brink: {not_run} modules were to be run at the end of memory, and could not be"
        ));
    }
    if complete && report.wrong.is_empty() && report.failed.is_empty() {
        let looked_at: u64 = report.modules.values().map(|(looked_at, _)| looked_at).sum();
        let all = run.backends.len();
        ensure!(looked_at > 0, "check the matrix: none of the {all} configurations takes it");
        ensure!(
            !opts.at_the_end || report.calls > 0,
            "run the code of the matrix: it can be called on none of the {all} configurations (a \
             release that is had as a library compiles, and runs nothing)"
        );
    }
    Ok(match (known::exit(standings.iter().map(Option::as_ref)), report.failed.is_empty()) {
        (Some(exit), true) => exit,
        // Nobody knows what is behind code that could not be looked at.
        (Some(_), false) => Exit::Found,
        (None, _) if !complete => Exit::Interrupted,
        // All of the matrix is known to be needed, so nothing of it may stay open.
        (None, true) if report.unsure_count > 0 => Exit::Usage,
        (None, true) => Exit::Nothing,
        (None, false) => Exit::Usage,
    })
}

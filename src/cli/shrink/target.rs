//! What a shrink keeps: the violation that is seen before it begins and confirmed after it has ended.

use super::Opts;
use super::output::Output;
use crate::campaign::{
    CONFIRMATIONS, Case, Finding, Judged, Repro, ReproReport, ReproRun, Subject, reproduce,
};
use crate::cli::recorder::{FindingFile, Recorder};
use crate::cli::verdicts;
use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles;
use crate::report::Quiet;
use crate::sandbox::Pool;
use crate::shrink::{Candidate, Smallest};
use crate::triage::Signature;
use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What is to be kept while the case gets smaller.
pub(super) struct Target {
    pub(super) run: ReproRun,
    pub(super) signature: Signature,
    pub(super) peers: Vec<Backend>,
    pub(super) budget: Budget,
}

fn case_of(candidate: &Candidate) -> Result<Case> {
    Ok(match candidate {
        Candidate::Recipe(recipe) => Case::of_recipe(recipe)?,
        Candidate::Module(bytes) => Case::of_module("module.wasm", bytes.clone())?,
    })
}

/// Runs a candidate on all backends.
pub(super) fn try_once(
    candidate: &Candidate,
    backends: &[Backend],
    budget: Budget,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<ReproReport> {
    let repro = Repro {
        case: case_of(candidate)?,
        backends: backends.to_vec(),
        budget,
        times: 1,
        keep_artifacts: false,
    };
    let recorder = Recorder::new(None, Box::new(Quiet), stop);
    let mut report = reproduce(&repro, pool, stop, &recorder);
    recorder.finish()?;
    report.seat_error.take().map_or(Ok(report), |error| Err(error.into()))
}

/// The violation that is to be kept: that of the finding, or the first that is seen.
pub(super) fn target(
    opts: &Opts,
    finding: Option<&FindingFile>,
    report: ReproReport,
    backends: &[Backend],
    budget: Budget,
) -> Result<Target> {
    let name = opts.input.name();
    let mut otherwise = None;
    for run in report.runs {
        let wanted = run.violations.iter().find(|judged| match (finding, &opts.oracle) {
            (_, Some(oracle)) => judged.violation.oracle == *oracle,
            (Some(finding), None) => judged.signature.to_string() == finding.signature,
            (None, None) => true,
        });
        if let Some(judged) = wanted {
            let (signature, peers) = (judged.signature.clone(), backends.to_vec());
            return Ok(Target { signature, peers, budget, run });
        }
        let seen = run.violations.first().map(|judged| judged.violation.summary.clone());
        let seen = seen.unwrap_or_else(|| verdicts::describe(&run.outcome));
        otherwise.get_or_insert(format!("on {} it {seen}", run.backend));
    }
    let otherwise = otherwise.unwrap_or_else(|| "it was run on no backend".to_owned());
    match finding {
        Some(_) if opts.oracle.is_some() => {
            let oracle = opts.oracle.as_deref().unwrap_or_default();
            bail!(
                "shrink {name}: nothing is seen that the oracle {oracle} calls wrong: {otherwise}"
            )
        }
        Some(finding) => bail!(
            "shrink {name}: the finding does not reproduce ({}): {otherwise}; \
             `brink shrink {name}/recipe.toml` keeps whatever goes wrong now",
            finding.signature
        ),
        None => bail!("shrink {name}: nothing goes wrong with it: {otherwise}"),
    }
}

/// Fails where the smallest was never seen again: nothing is to be reported of it then.
pub(super) fn check_seen(opts: &Opts, output: &Output, (seen, runs): (u32, u32)) -> Result<()> {
    if seen == 0 {
        bail!(
            "shrink {}: the smallest, in {}, did not show it again in {runs} runs; the machine may be \
             too busy, or it needs more --time or --cases",
            opts.input.name(),
            output.path().display()
        );
    }
    Ok(())
}

/// Runs the smallest as often as any finding.
pub(super) fn confirm(
    smallest: &Smallest,
    target: &Target,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Finding> {
    let own = &target.run.backend;
    let mut backends = vec![own.clone()];
    let compares = target
        .run
        .violations
        .iter()
        .any(|j| j.signature == target.signature && oracles::compares(&j.violation.oracle));
    if compares {
        backends.extend(target.peers.iter().filter(|peer| *peer != own).cloned());
    }
    let (mut seen, mut runs, mut last) = (0, 0, None);
    // A person who has stopped the search does not wait for more.
    while runs <= CONFIRMATIONS && !stop.load(Relaxed) {
        let report = try_once(&smallest.candidate, &backends, target.budget, pool, stop)?;
        let own = report.runs.into_iter().find(|run| run.backend == target.run.backend);
        let Some(run) = own.filter(|_| !stop.load(Relaxed)) else { break };
        runs += 1;
        let judged = run.violations.iter().find(|judged| judged.signature == target.signature);
        if let Some(judged) = judged.cloned() {
            seen += 1;
            last = Some((judged.violation, run.outcome));
        }
    }
    // Never confirmed, it is still what the search saw, in one run.
    let (violation, outcome) = match last {
        Some(last) => last,
        None => {
            let judged = target.run.violations.iter().find(|j| j.signature == target.signature);
            let judged = judged.context("find the violation that was kept")?;
            (judged.violation.clone(), target.run.outcome.clone())
        }
    };
    let judged = Judged { signature: target.signature.clone(), violation };
    let subject = match &smallest.candidate {
        Candidate::Recipe(recipe) => Subject::Recipe(recipe.clone()),
        Candidate::Module(_) => Subject::Module("smallest.wasm".to_owned()),
    };
    let (backend, seen) = (target.run.backend.clone(), (seen, runs));
    let found = Finding::of(&judged, subject, backend, target.budget, outcome, seen);
    let peers = if compares { target.peers.clone() } else { Vec::new() };
    Ok(Finding { peers, ..found })
}

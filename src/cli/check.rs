//! `brink check`: what a producer of Wasm asks of a module. How near the limits is it, and does it
//! compile everywhere?

mod nearest;

use self::nearest::{Near, examine, headroom};
use super::Exit;
use super::exit::{in_one_sentence, remark, say};
use super::input;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::table;
use super::verdicts;
use crate::campaign::{Repro, ReproReport, ReproRun};
use crate::outcome::{EngineVerdict, Termination};
use crate::report;
use crate::store;
use crate::triage::KnownIssues;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Longest verdict in the table.
const VERDICT_WIDTH: usize = 60;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Modules (.wasm, .wat), or directories of such
    #[arg(required = true, value_name = "MODULE")]
    modules: Vec<PathBuf>,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print each module as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let backends = opts.run.backends(None)?;
    let paths = modules(&opts.modules)?;
    let stop = stop_flag()?;
    let mut worst = Exit::Nothing;
    let mut failed = 0;
    for path in &paths {
        let checked = input::read_module(path).and_then(|bytes| examine(path, bytes)).and_then(
            |(case, near)| {
                let (backends, budget) = (backends.clone(), opts.run.budget(None));
                let repro = Repro { case, backends, budget, times: 1, keep_artifacts: false };
                check(opts, &repro, &near, &issues, &stop)
                    .with_context(|| format!("check {}", path.display()))
            },
        );
        match checked {
            Ok(exit) => worst = worse(worst, exit),
            Err(error) => {
                remark(&format!("brink: failed to {}", in_one_sentence(&error)));
                failed += 1;
            }
        }
        if stop.load(Relaxed) {
            return Ok(worse(worst, Exit::Interrupted));
        }
    }
    if failed > 0 && paths.len() > 1 {
        remark(&format!(
            "brink: {failed} of {} modules could not be checked, see above",
            paths.len()
        ));
    }
    Ok(if failed > 0 { worse(worst, Exit::Usage) } else { worst })
}

/// How two modules ended together: what is new outweighs what is known, and any finding outweighs
/// that the rest was not checked.
fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Found, _) | (_, Exit::Found) => Exit::Found,
        (Exit::Known, _) | (_, Exit::Known) => Exit::Known,
        (Exit::Nothing, other) => other,
        (one, _) => one,
    }
}

/// The modules that are named, and those in directories that are.
fn modules(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for path in named {
        if !path.is_dir() {
            modules.push(path.clone());
            continue;
        }
        let within = modules_in(path)?;
        ensure!(
            !within.is_empty(),
            "find a module in {}: it has no .wasm and no .wat",
            path.display()
        );
        modules.extend(within);
    }
    Ok(modules)
}

/// The modules in a directory and in those below it, in the order of their paths; what runs have left
/// there is known to be slow or wrong, and looked at by `brink repro`.
fn modules_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let doing = || format!("read the directory {}", directory.display());
    let entries: std::io::Result<Vec<fs::DirEntry>> =
        fs::read_dir(directory).and_then(Iterator::collect);
    let mut entries = entries.with_context(doing)?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut modules = Vec::new();
    for entry in entries {
        let path = entry.path();
        let is_module = |it: &std::ffi::OsStr| {
            it.eq_ignore_ascii_case("wasm") || it.eq_ignore_ascii_case("wat")
        };
        // A link to a directory may lead back here.
        if entry.file_type().with_context(doing)?.is_dir() {
            if !store::is_run_file(&path) {
                modules.extend(modules_in(&path)?);
            }
        } else if path.extension().is_some_and(is_module) && path.is_file() {
            modules.push(path);
        }
    }
    Ok(modules)
}

/// Compiles a module everywhere and tells what came of it.
fn check(
    opts: &Opts,
    repro: &Repro,
    near: &[Near],
    issues: &KnownIssues,
    stop: &AtomicBool,
) -> Result<Exit> {
    if !opts.json && !opts.quiet {
        say(&headroom(repro, near));
    }
    let mut report = verdicts::reach(repro, &opts.run, opts.quiet || opts.json, stop)?;
    let settled = verdicts::settle(&mut report, stop)?;
    if opts.json {
        let runs: Vec<_> = report.runs.iter().map(|run| verdicts::json(repro, run)).collect();
        let subject = &repro.case.subject;
        let line =
            serde_json::json!({ "module": subject.to_string(), "headroom": near, "runs": runs });
        say(&format!("{line}\n"));
    } else if !opts.quiet {
        say(&outcomes(repro, &report));
        say(&verdicts::tally(repro, &report));
    }
    let standings = verdicts::standings(issues, &report);
    if !opts.json && !opts.quiet {
        verdicts::tell_known(&standings);
    }
    let found = known::exit(standings.iter().map(Option::as_ref));
    if let Some(exit) = settled {
        return Ok(found.unwrap_or(exit));
    }
    // What does not compile and breaks no promise is still what was asked for.
    let unexplained = verdicts::not_compiled(repro, &report).any(|run| run.violations.is_empty());
    Ok(match found {
        Some(exit) if !unexplained => exit,
        None if verdicts::compiles_everywhere(repro, &report) => Exit::Nothing,
        _ => Exit::Found,
    })
}

/// What each backend made of it.
fn outcomes(repro: &Repro, report: &ReproReport) -> String {
    let row = |run: &ReproRun| {
        let measured = &run.outcome.measurements;
        let apart = verdicts::not_applicable(repro, run);
        let (verdict, code) = match (&run.outcome.termination, apart) {
            (_, Some(reason)) => (format!("not applicable: {reason}"), "-".to_owned()),
            (Termination::Completed { verdict: EngineVerdict::Accepted { artifact } }, None) => {
                ("accepted".to_owned(), report::bytes(artifact.code_bytes))
            }
            _ => (verdicts::ending(&run.outcome), "-".to_owned()),
        };
        let mut verdict = report::clip(&verdict, VERDICT_WIDTH);
        if !run.violations.is_empty() {
            verdict = format!("VIOLATION: {verdict}");
        }
        vec![
            run.backend.to_string(),
            verdict,
            report::microseconds(measured.cpu_us),
            verdicts::memory(&run.outcome),
            code,
        ]
    };
    let rows: Vec<Vec<String>> = report.runs.iter().map(row).collect();
    let mut text = table::list(&["backend", "verdict", "CPU time", "memory", "code"], &rows);
    for run in &report.runs {
        for judged in &run.violations {
            text += &format!("{}: {}\n", run.backend, judged.violation.summary);
        }
    }
    text
}

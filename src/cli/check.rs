//! `brink check`: what a producer of Wasm asks of a module. How near the limits is it, and does it
//! compile everywhere?
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::Exit;
use super::exit::say;
use super::input;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::table;
use super::verdicts;
use crate::campaign::{Case, Repro, ReproReport, ReproRun};
use crate::limits::{self, HeadroomError, Limit, Source, Usage};
use crate::outcome::{EngineVerdict, Termination};
use crate::report;
use crate::triage::KnownIssues;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use wasmparser::{Validator, WasmFeatures};

/// Limits that are told of each module: those that it is nearest to.
const NEAREST: usize = 5;

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

/// How near a module is to a limit.
#[derive(Debug, Serialize)]
struct Near {
    limit: &'static str,
    used: u64,
    /// The least that any source has.
    most: u64,
    percent: f64,
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
                eprintln!("brink: failed to {error:#}");
                failed += 1;
            }
        }
        if stop.load(Relaxed) {
            return Ok(worse(worst, Exit::Interrupted));
        }
    }
    if failed > 0 && paths.len() > 1 {
        eprintln!("brink: {failed} of {} modules could not be checked, see above", paths.len());
    }
    Ok(if failed > 0 { Exit::Usage } else { worst })
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
        let doing = || format!("read the directory {}", path.display());
        let mut within = Vec::new();
        for entry in fs::read_dir(path).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            if path.extension().is_some_and(|it| it == "wasm" || it == "wat") && path.is_file() {
                within.push(path);
            }
        }
        ensure!(!within.is_empty(), "{}: it has no .wasm and no .wat", doing());
        within.sort();
        modules.extend(within);
    }
    Ok(modules)
}

/// A module that is valid, and the limits that it is nearest to.
fn examine(path: &Path, bytes: Vec<u8>) -> Result<(Case, Vec<Near>)> {
    let doing = || format!("check {}", path.display());
    let usage = match limits::headroom(&bytes) {
        Ok(usage) => usage,
        Err(error @ HeadroomError::Component) => return Err(error).with_context(doing),
        // The validator says the same better.
        Err(HeadroomError::Unreadable(_) | HeadroomError::UnknownIndex { .. }) => Usage::new(),
    };
    let near = nearest(&usage);
    if let Err(error) = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes) {
        let past = near.first().filter(|near| near.used > near.most);
        let past = past.map_or(String::new(), |near| {
            format!(" ({} of {} where {} are the most)", near.used, near.limit, near.most)
        });
        let line = crate::recipe::one_line(&error.to_string());
        return Err(anyhow::anyhow!("{line}{past}"))
            .with_context(|| format!("{}: it is not valid", doing()));
    }
    Ok((Case::of_module(&path.display().to_string(), bytes)?, near))
}

/// The limits that a module is nearest to, nearest first.
fn nearest(usage: &Usage) -> Vec<Near> {
    let of = |(id, used): (&'static str, u64)| {
        let most = least(limits::limit(id)?)?;
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let percent = used as f64 * 100.0 / most.max(1) as f64;
        // To a thousandth of a per cent.
        let percent = (percent * 1e3).round() / 1e3;
        Some(Near { limit: id, used, most, percent })
    };
    let mut all: Vec<Near> = usage.iter().filter(|(_, used)| *used > 0).filter_map(of).collect();
    all.sort_by(|a, b| b.percent.total_cmp(&a.percent).then(a.limit.cmp(b.limit)));
    all.truncate(NEAREST);
    all
}

/// The least of what sources say of a limit, since a module is to compile everywhere.
fn least(limit: &Limit) -> Option<u64> {
    let sources = [Source::JsApi, Source::Wasmparser, Source::Wasmtime, Source::V8];
    sources.into_iter().filter_map(|source| limit.value(source)).min()
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
    Ok(if unexplained { Exit::Found } else { found.unwrap_or(Exit::Nothing) })
}

/// The limits that the module is nearest to.
fn headroom(repro: &Repro, near: &[Near]) -> String {
    let Case { subject, module_bytes, .. } = &repro.case;
    let mut text = format!("{subject}: {}\n", report::bytes(*module_bytes));
    if near.is_empty() {
        return text + "It uses nothing that is limited.\n\n";
    }
    let row = |near: &Near| {
        let percent = match near.percent {
            percent if percent < 0.01 => "under 0.01%".to_owned(),
            percent => format!("{percent:.2}%"),
        };
        vec![near.limit.to_owned(), near.used.to_string(), near.most.to_string(), percent]
    };
    let rows: Vec<Vec<String>> = near.iter().map(row).collect();
    text += &table::list(&["nearest limits", "used", "limit", "share"], &rows);
    text + "\n"
}

/// What each backend made of it.
fn outcomes(repro: &Repro, report: &ReproReport) -> String {
    let row = |run: &ReproRun| {
        let measured = &run.outcome.measurements;
        let (verdict, code) = match (&run.outcome.termination, verdicts::lacking(repro, run)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limits_come_first_and_the_strictest_source_counts() {
        let mut usage = Usage::new();
        usage.raise("function-locals", 25_000);
        usage.raise("types", 10);
        let near = nearest(&usage);
        assert_eq!((near[0].limit, near[0].used), ("function-locals", 25_000));
        assert!((near[0].percent - 50.0).abs() < 1.0, "{near:?}");
        assert_eq!(near.len(), 2);
        // 100 for the validator, 10,000,000 in the JavaScript interface.
        let tables = limits::limit("tables").unwrap();
        assert_eq!(least(tables), [tables.js_api, tables.wasmparser].into_iter().flatten().min());
    }

    #[test]
    fn what_is_not_valid_is_told_with_the_limit_that_it_is_past() {
        let text = "(module (func (local i64) i32.add))";
        let error = examine(Path::new("a.wat"), wat::parse_str(text).unwrap()).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("a.wat") && message.contains("not valid"), "{message}");
        let past = format!("(module (func {}))", "(local i64)".repeat(50_001));
        let error = examine(Path::new("b.wat"), wat::parse_str(past).unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("50001 of function-locals where 50000"), "{error:#}");
    }
}

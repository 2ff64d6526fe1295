//! `brink limits --oom`.

use super::Opts;
use crate::campaign::{Judged, ShortageCase, ShortageReport, run_short, shortage_recipes};
use crate::cli::Exit;
use crate::cli::exit::say;
use crate::cli::known;
use crate::cli::options::stop_flag;
use crate::cli::table::wrapped;
use crate::engines::Backend;
use crate::job::Budget;
use crate::report::Known;
use anyhow::{Result, ensure};
use std::sync::atomic::Ordering::Relaxed;

/// The limits of all rounds of one module.
const BUDGET: Budget = Budget::new(600, 4 << 30);

/// The allocations of one module that are failed one by one; as many again of those behind them.
const EACH: u64 = 200;

/// The backend whose artifacts are loaded where none is asked for.
const BACKEND: &str = "x86_64";

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let backends = if opts.session.run.backends.is_empty() && opts.session.run.engines.is_empty() {
        vec![BACKEND.parse::<Backend>()?]
    } else {
        opts.session.run.backends(None)?
    };
    for backend in &backends {
        ensure!(
            backend.engine().is_builtin() && backend.executes_here(),
            "fail allocations on {backend}: only what the built-in engine can run here is looked at"
        );
    }
    let budget = opts.session.run.budget(Some(BUDGET));
    let pool = opts.session.run.pool(&backends)?;
    let stop = stop_flag()?;
    let each = if opts.full { u64::MAX >> 16 } else { EACH };
    let issues = opts.session.known.read()?;
    let mut standings: Vec<Option<Known>> = Vec::new();
    let (mut rounds, mut incomplete) = (0, 0);
    for ShortageCase { recipe, each_max } in shortage_recipes() {
        for backend in &backends {
            if stop.load(Relaxed) {
                break;
            }
            let proposals = &crate::campaign::Case::of_recipe(&recipe)?.proposals;
            if let Some(reason) = backend.lacks(proposals) {
                if !opts.session.quiet && !opts.session.json {
                    say(&format!("{recipe} on {backend}: not applicable: {reason}\n"));
                }
                continue;
            }
            let report =
                run_short(&recipe, backend, (budget, each.min(each_max)), None, &pool, &stop)?;
            let standing =
                |it: &Judged| known::standing(&issues, &it.violation, &it.signature, backend);
            let known: Vec<Option<Known>> = report.violations.iter().map(standing).collect();
            rounds += report.rounds;
            incomplete += u64::from(!report.complete && !stop.load(Relaxed));
            tell(opts, &recipe.to_string(), backend, &report, &known);
            standings.extend(known);
        }
    }
    if !opts.session.quiet && !opts.session.json {
        let faults = standings.len();
        say(&format!("{rounds} allocations were refused; {faults} kinds of fault\n"));
    }
    if stop.load(Relaxed) {
        say("interrupted\n");
    }
    match (known::exit(standings.iter().map(Option::as_ref)), stop.load(Relaxed)) {
        (Some(Exit::Found), _) => return Ok(Exit::Found),
        (Some(known), true) => return Ok(known),
        (None, true) => return Ok(Exit::Interrupted),
        (Some(_) | None, false) => {}
    }
    ensure!(
        incomplete == 0,
        "fail every allocation: {incomplete} modules were not run to their end"
    );
    Ok(known::exit(standings.iter().map(Option::as_ref)).unwrap_or(Exit::Nothing))
}

fn tell(
    opts: &Opts,
    recipe: &str,
    backend: &Backend,
    report: &ShortageReport,
    known: &[Option<Known>],
) {
    let ShortageReport {
        rounds,
        errors,
        survived,
        granted,
        complete,
        failure,
        aborts,
        faults,
        violations,
    } = report;
    if opts.session.json {
        let violations: Vec<&str> = violations.iter().map(|it| it.violation.key.as_str()).collect();
        let line = serde_json::json!({
            "subject": recipe,
            "backend": backend,
            "rounds": rounds,
            "errors": errors,
            "survived": survived,
            "granted": granted,
            "complete": complete,
            "failure": failure,
            "aborts": aborts,
            "faults": faults,
            "violations": violations,
            "known": known.iter().flatten().map(ToString::to_string).collect::<Vec<_>>(),
        });
        say(&format!("{line}\n"));
        return;
    }
    if !opts.session.quiet {
        let end = if *complete { "" } else { " (given up before the end)" };
        say(&format!(
            "{recipe} on {backend}: {rounds} allocations refused one by one{end}: {errors} errors as \
             promised, {survived} times it did without, {} faults; {granted} more were not tried, \
             since one in the same function aborted\n",
            faults.len()
        ));
        for abort in aborts {
            say(&wrapped(&format!("  not judged: {abort}\n")));
        }
    }
    if let Some(reason) = failure {
        say(&wrapped(&format!("  NOT RUN to its end, {recipe} on {backend}: {reason}\n")));
    }
    for (judged, known) in violations.iter().zip(known) {
        say(&wrapped(&format!("  FAULT {}\n", judged.violation.summary)));
        if let Some(known) = known {
            say(&wrapped(&format!("    {known}\n")));
        }
    }
}

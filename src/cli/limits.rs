//! `brink limits`.

mod shortage;

use super::exit::{remark, say};
use super::known::KnownOpts;
use super::options::{RunOpts, stop_flag};
use super::output::reporter;
use super::recorder::Recorder;
use super::table::{list, wrapped};
use super::{Exit, self_test};
use crate::campaign::{
    LIMIT_TABLES, LimitReport, LimitRun, LimitTest, LimitVerdict, limit_table, limit_tests,
    run_limit_tests,
};
use crate::engines::Backend;
use crate::job::Budget;
use anyhow::{Result, bail, ensure};
use clap::Args;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

/// The limits of a job: a million functions take a while, and none takes longer.
const BUDGET: Budget = Budget::new(300, 8 << 30);

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Only the tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Also the modules of a gigabyte; with --oom, every allocation
    #[arg(long)]
    full: bool,
    /// List the tests, and what they deviate in by design, without running them
    #[arg(long, conflicts_with = "oom")]
    list: bool,
    /// Instead, fail one allocation after the other while modules are loaded, linked and called
    #[arg(long, conflicts_with = "only")]
    oom: bool,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print each verdict as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but what fails
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if opts.oom {
        return shortage::run(opts);
    }
    let wanted = |test: &LimitTest| {
        let named = opts.only.as_ref().is_none_or(|text| test.name.contains(text.as_str()));
        named && (opts.full || opts.list || !test.large)
    };
    let tests: Vec<LimitTest> = limit_tests().into_iter().filter(wanted).collect();
    if tests.is_empty() {
        let only = opts.only.as_deref().unwrap_or_default();
        bail!("find a limit test: no name has {only:?} in it, or --full is needed; see --list");
    }
    if opts.list {
        return Ok(show(&tests));
    }
    let backends = opts.run.backends(None)?;
    let engines: BTreeSet<_> = backends.iter().map(Backend::engine).collect();
    for engine in engines.into_iter().filter(|engine| limit_table(engine).is_none()) {
        remark(&format!(
            "brink: no deviations by design are known of {}; whatever it does otherwise than the \
             tests say fails",
            engine.title()
        ));
    }
    let run = LimitRun { tests, backends, budget: opts.run.budget(Some(BUDGET)) };
    let stop = stop_flag()?;
    if let Some(exit) = self_test::gate(&stop)? {
        return Ok(exit);
    }
    let pool = opts.run.pool(&run.backends)?;
    let recorder = Recorder::new(None, reporter(false, opts.quiet || opts.json, None), &stop);
    let report = run_limit_tests(&run, &pool, &stop, &recorder);
    recorder.finish()?;
    tell(opts, &run, &report);
    if let Some(error) = report.error {
        bail!("run the limit tests: {error}");
    }
    let failed = report.verdicts.values().any(|v| matches!(v, LimitVerdict::Failed(_)));
    if stop.load(Relaxed) {
        remark(&format!("brink: interrupted; {} verdicts came", report.verdicts.len()));
        return Ok(if failed { Exit::Changed } else { Exit::Interrupted });
    }
    let applicable = |v: &&LimitVerdict| !matches!(v, LimitVerdict::NotApplicable(_));
    let told = |v: &LimitVerdict| !matches!(v, LimitVerdict::Unclear(_));
    let mut asked = report.verdicts.values().filter(applicable).peekable();
    ensure!(
        asked.peek().is_some(),
        "run the limit tests: none of them can be asked of these backends"
    );
    ensure!(asked.any(told), "run the limit tests: every one of them is unclear; see above");
    Ok(if failed { Exit::Changed } else { Exit::Nothing })
}

/// The tests by name, and the tables of deviations.
fn show(tests: &[LimitTest]) -> Exit {
    let rows: Vec<Vec<String>> = tests.iter().map(row).collect();
    say(&list(&["test", "from", "expected", "module", "run"], &rows));
    say(&format!("\n{} tests\n", tests.len()));
    for table in LIMIT_TABLES {
        say(&format!("\nDeviations of {} by design:\n", table.of));
        for deviation in table.deviations {
            let does = if deviation.accepts { "accepted" } else { "refused" };
            let (row, stand) = (deviation.row, deviation.stand);
            say(&wrapped(&format!("  {row}, {stand}: {does}: {}\n", deviation.reason)));
        }
        if table.deviations.is_empty() {
            say("  none\n");
        }
    }
    Exit::Nothing
}

fn row(test: &LimitTest) -> Vec<String> {
    let run = match (test.shares(), test.large) {
        (Some(other), _) => format!("that of {other:?}"),
        (None, true) => "with --full".to_owned(),
        (None, false) => "its own".to_owned(),
    };
    let expected = if test.accept { "accepted" } else { "refused" };
    let module = test.recipe.to_string();
    vec![test.name.clone(), test.origin.to_string(), expected.to_owned(), module, run]
}

fn tell(opts: &Opts, run: &LimitRun, report: &LimitReport) {
    if opts.json {
        for (&(test, backend), verdict) in &report.verdicts {
            let (name, words) = words(verdict);
            let line = serde_json::json!({
                "test": run.tests[test].name,
                "backend": run.backends[backend],
                "verdict": name,
                "words": words,
            });
            say(&format!("{line}\n"));
        }
        return;
    }
    if !opts.quiet {
        table(run, report);
        deviations(run, report);
    }
    for (&(test, backend), verdict) in &report.verdicts {
        let LimitVerdict::Failed(reason) = verdict else { continue };
        let (test, backend) = (&run.tests[test], &run.backends[backend]);
        let expected = if test.accept { "accepted" } else { "refused" };
        say(&wrapped(&format!(
            "FAILED {} on {backend}: to be {expected}, and {reason}\n  module: {}\n  \
             brink limits --only {:?} -b {backend}\n",
            test.name, test.recipe, test.name
        )));
    }
    for (&(test, backend), verdict) in &report.verdicts {
        let LimitVerdict::Unclear(reason) = verdict else { continue };
        let (test, backend) = (&run.tests[test].name, &run.backends[backend]);
        say(&wrapped(&format!("unclear {test} on {backend}: {reason}\n")));
    }
    if !opts.quiet {
        summary(run, report);
    }
}

fn words(verdict: &LimitVerdict) -> (&'static str, &str) {
    match verdict {
        LimitVerdict::Passed(words) => ("passed", words),
        LimitVerdict::CleanError(words) => ("clean-error", words),
        LimitVerdict::Deviates(reason) => ("deviates", reason),
        LimitVerdict::Failed(reason) => ("failed", reason),
        LimitVerdict::Unclear(reason) => ("unclear", reason),
        LimitVerdict::NotApplicable(reason) => ("not-applicable", reason),
    }
}

/// A word for a cell of the table.
fn cell(verdict: Option<&LimitVerdict>) -> String {
    let word = match verdict {
        None => "",
        Some(LimitVerdict::Passed(_)) => "ok",
        Some(LimitVerdict::CleanError(_)) => "error",
        Some(LimitVerdict::Deviates(_)) => "deviates",
        Some(LimitVerdict::Failed(_)) => "FAILED",
        Some(LimitVerdict::Unclear(_)) => "unclear",
        Some(LimitVerdict::NotApplicable(_)) => "-",
    };
    word.to_owned()
}

fn table(run: &LimitRun, report: &LimitReport) {
    let names: Vec<String> = run.backends.iter().map(Backend::to_string).collect();
    let columns: Vec<&str> =
        std::iter::once("test").chain(names.iter().map(String::as_str)).collect();
    let rows = run.tests.iter().enumerate().map(|(at, test)| {
        let cells = (0..names.len()).map(|backend| cell(report.verdicts.get(&(at, backend))));
        std::iter::once(test.name.clone()).chain(cells).collect()
    });
    say(&list(&columns, &rows.collect::<Vec<_>>()));
}

/// The deviations by design that were seen, each once.
fn deviations(run: &LimitRun, report: &LimitReport) {
    let seen = report.verdicts.iter().filter_map(|(&(test, _), verdict)| match verdict {
        LimitVerdict::Deviates(reason) => {
            let test = &run.tests[test];
            Some(format!("{}, {}: {reason}", test.row, test.stand))
        }
        LimitVerdict::Passed(_)
        | LimitVerdict::CleanError(_)
        | LimitVerdict::Failed(_)
        | LimitVerdict::Unclear(_)
        | LimitVerdict::NotApplicable(_) => None,
    });
    let seen: BTreeSet<String> = seen.collect();
    if !seen.is_empty() {
        say("\nDeviations by design:\n");
        seen.iter().for_each(|line| say(&wrapped(&format!("  {line}\n"))));
    }
    say("\n");
}

fn summary(run: &LimitRun, report: &LimitReport) {
    let count = |name: &str| report.verdicts.values().filter(|v| words(v).0 == name).count();
    say(&format!(
        "{} tests on {} backends: {} passed, {} ended with a clean error, {} deviate by design, \
         {} failed, {} unclear, {} not applicable; {} of CPU time\n",
        run.tests.len(),
        run.backends.len(),
        count("passed"),
        count("clean-error"),
        count("deviates"),
        count("failed"),
        count("unclear"),
        count("not-applicable"),
        crate::report::microseconds(report.cpu_us),
    ));
}

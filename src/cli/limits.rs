//! `brink limits`.

mod failures;
mod shortage;
mod told;

use super::Exit;
use super::exit::{remark, say};
use super::known;
use super::recorder::write_reports;
use super::session::{self, Plan, RunFile, Session, SessionOpts};
use super::table::{list, wrapped};
use crate::campaign::{
    Judged, LIMIT_TABLES, LimitReport, LimitRun, LimitTest, LimitVerdict, limit_table, limit_tests,
    run_limit_tests,
};
use crate::job::Budget;
use crate::report::{Known, Tally};
use crate::sandbox::{Host, Pool};
use crate::triage::KnownIssues;
use anyhow::{Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
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
    session: SessionOpts,
    /// The run directory
    #[arg(
        short,
        long,
        value_name = "DIR",
        default_value = "brink-limits.out",
        conflicts_with = "oom"
    )]
    output: PathBuf,
    /// Go on with the tests in the run directory, with the options that they were started with
    #[arg(long, conflicts_with_all = ["only", "full", "list", "oom", "engines", "backends",
                                      "time_limit", "memory_limit", "stack"])]
    resume: bool,
}

/// Which tests are run, beside what every run is.
#[derive(Debug, Serialize, Deserialize)]
struct LimitPlan {
    only: Option<String>,
    full: bool,
}

impl Plan for LimitPlan {
    const COMMAND: &'static str = "limits";

    fn seed(&self) -> u64 {
        0
    }
}

impl LimitPlan {
    fn tests(&self) -> Result<Vec<LimitTest>> {
        let wanted = |test: &LimitTest| {
            let name = test.name.to_lowercase();
            let named = self.only.as_ref().is_none_or(|text| name.contains(&text.to_lowercase()));
            named && (self.full || !test.large)
        };
        let tests: Vec<LimitTest> = limit_tests().into_iter().filter(wanted).collect();
        let only = self.only.as_deref().unwrap_or_default();
        ensure!(
            !tests.is_empty(),
            "find a limit test: no name has {only:?} in it; see --list (modules of a gigabyte \
             need --full)"
        );
        Ok(tests)
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if opts.oom {
        return shortage::run(opts);
    }
    if opts.list {
        let plan = LimitPlan { only: opts.only.clone(), full: true };
        return Ok(show(&plan.tests()?));
    }
    let planned = if opts.resume { None } else { Some(plan(opts)?) };
    let resume = || Session::resume(&opts.output);
    let session::Opened { begun, session, pool } =
        match session::open(&opts.session, &opts.output, planned, resume)? {
            Ok(opened) => opened,
            Err(exit) => return Ok(exit),
        };
    let tests = session.file.plan.tests()?;
    warn_of_unknown(&pool);
    let (recorder, file, past) = session.record(&opts.session, &begun, None);
    let run = LimitRun { tests, backends: file.backends, budget: file.budget, past };
    let report = run_limit_tests(&run, &pool, &begun.stop, &recorder);
    let complete = report.error.is_none() && !begun.stop.load(Relaxed);
    if opts.session.json {
        // Before the event that ends the run.
        told::verdicts(&run, &report, &begun.issues);
    }
    let tally = session::end(recorder, Some((complete, &report.stats)), &pool)?;
    write_reports(&opts.output, &opts.output, &tally)?;
    if !opts.session.json {
        told::tell(opts, &run, &report, &tally, &begun.issues);
    }
    if let Some(error) = &report.error {
        bail!("run the limit tests: {error}");
    }
    if !complete {
        let verdicts = report.verdicts.len();
        remark(&format!("brink: interrupted; {verdicts} verdicts came, and --resume goes on"));
    }
    exit(&run, &report, &tally, &begun.issues, complete)
}

/// The tests that the options ask for.
fn plan(opts: &Opts) -> Result<RunFile<LimitPlan>> {
    let plan = LimitPlan { only: opts.only.clone(), full: opts.full };
    plan.tests()?;
    let run = &opts.session.run;
    Ok(RunFile::new(plan, run.backends(None)?, run.budget(Some(BUDGET)), None))
}

/// The exit code. What is known on the backend of a finding may be news on another.
fn exit(
    run: &LimitRun,
    report: &LimitReport,
    tally: &Tally,
    issues: &KnownIssues,
    complete: bool,
) -> Result<Exit> {
    let standing = |(at, judged): &(usize, Judged)| {
        known::standing(issues, &judged.violation, &judged.signature, &run.backends[*at])
    };
    let stand: Vec<Option<Known>> = report.stand.iter().map(standing).collect();
    let all = tally.standings().chain(stand.iter().map(Option::as_ref));
    let differs = |verdict: &LimitVerdict| verdict.failure().is_some_and(|it| it.judged.is_none());
    match (known::exit(all), !report.verdicts.values().any(differs)) {
        (Some(Exit::Found), _) => return Ok(Exit::Found),
        (_, false) => return Ok(Exit::Changed),
        (Some(known), true) => return Ok(known),
        (None, true) if !complete => return Ok(Exit::Interrupted),
        (None, true) => {}
    }
    let applicable = |v: &&LimitVerdict| !matches!(v, LimitVerdict::NotApplicable(_));
    let told = |v: &LimitVerdict| !matches!(v, LimitVerdict::Unclear(_));
    let mut asked = report.verdicts.values().filter(applicable).peekable();
    ensure!(
        asked.peek().is_some(),
        "run the limit tests: none of them can be asked of these backends"
    );
    ensure!(asked.any(told), "run the limit tests: every one of them is unclear; see above");
    Ok(Exit::Nothing)
}

/// Says of which engines no deviations are known.
fn warn_of_unknown(pool: &Pool) {
    let engines = pool.hosts.iter().map(Host::engine);
    for engine in engines.filter(|engine| limit_table(engine).is_none()) {
        remark(&format!(
            "brink: no deviations by design are known of {}; whatever it does otherwise than the \
             tests say fails",
            engine.id.title()
        ));
    }
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

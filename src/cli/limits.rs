//! `brink limits`.

mod shortage;
mod told;

use super::exit::{remark, say};
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::output::reporter;
use super::recorder::{Recorder, write_reports};
use super::session::{Plan, RunFile, Session};
use super::table::{list, wrapped};
use super::{Exit, self_test};
use crate::campaign::{
    Event, LIMIT_TABLES, LimitRun, LimitTest, LimitVerdict, Observer, limit_table, limit_tests,
    run_limit_tests,
};
use crate::engines::Backend;
use crate::job::Budget;
use anyhow::{Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
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
    /// Print each verdict as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but what fails
    #[arg(short, long)]
    quiet: bool,
}

/// Which tests are run, beside what every run is.
#[derive(Debug, Default, Serialize, Deserialize)]
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
            let named = self.only.as_ref().is_none_or(|text| test.name.contains(text.as_str()));
            named && (self.full || !test.large)
        };
        let tests: Vec<LimitTest> = limit_tests().into_iter().filter(wanted).collect();
        let only = self.only.as_deref().unwrap_or_default();
        ensure!(
            !tests.is_empty(),
            "find a limit test: no name has {only:?} in it, or --full is needed; see --list"
        );
        Ok(tests)
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if opts.oom {
        return shortage::run(opts);
    }
    let plan = LimitPlan { only: opts.only.clone(), full: opts.full || opts.list };
    let tests = plan.tests()?;
    if opts.list {
        return Ok(show(&tests));
    }
    let issues = opts.known.read()?;
    let planned = if opts.resume {
        None
    } else {
        let (backends, budget) = (opts.run.backends(None)?, opts.run.budget(Some(BUDGET)));
        Some(RunFile::new(plan, backends, budget, None))
    };
    let stop = stop_flag()?;
    if let Some(exit) = self_test::gate(&stop)? {
        return Ok(exit);
    }
    let Session { directory, file, past, spent } = match planned {
        Some(file) => Session::create(&opts.output, file)?,
        None => Session::<LimitPlan>::resume(&opts.output)?,
    };
    warn_of_unknown(&file.backends);
    let pool = opts.run.pool(&file.backends)?;
    let recorder =
        Recorder::new(Some(directory), reporter(false, opts.quiet || opts.json, None), &stop)
            .with_known(issues.clone())
            .after(spent);
    past.iter().for_each(|event| recorder.remember(event));
    recorder.observe(file.started());
    let tests = file.plan.tests()?;
    let run = LimitRun { tests, backends: file.backends, budget: file.budget, past };
    let report = run_limit_tests(&run, &pool, &stop, &recorder);
    let complete = report.error.is_none() && !stop.load(Relaxed);
    recorder.observe(Event::ended(complete, &report.stats, pool.seats));
    let tally = recorder.finish()?;
    write_reports(&opts.output, &opts.output, &tally)?;
    told::tell(opts, &run, &report, &tally, &issues);
    if let Some(error) = report.error {
        bail!("run the limit tests: {error}");
    }
    // A failure that the oracles have no word for is no finding, and outweighs what is known.
    let mut standings = Vec::new();
    let mut changed = false;
    for (&(_, backend), verdict) in &report.verdicts {
        let Some(failure) = verdict.failure() else { continue };
        match &failure.judged {
            None => changed = true,
            Some(_) => standings.push(told::standing(&issues, failure, &run.backends[backend])),
        }
    }
    match known::exit(standings.iter().map(Option::as_ref)) {
        Some(Exit::Found) => return Ok(Exit::Found),
        _ if changed => return Ok(Exit::Changed),
        Some(known) if complete => return Ok(known),
        Some(_) | None => {}
    }
    if !complete {
        remark(&format!(
            "brink: interrupted; {} verdicts came, and --resume goes on",
            report.verdicts.len()
        ));
        return Ok(Exit::Interrupted);
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
fn warn_of_unknown(backends: &[Backend]) {
    let engines: BTreeSet<_> = backends.iter().map(Backend::engine).collect();
    for engine in engines.into_iter().filter(|engine| limit_table(engine).is_none()) {
        remark(&format!(
            "brink: no deviations by design are known of {}; whatever it does otherwise than the \
             tests say fails",
            engine.title()
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

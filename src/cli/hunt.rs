//! `brink hunt`.

use super::Exit;
use super::exit::say;
use super::options::{parse_shard, parse_time};
use super::output::keep_cost_card;
use super::recorder::write_reports;
use super::session::{self, Plan, RunFile, Session, SessionOpts};
use crate::campaign::{Hunt, HuntOptions};
use crate::job::Budget;
use crate::report::hunt_summary;
use anyhow::{Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How long a hunt takes where nothing else is said.
const DEFAULT_TIME: Duration = Duration::from_secs(600);

/// The limits of a job: half of those of a timed sweep, since a hunt is after small modules.
pub(super) const BUDGET: Budget = Budget::new(10, 2 << 30);

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Time for the search, such as 90s, 10m or 8h; what it has begun then may take up to 75 s more
    /// [default: 10m, none with --cases]; with --resume, the time
    /// from now on [default there: what is left]
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "cases")]
    time: Option<Duration>,
    /// Try so many cases and let only counters guide the search: with -j 1, equal seeds then try
    /// equal cases
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// What chance is drawn from
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "resume")]
    seed: u64,
    /// Do part I of N of the search, to share it between machines
    #[arg(long, value_name = "I/N", value_parser = parse_shard, default_value = "1/1",
          conflicts_with = "resume")]
    shard: (u64, u64),
    #[command(flatten)]
    session: SessionOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink-hunt.out")]
    output: PathBuf,
    /// Go on with the hunt in the run directory, with the options that it was started with
    #[arg(long, conflicts_with_all = ["engines", "backends", "time_limit", "memory_limit", "stack"])]
    resume: bool,
}

/// What a hunt is, beside what every run is.
#[derive(Debug, Serialize, Deserialize)]
struct HuntPlan {
    hunt_seed: u64,
    shard: (u64, u64),
    cases: Option<u64>,
}

impl Plan for HuntPlan {
    const COMMAND: &'static str = "hunt";

    fn seed(&self) -> u64 {
        self.hunt_seed
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let planned = if opts.resume { None } else { Some(plan(opts)?) };
    let opened = session::open(&opts.session, &opts.output, planned, || resume(opts))?;
    let session::Opened { begun, session, pool } = match opened {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    let time = session.time_left();
    let (recorder, file, past) = session.record(&opts.session, &begun, time);
    let mut options = HuntOptions {
        backends: file.backends,
        budget: file.budget,
        time,
        cases: file.plan.cases,
        seed: file.plan.hunt_seed,
        shard: file.plan.shard,
        first: 0,
        known: Vec::new(),
        past: Vec::new(),
        open: Vec::new(),
        found: Vec::new(),
    };
    options.go_on(past);
    let ended = Hunt::new(options, &recorder, &begun.stop).run(&pool);
    let how = ended.as_ref().ok().map(|end| (end.complete, &end.stats));
    let tally = session::end(recorder, how, &pool)?;
    let end = ended?;
    write_reports(&opts.output, &opts.output, &tally)?;
    keep_cost_card(&tally.cost_card, &opts.output)?;
    if opts.session.tells() {
        say(&hunt_summary(&tally, Some(&opts.output)));
        say(&format!("The archive has elites of {} kinds.\n", end.elites));
    }
    Ok(session::exit(&tally, end.complete))
}

/// The hunt that the options ask for.
fn plan(opts: &Opts) -> Result<RunFile<HuntPlan>> {
    let time = opts.time.or((opts.cases.is_none()).then_some(DEFAULT_TIME));
    let plan = HuntPlan { hunt_seed: opts.seed, shard: opts.shard, cases: opts.cases };
    let run = &opts.session.run;
    Ok(RunFile::new(plan, run.backends(None)?, run.budget(Some(BUDGET)), time))
}

/// The hunt in the run directory, with what is left of its time or cases.
fn resume(opts: &Opts) -> Result<Session<HuntPlan>> {
    let mut session = Session::<HuntPlan>::resume(&opts.output)?;
    if let Some(time) = opts.time {
        session.file.time_s = Some((session.spent + time).as_secs());
    }
    session.file.plan.cases = opts.cases.or(session.file.plan.cases);
    ensure!(
        session.time_left().is_none_or(|left| left >= Duration::from_secs(1)),
        "go on with the hunt in {}: its time is over; `--time 10m` gives it ten minutes more",
        opts.output.display()
    );
    Ok(session)
}

//! `brink hunt`.

use super::Exit;
use super::exit::say;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, parse_time, stop_flag, this_exe};
use super::output::{keep_cost_card, reporter};
use super::recorder::{Recorder, machine, write_reports};
use super::self_test;
use crate::campaign::{Event, Hunt, HuntOptions, Machine, Observer, Subject};
use crate::engines::{Backend, ENGINE};
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::report::hunt_summary;
use crate::store::{RunDir, read_run_file};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How long a hunt takes where nothing else is said.
const DEFAULT_TIME: Duration = Duration::from_secs(600);

/// The limits of a job: half of those of a timed sweep, since a hunt is after small modules.
const BUDGET: Budget = Budget::new(10, 2 << 30);

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Time for the search, such as 90s, 10m or 8h; what it has begun then may take up to 75 s more
    /// [default: 10m, none with --cases]; may be given anew with --resume
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
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink-hunt.out")]
    output: PathBuf,
    /// Go on with the hunt in the run directory, with the options that it was started with
    #[arg(long, conflicts_with_all = ["engines", "backends", "time_limit", "memory_limit", "stack"])]
    resume: bool,
    /// Print every event as a line of JSON, and no summary
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// What a hunt is: kept in `run.json`, so that it can be resumed as it was started.
#[derive(Debug, Serialize, Deserialize)]
struct HuntFile {
    brink: String,
    engine: String,
    arguments: Vec<String>,
    machine: Machine,
    hunt_seed: u64,
    shard: (u64, u64),
    backends: Vec<Backend>,
    budget: Budget,
    time_s: Option<u64>,
    cases: Option<u64>,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let planned = if opts.resume { None } else { Some(plan(opts)?) };
    let stop = stop_flag()?;
    if let Some(failed) = self_test::first_failure(&this_exe()?)? {
        return Ok(self_test::refuse(&failed));
    }
    let (directory, file, past) = match planned {
        Some(file) => {
            let directory = RunDir::create(&opts.output)?;
            directory.write_run_file(&serde_json::to_string_pretty(&file)?)?;
            (directory, file, Vec::new())
        }
        None => resume(opts)?,
    };
    let pool = opts.run.pool(&file.backends)?;
    let time = file.time_s.map(Duration::from_secs);
    let reporter = reporter(opts.json, opts.quiet, time);
    let recorder = Recorder::new(Some(directory), reporter, &stop).with_known(issues);
    past.iter().for_each(|event| recorder.remember(event));
    recorder.observe(Event::RunStarted {
        brink: file.brink.clone(),
        engine: file.engine.clone(),
        arguments: std::env::args().skip(1).collect(),
        seed: file.hunt_seed,
        machine: file.machine.clone(),
        backends: file.backends.clone(),
    });
    let mut options = HuntOptions {
        backends: file.backends,
        budget: file.budget,
        time,
        cases: file.cases,
        seed: file.hunt_seed,
        shard: file.shard,
        first: 0,
        past: Vec::new(),
        found: Vec::new(),
    };
    take_into_account(&mut options, past);
    let ended = Hunt::new(options, &recorder, &stop).run(&pool);
    if let Ok(end) = &ended {
        recorder.observe(Event::ended(end.complete, &end.stats, pool.seats));
    }
    let tally = recorder.finish()?;
    let end = ended?;
    write_reports(&opts.output, &tally)?;
    keep_cost_card(&tally, &opts.output)?;
    if !opts.json && !opts.quiet {
        say(&hunt_summary(&tally, Some(&opts.output)));
        say(&format!("The archive has elites of {} kinds.\n", end.elites));
    }
    let nothing = if end.complete { Exit::Nothing } else { Exit::Interrupted };
    Ok(known::exit(tally.standings()).unwrap_or(nothing))
}

/// The hunt that the options ask for.
fn plan(opts: &Opts) -> Result<HuntFile> {
    let time = opts.time.or((opts.cases.is_none()).then_some(DEFAULT_TIME));
    Ok(HuntFile {
        brink: env!("CARGO_PKG_VERSION").to_owned(),
        engine: ENGINE.to_owned(),
        arguments: std::env::args().skip(1).collect(),
        machine: machine(),
        hunt_seed: opts.seed,
        shard: opts.shard,
        backends: opts.run.backends(None)?,
        budget: opts.run.budget(Some(BUDGET)),
        time_s: time.map(|time| time.as_secs()),
        cases: opts.cases,
    })
}

/// The hunt in the run directory, and what happened in it.
fn resume(opts: &Opts) -> Result<(RunDir, HuntFile, Vec<Event>)> {
    let (directory, past) = RunDir::resume(&opts.output)?;
    let text = read_run_file(&opts.output)?;
    let mut file: HuntFile = serde_json::from_str(&text).with_context(|| {
        format!("understand run.json in {} as that of a hunt", opts.output.display())
    })?;
    ensure!(
        file.engine == ENGINE,
        "resume the hunt in {}: it was made with {}, and this is {ENGINE}",
        opts.output.display(),
        file.engine
    );
    if let Some(time) = opts.time {
        file.time_s = Some(time.as_secs());
    }
    file.cases = opts.cases.or(file.cases);
    Ok((directory, file, past))
}

/// Begins where an earlier part of the hunt ended.
fn take_into_account(options: &mut HuntOptions, past: Vec<Event>) {
    for event in past {
        match event {
            Event::JobEnded { line, subject, backend, outcome, .. } => {
                let number = line.split(' ').nth(2).and_then(|word| word.parse::<u64>().ok());
                options.first = options.first.max(number.map_or(0, |number| number + 1));
                if let Subject::Recipe(recipe) = subject
                    && outcome.says_something()
                {
                    options.past.push((recipe, backend, Outcome::clone(&outcome)));
                }
            }
            Event::Found { finding } => options.found.push(*finding),
            Event::RunStarted { .. }
            | Event::JobsStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => {}
        }
    }
}

/// A part such as `2/4`.
fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parts
        .filter(|&(i, n): &(u64, u64)| (1..=n).contains(&i))
        .ok_or_else(|| format!("{text:?} is no part; write 1/4 for the first of four"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_nonsense_is_not() {
        assert_eq!(parse_shard("2/4"), Ok((2, 4)));
        for text in ["", "0/4", "5/4", "1", "a/b", "1/0", "-1/2"] {
            assert!(parse_shard(text).is_err(), "{text:?} was read as a part");
        }
    }
}

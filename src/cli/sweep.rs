//! `brink sweep`.

use super::Exit;
use super::exit::say;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, parse_time, stop_flag, this_exe};
use super::output::{keep_cost_card, reporter};
use super::recorder::{Recorder, machine, write_reports};
use super::{self_test, table};
use crate::campaign::{Event, Machine, Observer, Past, Scope, Subject, Sweep, SweepOptions};
use crate::engines::{Backend, ENGINE};
use crate::job::Budget;
use crate::names::did_you_mean;
use crate::ops::Unit;
use crate::outcome::Outcome;
use crate::recipe::Proximity;
use crate::report::{atlas, summary};
use crate::shapes::{self, SHAPES, Shape};
use crate::store::{RunDir, read_events, read_run_file, write_file};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The default sweep ends before five minutes are over, the jobs that still run by then included.
const DEFAULT_TIME: Duration = Duration::from_secs(240);

/// The limits of a job in a sweep with a time of its own: a job that was foretold to fit and does
/// not is worth telling, and one such job must not use up the time of many others.
const TIMED_BUDGET: Budget = Budget::new(20, 4 << 30);

/// Where a timed sweep stops on its way to the limits.
const LADDER: &[Proximity] = &[
    Proximity::Min,
    Proximity::Fraction(10),
    Proximity::Fraction(100),
    Proximity::Fraction(1_000),
    Proximity::At,
    Proximity::Above(1),
];

/// Where a sweep on several engines stops, so that they can be compared.
const ATLAS: &[Proximity] = &[
    Proximity::Min,
    Proximity::Fraction(2_500),
    Proximity::Fraction(5_000),
    Proximity::At,
    Proximity::Above(1),
];

/// What a sweep on several engines leaves in its run directory beside the events.
const ATLAS_FILE: &str = "atlas.md";

/// Where a full sweep goes.
const FULL: &[Proximity] = &[Proximity::Min, Proximity::At, Proximity::Above(1)];

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Only these shapes
    #[arg(short, long = "shape", value_name = "SHAPE", num_args = 1.., conflicts_with = "resume")]
    shapes: Vec<String>,
    /// Exactly these proximities: min, at, at+1, at-1, 25% ... without a limit of time
    #[arg(long, value_name = "PROXIMITY", num_args = 1.., conflicts_with_all = ["full", "resume"])]
    at: Vec<Proximity>,
    /// Everything at its minimum, at its limit and one past it, without a limit of time
    #[arg(long, conflicts_with = "resume")]
    full: bool,
    /// Time for the whole sweep, such as 90s, 5m or 2h [default: 240s, none with --full
    /// or --at]; may be given anew with --resume
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: Option<Duration>,
    /// The unit of shapes that repeat one, such as "f64.sqrt(load) -> store"
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["each_operator", "resume"])]
    unit: Option<String>,
    /// Try every operator of the table, repeated [default for a sweep of all shapes]
    #[arg(long, conflicts_with = "resume")]
    each_operator: bool,
    /// Draw the units of shapes from this seed, rather than take a plain addition
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "resume")]
    seed: u64,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink.out")]
    output: PathBuf,
    /// Go on with the run in the run directory, with the options that it was started with
    #[arg(long, conflicts_with_all = ["engines", "backends", "time_limit", "memory_limit", "stack"])]
    resume: bool,
    /// Print every event as a line of JSON, and no summary
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// What a run is: kept in `run.json`, so that it can be resumed as it was started.
#[derive(Debug, Serialize, Deserialize)]
struct RunFile {
    brink: String,
    engine: String,
    arguments: Vec<String>,
    machine: Machine,
    scope: Scope,
    backends: Vec<Backend>,
    budget: Budget,
    time_s: Option<u64>,
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
    let compares = several_engines(&file.backends);
    let time = file.time_s.map(Duration::from_secs);
    let reporter = reporter(opts.json, opts.quiet, time);
    let recorder = Recorder::new(Some(directory), reporter, &stop).with_known(issues);
    past.iter().for_each(|event| recorder.remember(event));
    recorder.observe(Event::RunStarted {
        brink: file.brink.clone(),
        engine: file.engine.clone(),
        arguments: std::env::args().skip(1).collect(),
        seed: file.scope.seed,
        machine: file.machine.clone(),
        backends: file.backends.clone(),
    });
    let mut options = SweepOptions {
        scope: file.scope,
        backends: file.backends,
        budget: file.budget,
        time,
        past: BTreeMap::new(),
        known: Vec::new(),
    };
    take_into_account(&mut options, &past);
    let ended = Sweep::new(options, &recorder, &stop).run(&pool);
    if let Ok(end) = &ended {
        recorder.observe(Event::ended(end.complete, &end.stats, pool.seats));
    }
    let tally = recorder.finish()?;
    let end = ended?;
    write_reports(&opts.output, &tally)?;
    if compares {
        let place = opts.output.join(ATLAS_FILE);
        let text = atlas(&read_events::<Event>(&opts.output)?);
        write_file(&place, &mut |file| file.write_all(text.as_bytes()))?;
        if !opts.quiet && !opts.json {
            say(&format!("What each engine does near each limit is in {}.\n", place.display()));
        }
    }
    keep_cost_card(&tally, &opts.output)?;
    if !opts.json && !opts.quiet {
        say(&summary(&tally, Some(&opts.output), table::width()));
    }
    let nothing = if end.complete { Exit::Nothing } else { Exit::Interrupted };
    Ok(known::exit(tally.standings()).unwrap_or(nothing))
}

/// The run that the options ask for.
fn plan(opts: &Opts) -> Result<RunFile> {
    for id in &opts.shapes {
        ensure!(
            shapes::shape(id).is_some(),
            "find the shape {id:?}{}; `brink list shapes` names them all",
            did_you_mean(shapes::nearest_shape(id).as_deref())
        );
    }
    let unit = match &opts.unit {
        None => None,
        Some(text) => {
            Some(text.parse::<Unit>().with_context(|| format!("read the unit {text:?}"))?)
        }
    };
    let backends = opts.run.backends(None)?;
    let compares = several_engines(&backends);
    let (rungs, untimed) = match (opts.full, opts.at.is_empty()) {
        (true, _) => (FULL.to_vec(), true),
        (false, false) => (opts.at.clone(), true),
        (false, true) if compares => (ATLAS.to_vec(), false),
        (false, true) => (LADDER.to_vec(), false),
    };
    let time = opts.time.or((!untimed).then_some(DEFAULT_TIME));
    let everything = opts.shapes.is_empty() && opts.at.is_empty() && unit.is_none();
    let scope = Scope {
        shapes: opts.shapes.clone(),
        unit,
        each_operator: opts.each_operator || (everything && !compares),
        seed: opts.seed,
        rungs,
        operators_climb: untimed,
    };
    let takes_unit = |shape: &&&dyn Shape| {
        scope.shapes.is_empty() || scope.shapes.iter().any(|id| id == shape.id())
    };
    if let Some(unit) = &scope.unit {
        ensure!(
            SHAPES.iter().filter(takes_unit).any(|shape| shape.unit() == Some(unit.kind())),
            "use the unit {unit}: none of the shapes takes a unit of its kind ({})",
            unit.kind()
        );
    }
    ensure!(
        !opts.each_operator
            || opts.shapes.is_empty()
            || opts.shapes.iter().any(|id| id == "repeat"),
        "try each operator: it is the shape repeat that repeats them; add it to --shape"
    );
    Ok(RunFile {
        brink: env!("CARGO_PKG_VERSION").to_owned(),
        engine: ENGINE.to_owned(),
        arguments: std::env::args().skip(1).collect(),
        machine: machine(),
        scope,
        backends,
        budget: opts.run.budget(time.map(|_| TIMED_BUDGET)),
        time_s: time.map(|time| time.as_secs()),
    })
}

/// The run in the run directory, and what happened in it.
fn resume(opts: &Opts) -> Result<(RunDir, RunFile, Vec<Event>)> {
    let (directory, past) = RunDir::resume(&opts.output)?;
    let text = read_run_file(&opts.output)?;
    let mut file: RunFile = serde_json::from_str(&text)
        .with_context(|| format!("understand run.json in {}", opts.output.display()))?;
    ensure!(
        file.engine == ENGINE,
        "resume the run in {}: it was made with {}, and this is {ENGINE}",
        opts.output.display(),
        file.engine
    );
    if let Some(time) = opts.time {
        file.time_s = Some(time.as_secs());
    }
    Ok((directory, file, past))
}

/// Whether more than one engine is asked, so that the point is to compare them.
fn several_engines(backends: &[Backend]) -> bool {
    backends.windows(2).any(|pair| pair[0].engine() != pair[1].engine())
}

/// Leaves out what an earlier part of the run has done.
fn take_into_account(options: &mut SweepOptions, past: &[Event]) {
    for event in past {
        match event {
            Event::JobEnded {
                line,
                at: Some(at),
                backend,
                outcome,
                violations,
                subject: Subject::Recipe(recipe),
                ..
            } if outcome.says_something() => {
                let past = Past {
                    recipe: recipe.id(),
                    outcome: Outcome::clone(outcome),
                    violations: violations.clone(),
                };
                options.past.insert((line.clone(), *at, backend.clone()), past);
            }
            Event::Found { finding } => options.known.push(finding.signature.clone()),
            Event::JobEnded { .. }
            | Event::RunStarted { .. }
            | Event::JobsStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => {}
        }
    }
}

//! `brink sweep`.
#![expect(clippy::print_stdout, reason = "printing is this room's work")]

use super::Exit;
use super::options::{RunOpts, parse_time, stop_flag};
use super::recorder::{Recorder, machine};
use super::self_test;
use crate::campaign::{Event, Observer, Past, Scope, Subject, Sweep, SweepOptions};
use crate::engines::{self, ENGINE};
use crate::job::Budget;
use crate::ops::Unit;
use crate::outcome::{Outcome, Termination};
use crate::recipe::Proximity;
use crate::report::{Json, Plain, Quiet, Reporter, Terminal, summary};
use crate::shapes;
use crate::store::RunDir;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
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

/// Where a full sweep goes.
const FULL: &[Proximity] = &[Proximity::Min, Proximity::At, Proximity::Above(1)];

/// Width of the summary where the terminal does not say.
const WIDTH: u16 = 140;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Only these shapes
    #[arg(short, long = "shape", value_name = "SHAPE", num_args = 1..)]
    shapes: Vec<String>,
    /// Exactly these proximities: min, at, at+1, at-1, 25% ... without a limit of time
    #[arg(long, value_name = "PROXIMITY", num_args = 1.., conflicts_with = "full")]
    at: Vec<Proximity>,
    /// Everything at its minimum, at its limit and one past it, without a limit of time
    #[arg(long)]
    full: bool,
    /// Time for the whole sweep, such as 90s, 5m or 2h [default: 240s, none with --full or --at]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: Option<Duration>,
    /// The unit of shapes that repeat one, such as "f64.sqrt(load) -> store"
    #[arg(long, value_name = "UNIT", conflicts_with = "each_operator")]
    unit: Option<String>,
    /// Try every operator of the table, repeated [default for a sweep of all shapes]
    #[arg(long)]
    each_operator: bool,
    /// Draw the units of shapes from this seed, rather than take a plain addition
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    run: RunOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink.out")]
    output: PathBuf,
    /// Go on with the run in the run directory
    #[arg(long)]
    resume: bool,
    /// Print every event as a line of JSON, and no summary
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let pool = opts.run.pool()?;
    let options = options(opts)?;
    let stop = stop_flag()?;
    let (directory, past) = open(opts)?;
    if let Some(failed) = self_test::first_failure(&pool.exe)? {
        return Ok(self_test::refuse(&failed));
    }
    let time = options.time;
    let reporter: Box<dyn Reporter> = if opts.json {
        Box::new(Json)
    } else if opts.quiet {
        Box::new(Quiet)
    } else if std::io::stderr().is_terminal() {
        Box::new(Terminal::new(time))
    } else {
        Box::new(Plain::default())
    };
    let recorder = Recorder::new(Some(directory), reporter, &stop);
    past.iter().for_each(|event| recorder.remember(event));
    let options = resumed(options, &past);
    recorder.observe(Event::RunStarted {
        brink: env!("CARGO_PKG_VERSION").to_owned(),
        engine: ENGINE.to_owned(),
        arguments: std::env::args().skip(1).collect(),
        seed: opts.seed,
        machine: machine(),
        backends: options.backends.clone(),
    });
    let ended = Sweep::new(options, &recorder, &stop).run(&pool);
    if let Ok(end) = &ended {
        recorder.observe(Event::ended(end.complete, &end.stats, pool.seats));
    }
    let tally = recorder.finish()?;
    let end = ended?;
    if !opts.json && !opts.quiet {
        print!("{}", summary(&tally, Some(&opts.output), width()));
    }
    Ok(match (end.complete, tally.findings.is_empty()) {
        (_, false) => Exit::Found,
        (true, true) => Exit::Nothing,
        (false, true) => Exit::Interrupted,
    })
}

fn options(opts: &Opts) -> Result<SweepOptions> {
    for id in &opts.shapes {
        if shapes::shape(id).is_none() {
            let near = shapes::nearest_shape(id).map(|near| format!("; did you mean {near:?}?"));
            bail!(
                "find the shape {id:?}{}; `brink list shapes` names them all",
                near.unwrap_or_default()
            );
        }
    }
    let unit = match &opts.unit {
        None => None,
        Some(text) => {
            Some(text.parse::<Unit>().with_context(|| format!("read the unit {text:?}"))?)
        }
    };
    let (rungs, untimed) = match (opts.full, opts.at.is_empty()) {
        (true, _) => (FULL.to_vec(), true),
        (false, false) => (opts.at.clone(), true),
        (false, true) => (LADDER.to_vec(), false),
    };
    let time = opts.time.or((!untimed).then_some(DEFAULT_TIME));
    let everything = opts.shapes.is_empty() && opts.at.is_empty() && unit.is_none();
    Ok(SweepOptions {
        scope: Scope {
            shapes: opts.shapes.clone(),
            unit,
            each_operator: opts.each_operator || everything,
            seed: opts.seed,
            rungs,
        },
        backends: opts.run.backends(&engines::default_set())?,
        budget: opts.run.budget(time.map(|_| TIMED_BUDGET)),
        time,
        past: BTreeMap::new(),
        known: Vec::new(),
    })
}

/// The run directory, and what happened in it before.
fn open(opts: &Opts) -> Result<(RunDir, Vec<Event>)> {
    if opts.resume {
        let (directory, events) = RunDir::resume(&opts.output)?;
        return Ok((directory, events));
    }
    refuse_foreign(&opts.output)?;
    Ok((RunDir::create(&opts.output)?, Vec::new()))
}

/// A folder that holds something else than a run is left alone.
fn refuse_foreign(path: &Path) -> Result<()> {
    if path.exists() && !path.is_dir() {
        bail!("use {} as the run directory: it is a file", path.display());
    }
    Ok(())
}

/// Leaves out what an earlier part of the run has done.
fn resumed(mut options: SweepOptions, past: &[Event]) -> SweepOptions {
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
            } if says_something(outcome) => {
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
            | Event::Warned { .. }
            | Event::RunEnded { .. } => {}
        }
    }
    options
}

/// What could not be run, or proves nothing, is run again.
fn says_something(outcome: &Outcome) -> bool {
    !matches!(outcome.termination, Termination::Infrastructure { .. } | Termination::Ambiguous)
}

/// Width of the terminal, if standard output is one.
pub(super) fn width() -> u16 {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.ok().map(|size| size.ws_col).filter(|&columns| columns > 0).unwrap_or(WIDTH)
}

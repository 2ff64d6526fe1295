//! `brink sweep`.

use super::Exit;
use super::exit::say;
use super::options::parse_time;
use super::output::keep_cost_card;
use super::recorder::write_reports;
use super::session::{self, Plan, RunFile, Session, SessionOpts};
use super::table;
use crate::campaign::{Event, Scope, Sweep, SweepOptions};
use crate::engines::Backend;
use crate::job::Budget;
use crate::names::did_you_mean;
use crate::ops::Unit;
use crate::recipe::Proximity;
use crate::report::{atlas, summary};
use crate::shapes::{self, SHAPES, Shape};
use crate::store::{read_events, write_file};
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
pub(super) const LADDER: &[Proximity] = &[
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
    session: SessionOpts,
    /// The run directory
    #[arg(short, long, value_name = "DIR", default_value = "brink.out")]
    output: PathBuf,
    /// Go on with the run in the run directory, with the options that it was started with
    #[arg(long, conflicts_with_all = ["engines", "backends", "time_limit", "memory_limit", "stack"])]
    resume: bool,
}

/// What a sweep is, beside what every run is.
#[derive(Debug, Serialize, Deserialize)]
struct SweepPlan {
    scope: Scope,
}

impl Plan for SweepPlan {
    const COMMAND: &'static str = "sweep";

    fn seed(&self) -> u64 {
        self.scope.seed
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let planned = if opts.resume { None } else { Some(plan(opts)?) };
    let opened = session::open(&opts.session, &opts.output, planned, || resume(opts))?;
    let session::Opened { begun, session, pool } = match opened {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    let compares = several_engines(&session.file.backends);
    let time = session.file.time_s.map(Duration::from_secs);
    let (recorder, file, past) = session.record(&opts.session, &begun, time);
    let mut options = SweepOptions {
        scope: file.plan.scope,
        backends: file.backends,
        budget: file.budget,
        time,
        past: BTreeMap::new(),
        known: Vec::new(),
    };
    options.go_on(&past);
    let ended = Sweep::new(options, &recorder, &begun.stop).run(&pool);
    let how = ended.as_ref().ok().map(|end| (end.complete, &end.stats));
    let tally = session::end(recorder, how, &pool)?;
    let end = ended?;
    write_reports(&opts.output, &opts.output, &tally)?;
    if compares {
        let place = opts.output.join(ATLAS_FILE);
        let text = atlas(&read_events::<Event>(&opts.output)?);
        write_file(&place, &mut |file| file.write_all(text.as_bytes()))?;
        if opts.session.tells() {
            say(&format!("What each engine does near each limit is in {}.\n", place.display()));
        }
    }
    keep_cost_card(&tally.cost_card, &opts.output)?;
    if opts.session.tells() {
        say(&summary(&tally, Some(&opts.output), table::width()));
    }
    Ok(session::exit(&tally, end.complete))
}

/// The run that the options ask for.
fn plan(opts: &Opts) -> Result<RunFile<SweepPlan>> {
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
    let backends = opts.session.run.backends(None)?;
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
        recipes: Vec::new(),
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
    let budget = opts.session.run.budget(time.map(|_| TIMED_BUDGET));
    Ok(RunFile::new(SweepPlan { scope }, backends, budget, time))
}

/// The sweep in the run directory. Its time is that of each part, since a part goes on where the
/// last one had no time left.
fn resume(opts: &Opts) -> Result<Session<SweepPlan>> {
    let mut session = Session::<SweepPlan>::resume(&opts.output)?;
    if let Some(time) = opts.time {
        session.file.time_s = Some(time.as_secs());
    }
    Ok(session)
}

/// Whether more than one engine is asked, so that the point is to compare them.
fn several_engines(backends: &[Backend]) -> bool {
    backends.windows(2).any(|pair| pair[0].engine() != pair[1].engine())
}

//! `brink campaign`: hunts, sweeps and the regression corpus in rotation, for hours or for ever.
//!
//! A campaign is a run directory whose log keeps what is to last: findings, and rounds that came to
//! their end. The round that is under way has a run directory of its own in `round/`, from which it
//! is gone on with after a kill; the three before it are kept beside it. So the log stays small
//! however long the campaign goes on, and every finding is in one place.

mod chronicle;
pub(super) mod corpus;
mod hunting;
mod regressing;
mod rotation;
mod rounds;
pub(super) mod status;
mod sweeping;

use self::corpus::Corpus;
use self::rounds::next_round;
use self::status::{Keeper, State};
use super::exit::{in_one_sentence, remark, say};
use super::options::{parse_shard, parse_time};
use super::output::{keep_cost_card, read_cost_card};
use super::recorder::Recorder;
use super::session::{self, Plan, RunFile, Session, SessionOpts};
use super::{Exit, hunt};
use crate::campaign::{Event, Observer};
use crate::engines::{Backend, EngineId};
use crate::report::hunt_summary;
use crate::sandbox::{Pool, PoolStats};
use crate::store::is_run_file;
use anyhow::{Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How long a round takes where nothing else is said: long enough for a hunt to follow what it finds.
const ROUND: Duration = Duration::from_secs(600);

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Time for the whole campaign, all of its parts together, such as 8h [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: Option<Duration>,
    /// Time for each round [default: 10m]; what it has begun then may take up to 75 s more
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    round: Option<Duration>,
    /// What chance is drawn from [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Do part I of N, to share the work between machines; `brink merge` brings them together
    /// [default: 1/1]
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    shard: Option<(u64, u64)>,
    /// Begin with the recipes in these folders, too; a shard takes its part of them
    #[arg(long, value_name = "DIR", num_args = 1..)]
    corpus: Vec<PathBuf>,
    #[command(flatten)]
    session: SessionOpts,
    /// The directory of the campaign; where there is one already, it is gone on with
    #[arg(short, long, value_name = "DIR", default_value = "brink-campaign.out")]
    output: PathBuf,
}

/// What a campaign is, beside what every run is.
#[derive(Debug, Serialize, Deserialize)]
struct CampaignPlan {
    campaign_seed: u64,
    shard: (u64, u64),
    round_s: u64,
}

impl Plan for CampaignPlan {
    const COMMAND: &'static str = "campaign";

    fn seed(&self) -> u64 {
        self.campaign_seed
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    for folder in &opts.corpus {
        ensure!(folder.is_dir(), "read the recipes in {}: it is no folder", folder.display());
    }
    let goes_on = is_run_file(&opts.output);
    let planned = if goes_on { None } else { Some(plan(opts)?) };
    let opened = session::open(&opts.session, &opts.output, planned, || resume(opts))?;
    let session::Opened { begun, session, pool } = match opened {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    let first = next_round(&session.past);
    let time = session.file.time_s.map(Duration::from_secs);
    let (recorder, file, past) = session.record(&opts.session, &begun, None);
    let recorder = recorder.keeping(Event::is_lasting);
    match read_cost_card(&opts.output) {
        Ok(card) => recorder.take_in(card),
        Err(error) => recorder.observe(Event::Warned {
            message: format!(
                "the worst costs so far are left out: failed to {}",
                in_one_sentence(&error)
            ),
        }),
    }
    let corpus = Corpus::at(&opts.output, &past);
    for folder in &opts.corpus {
        corpus.import(folder, file.plan.shard, &recorder)?;
    }
    let keeper = Keeper::new(&opts.output, file.plan.campaign_seed, file.plan.shard, time);
    let campaign =
        Campaign { output: &opts.output, file, pool, stop: &begun.stop, recorder, corpus, keeper };
    let ended = campaign.go_on(first, &past, time);
    campaign.end(ended, opts)
}

/// The campaign that the options ask for.
fn plan(opts: &Opts) -> Result<RunFile<CampaignPlan>> {
    let run = &opts.session.run;
    let plan = CampaignPlan {
        campaign_seed: opts.seed.unwrap_or(0),
        shard: opts.shard.unwrap_or((1, 1)),
        round_s: opts.round.unwrap_or(ROUND).as_secs(),
    };
    Ok(RunFile::new(plan, run.backends(None)?, run.budget(Some(hunt::BUDGET)), opts.time))
}

/// The campaign in the directory. It is what it was begun as, but for its time.
fn resume(opts: &Opts) -> Result<Session<CampaignPlan>> {
    let mut session = Session::<CampaignPlan>::resume(&opts.output)?;
    let RunFile { plan, backends, budget, .. } = &session.file;
    let run = &opts.session.run;
    let asked = if run.names_backends() { run.backends(None)? } else { backends.clone() };
    let engines = |backends: &[Backend]| -> BTreeSet<EngineId> {
        backends.iter().map(|backend| backend.engine().clone()).collect()
    };
    let others = [
        ("--seed", opts.seed.is_some_and(|seed| seed != plan.campaign_seed)),
        ("--shard", opts.shard.is_some_and(|shard| shard != plan.shard)),
        ("--round", opts.round.is_some_and(|round| round.as_secs() != plan.round_s)),
        ("--engine", engines(&asked) != engines(backends)),
        ("--backend", in_any_order(&asked) != in_any_order(backends)),
        ("--time-limit", run.time_limit.is_some_and(|limit| limit != budget.cpu_s)),
        ("--memory-limit", run.memory_limit.is_some_and(|limit| limit != budget.memory_bytes)),
    ];
    if let Some((option, _)) = others.iter().find(|(_, differs)| *differs) {
        anyhow::bail!(
            "go on with the campaign in {}: it was begun with another {option}; leave that out, or \
             name another directory with --output",
            opts.output.display()
        );
    }
    session.spent = session.spent.max(status::spent(&opts.output));
    if let Some(time) = opts.time {
        session.file.time_s = Some(time.as_secs());
    }
    if let Some(time_s) = session.file.time_s.filter(|time_s| session.spent.as_secs() >= *time_s) {
        remark(&format!(
            "brink: the {time_s} s of the campaign in {} are over; it goes on with a larger --time",
            opts.output.display()
        ));
    }
    Ok(session)
}

fn in_any_order(backends: &[Backend]) -> BTreeSet<String> {
    backends.iter().map(ToString::to_string).collect()
}

/// A campaign that is under way.
struct Campaign<'a> {
    output: &'a Path,
    file: RunFile<CampaignPlan>,
    pool: Pool,
    stop: &'a AtomicBool,
    recorder: Recorder<'a>,
    corpus: Corpus,
    keeper: Keeper,
}

impl Campaign<'_> {
    /// Round after round, until the time is over; whether it is, rather than that it was stopped.
    fn go_on(
        &self,
        first: u64,
        past: &[Event],
        time: Option<Duration>,
    ) -> Result<(bool, PoolStats)> {
        let mut stats = PoolStats::default();
        // What the killed round found is in the log of the campaign.
        let mut open: Vec<Event> = past
            .iter()
            .rev()
            .take_while(|event| !matches!(event, Event::RoundEnded { .. }))
            .filter(|event| matches!(event, Event::Found { .. }))
            .cloned()
            .collect();
        let mut under_way = self.round_under_way(first);
        let first = under_way.as_ref().map_or(first, |(session, _)| session.file.plan.round);
        for number in first.. {
            let left = time.map(|time| time.saturating_sub(self.recorder.spent()));
            if left.is_some_and(|left| left < Duration::from_secs(1)) {
                return Ok((true, stats));
            }
            // Otherwise the folder of the round would bring it back, without all the rest.
            ensure!(
                is_run_file(self.output),
                "go on in {}: the directory has vanished",
                self.output.display()
            );
            let begun = match under_way.take() {
                Some(under_way) => Some(under_way),
                None => self.begin_round(number, left)?,
            };
            let Some((session, step)) = begun else { continue };
            let done = self.round(session, step, std::mem::take(&mut open))?;
            stats.add(&done.stats);
            if !done.complete {
                return Ok((false, stats));
            }
        }
        Ok((true, stats))
    }

    /// Tells what it came to.
    fn end(self, ended: Result<(bool, PoolStats)>, opts: &Opts) -> Result<Exit> {
        let Campaign { recorder, keeper, corpus, pool, .. } = self;
        let how = ended.as_ref().ok().map(|(complete, stats)| (*complete, stats));
        let figures = recorder.figures();
        let tally = session::end(recorder, how, &pool);
        let state = match (&ended, &tally) {
            (Ok((true, _)), Ok(_)) => State::Complete,
            (Ok((false, _)), Ok(_)) => State::Stopped,
            (Err(_), _) | (_, Err(_)) => State::Failed,
        };
        let kept = keeper.write(state, &figures, corpus.len());
        let (complete, _) = ended?;
        let tally = tally?;
        kept?;
        keep_cost_card(&tally.cost_card, &opts.output)?;
        if opts.session.tells() {
            say(&hunt_summary(&tally, Some(&opts.output)));
            say(&format!("{} rounds; the corpus has {} recipes.\n", tally.rounds, corpus.len()));
        }
        Ok(session::exit(&tally, complete && !self.stop.load(Relaxed)))
    }
}

//! A round that runs the cases of the regression corpus, where there is one here. What differs from
//! what is expected is told once, and kept in the campaign's log.

use super::corpus::Corpus;
use super::rotation::{Done, Round, Step};
use crate::campaign::{Check, Difference, Event, Expecting, Observer, RegressError, Seen, regress};
use crate::cli::options::{cache, installed};
use crate::cli::regress::{DIRECTORY, select};
use crate::corpus::{self, Entry};
use crate::engines::{Backend, EngineId, Installed};
use crate::recipe::Recipe;
use crate::sandbox::PoolStats;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

pub(super) struct Regressing;

impl Step for Regressing {
    fn name(&self) -> &'static str {
        "regress"
    }

    /// Most cases take a few seconds.
    fn share(&self, time: Duration) -> Duration {
        (time / 2).max(Duration::from_secs(1))
    }

    /// The cases are not among the recipes of a campaign: they are read when they are run.
    fn recipes(&self, corpus: &Corpus, observer: &dyn Observer) -> Result<Option<Vec<Recipe>>> {
        if Path::new(DIRECTORY).is_dir() {
            return Ok(Some(Vec::new()));
        }
        corpus.warn_once(
            format!("no regressions are run: there is no folder {DIRECTORY} here"),
            observer,
        );
        Ok(None)
    }

    /// After a kill it begins anew, as it tells nothing twice.
    fn run(&self, round: &Round<'_>) -> Result<Done> {
        let started = Instant::now();
        let cases = corpus::Corpus::read(&[PathBuf::from(DIRECTORY)]);
        for fault in &cases.faults {
            round.corpus.warn_once(format!("failed to {fault}"), round.observer);
        }
        let engines = engines(&round.file.backends)?;
        let mut checked = 0;
        for entry in part(&cases.entries, round) {
            let is_over = round.time.is_some_and(|time| started.elapsed() >= time);
            if is_over || round.stop.load(Relaxed) {
                break;
            }
            let checks = checks(entry, &engines, round);
            if checks.is_empty() {
                continue;
            }
            checked += checks.len() as u64;
            round.observer.observe(Event::JobsStarted {
                line: entry.slug.clone(),
                at: None,
                count: checks.len(),
                planned: checked,
            });
            look(&checks, round)?;
        }
        let complete = !round.stop.load(Relaxed);
        Ok(Done { complete, stats: PoolStats::default(), worth: Vec::new() })
    }
}

/// The cases of this shard that are run by default. Each round begins at another one, so that rounds
/// too short for all of them get to all of them.
fn part<'a>(entries: &'a [Entry], round: &Round<'_>) -> Vec<&'a Entry> {
    let plan = &round.file.plan;
    let (shard, shards) = plan.shard;
    let quick = entries.iter().filter(|entry| !entry.expectations.slow);
    let of_shard = (0..).zip(quick).filter(|(at, _)| at % shards == shard - 1);
    let mut part: Vec<&Entry> = of_shard.map(|(_, entry)| entry).collect();
    if let Some(first) = plan.round_seed.checked_rem(part.len() as u64) {
        part.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    part
}

/// The engines of the campaign that the cases are about.
fn engines(backends: &[Backend]) -> Result<Vec<Installed>> {
    let ids: BTreeSet<&EngineId> = backends.iter().map(Backend::engine).collect();
    let cache = cache()?;
    ids.into_iter().filter(|id| !id.is_web()).map(|id| installed(&cache, id)).collect()
}

/// A case on the backends of the campaign.
fn checks<'a>(entry: &'a Entry, engines: &[Installed], round: &Round<'_>) -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    for engine in engines {
        let of_engine = round.file.backends.iter().filter(|backend| *backend.engine() == engine.id);
        let wanted: Vec<Backend> =
            of_engine.map(|backend| backend.clone().on(&EngineId::builtin())).collect();
        let own = entry.expectations.backends.iter();
        for backend in own.filter(|backend| select::is_wanted(&wanted, backend)) {
            checks.extend(select::check(entry, backend, engine));
            if engine.id.is_builtin() && select::is_silent(entry, backend, engine) {
                let (folder, version) = (entry.folder.display(), &engine.version);
                round.corpus.warn_once(
                    format!("{folder} is not run: nothing is expected of {version} on {backend}"),
                    round.observer,
                );
            }
        }
    }
    checks
}

/// Runs checks and tells what differs.
fn look(checks: &[Check<'_>], round: &Round<'_>) -> Result<()> {
    let tell = |message: String| round.corpus.warn_once(message, round.observer);
    let all = match regress(checks, round.pool, round.stop, &|_, _| {}) {
        Err(error @ RegressError::Case { .. }) => {
            tell(format!("failed to {error}"));
            return Ok(());
        }
        all => all?,
    };
    for (Check { entry, backend, expect }, checked) in checks.iter().zip(all) {
        if let Some(Seen::Differs(_, seen)) = checked.map(|it| it.seen) {
            let (case, backend) = (entry.slug.clone(), backend.clone());
            let (of, expected) = (Expecting::Regression, expect.to_string());
            let difference = Difference { of, case, backend, expected, seen };
            round.observer.observe(Event::Differed { difference });
        }
    }
    Ok(())
}

//! `brink merge`: one directory of what many machines found.
//!
//! Findings are one for each signature, the one with the smallest module; cases and jobs are added up,
//! recipes of all corpora are put together, and the worst costs are the worst of all. The jobs
//! themselves stay where they are.

mod source;

use self::source::{Source, candidates, files, read};
use super::campaign::{corpus, status};
use super::exit::{in_one_sentence, remark, say};
use super::known::KnownOpts;
use super::options::DEFAULT_BUDGET;
use super::output::{keep_cost_card, read_cost_card};
use super::recorder::Recorder;
use super::session::{Plan, RunFile, Session, exit_of};
use super::{Exit, recipes, table};
use crate::campaign::{Event, Observer, Stamped};
use crate::engines::Backend;
use crate::report::{Quiet, Tally, hunt_summary};
use crate::store::{Readers, RunDir, kept_runs};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Directories of sweeps, hunts, campaigns and limit tests, or such as this command made
    #[arg(required = true, value_name = "DIR")]
    sources: Vec<PathBuf>,
    /// Where all of them are brought together
    #[arg(short, long, value_name = "DIR", default_value = "brink-merged.out")]
    output: PathBuf,
    #[command(flatten)]
    known: KnownOpts,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// What was merged.
#[derive(Debug, Serialize, Deserialize)]
struct MergePlan {
    sources: Vec<PathBuf>,
}

impl Plan for MergePlan {
    const COMMAND: &'static str = "merge";

    fn seed(&self) -> u64 {
        0
    }
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let mut refused = 0;
    let mut refuse = |error: &anyhow::Error| {
        refused += 1;
        remark(&format!("brink: failed to {}", in_one_sentence(error)));
    };
    let mut sources: Vec<Source> = Vec::new();
    let place = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // What a new run there moves or removes.
    let mut moved = kept_runs(&opts.output);
    moved.push(opts.output.clone());
    for path in &opts.sources {
        ensure!(
            !moved.iter().any(|moved| place(path).starts_with(place(moved))),
            "merge {} into {}: it would be moved or removed; name another directory with --output",
            path.display(),
            opts.output.display()
        );
        if sources.iter().any(|source| place(&source.path) == place(path)) {
            continue;
        }
        match read(path).with_context(|| format!("merge {}", path.display())) {
            Ok(source) => {
                source.faults.iter().for_each(&mut refuse);
                sources.push(source);
            }
            Err(error) => refuse(&error),
        }
    }
    ensure!(!sources.is_empty(), "merge anything: none of the directories is a run");
    let mut backends: Vec<Backend> = sources.iter().flat_map(|it| it.backends.clone()).collect();
    backends.sort();
    backends.dedup();
    let plan = MergePlan { sources: opts.sources.clone() };
    let file = RunFile::new(plan, backends, DEFAULT_BUDGET, None);
    let started = file.started();
    let Session { mut directory, .. } = Session::create(&opts.output, file)?;
    let stop = AtomicBool::new(false);
    let recorder = Recorder::new(None, Box::new(Quiet), &stop).with_known(issues);
    let spent_ms = sources.iter().map(|source| source.spent_ms).sum();
    let keep = |directory: &mut RunDir, event: Event| -> Result<()> {
        recorder.observe(event.clone());
        Ok(directory.append(&Stamped { ms: spent_ms, event })?)
    };
    keep(&mut directory, started)?;
    for same in candidates(&sources) {
        // The best of those that are whole.
        for (source, finding) in same {
            let doing = || format!("merge {} of {}", finding.signature, source.path.display());
            let files = match files(&directory, source, finding).with_context(doing) {
                Ok(files) => files,
                Err(error) => {
                    refuse(&error);
                    continue;
                }
            };
            let named: Vec<(&str, Vec<u8>)> =
                files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
            let readers = Readers::of(finding.is_sensitive());
            directory.add_finding(&finding.signature.slug(), readers, &named)?;
            keep(&mut directory, Event::Found { finding: Box::new(finding.clone()) })?;
            break;
        }
    }
    for difference in sources.iter().flat_map(|source| &source.tally.differences) {
        if !recorder.has_differed(&difference.case, &difference.backend) {
            keep(&mut directory, Event::Differed { difference: difference.clone() })?;
        }
    }
    for source in &sources {
        match corpus::files(&source.path.join(corpus::FOLDER)) {
            Ok(files) => {
                for (_, path) in files {
                    match copy_recipe(&path, &opts.output) {
                        Err(error) if recipes::is_named_as_one(&path) => refuse(&error),
                        // A note of somebody's is no damage.
                        Ok(()) | Err(_) => {}
                    }
                }
            }
            Err(error) => refuse(&error),
        }
        match read_cost_card(&source.path) {
            Ok(card) => recorder.take_in(card),
            Err(error) => refuse(&error),
        }
        recorder.take_in(source.tally.cost_card.clone());
    }
    let mut cases: BTreeMap<String, u64> = BTreeMap::new();
    for (signature, (count, _)) in sources.iter().flat_map(|source| &source.tally.violations) {
        *cases.entry(signature.clone()).or_default() += count;
    }
    let jobs = sources.iter().map(|source| source.tally.jobs).sum();
    let (step, recipes) = ("merge".to_owned(), Vec::new());
    keep(&mut directory, Event::RoundEnded { round: 0, step, jobs, cases, recipes })?;
    keep_cost_card(&recorder.cost_card(), &opts.output)?;
    keep_status(&opts.output, &sources, &recorder, spent_ms)?;
    let mut tally = recorder.finish()?;
    tally.complete = true;
    if !opts.quiet {
        tell(&sources, &tally, &opts.output);
    }
    if refused > 0 {
        remark(&format!("brink: {refused} of what was named could not be merged, see above"));
        return Ok(Exit::Usage);
    }
    Ok(exit_of(&tally).unwrap_or(Exit::Nothing))
}

fn copy_recipe(path: &Path, output: &Path) -> Result<()> {
    let recipe = corpus::read_recipe(path)?;
    let folder = output.join(corpus::FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    recipes::write(&recipe, &folder)
}

fn keep_status(
    output: &Path,
    sources: &[Source],
    recorder: &Recorder<'_>,
    spent_ms: u64,
) -> Result<()> {
    let figures = recorder.figures();
    let rounds = sources.iter().map(|source| source.tally.rounds).sum();
    let status = status::Status {
        version: 1,
        state: status::State::Merged,
        updated: status::now(),
        process: std::process::id(),
        seed: 0,
        shard: (1, 1),
        round: 0,
        step: "merge".to_owned(),
        rounds,
        jobs: figures.jobs,
        findings: figures.findings,
        known: figures.known,
        private: figures.private,
        regressions: figures.regressions,
        corpus: corpus::files(&output.join(corpus::FOLDER))?.len() as u64,
        spent_s: spent_ms / 1_000,
        time_s: None,
    };
    Ok(status::write(output, &status)?)
}

fn tell(sources: &[Source], tally: &Tally, output: &Path) {
    say(&hunt_summary(tally, Some(output)));
    let row = |source: &Source| {
        let Tally { jobs, findings, .. } = &source.tally;
        let regressions = source.tally.regressions().len();
        let path = source.path.display().to_string();
        vec![path, findings.len().to_string(), regressions.to_string(), jobs.to_string()]
    };
    let rows: Vec<Vec<String>> = sources.iter().map(row).collect();
    say(&format!("\n{}", table::list(&["directory", "findings", "regressions", "jobs"], &rows)));
}

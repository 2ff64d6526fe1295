//! `brink merge`: one directory of what many machines found.
//!
//! Findings are one for each signature, the one with the smallest module; cases and jobs are added up,
//! recipes of all corpora are put together, and the worst costs are the worst of all. The jobs
//! themselves stay where they are.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::campaign::{corpus, status};
use super::exit::say;
use super::known::{self, KnownOpts};
use super::options::DEFAULT_BUDGET;
use super::output::{keep_cost_card, read_cost_card};
use super::recorder::{FINDING_FILE, FindingFile, REPORT_FILE, Recorder, finding_files};
use super::session::{Plan, RunFile, Session, command_of};
use super::{Exit, recipes, table};
use crate::campaign::{Event, Finding, Observer, Stamped};
use crate::engines::Backend;
use crate::report::{Quiet, Tally, hunt_summary};
use crate::store::{Readers, RunDir, kept_runs, read_events, read_run_file};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Larger files of a finding's folder are left where they are.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// Directories of sweeps, hunts and campaigns, or such as this command made
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

/// What one directory has.
struct Source {
    path: PathBuf,
    tally: Tally,
    backends: Vec<Backend>,
    spent_ms: u64,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let mut refused = 0;
    let mut refuse = |error: &anyhow::Error| {
        refused += 1;
        eprintln!("brink: failed to {error:#}");
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
            Ok(source) => sources.push(source),
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
    for (source, finding) in smallest(&sources) {
        let doing = || format!("merge {} of {}", finding.signature, source.path.display());
        match files(&directory, source, finding).with_context(doing) {
            Ok(files) => {
                let named: Vec<(&str, Vec<u8>)> =
                    files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
                let readers = Readers::of(finding.is_sensitive());
                directory.add_finding(&finding.signature.slug(), readers, &named)?;
                keep(&mut directory, Event::Found { finding: Box::new(finding.clone()) })?;
            }
            Err(error) => refuse(&error),
        }
    }
    for source in &sources {
        match corpus::files(&source.path.join(corpus::FOLDER)) {
            Ok(files) => {
                for (_, path) in files {
                    if let Err(error) = copy_recipe(&path, &opts.output) {
                        refuse(&error);
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
        eprintln!("brink: {refused} of what was named could not be merged, see above");
        return Ok(Exit::Usage);
    }
    Ok(known::exit(tally.standings()).unwrap_or(Exit::Nothing))
}

/// What a run directory has.
fn read(path: &Path) -> Result<Source> {
    ensure!(path.is_dir(), "read it: there is no such directory");
    let command = command_of(&read_run_file(path)?).context("understand its run.json")?;
    if !["sweep", "hunt", "campaign", "merge"].contains(&command.as_str()) {
        bail!("read it: it is what `brink {command}` made, which is not merged");
    }
    let mut source = Source {
        path: path.to_owned(),
        tally: Tally::default(),
        backends: Vec::new(),
        spent_ms: 0,
    };
    for Stamped { ms, event } in read_events::<Stamped>(path)? {
        source.spent_ms = ms;
        if let Event::RunStarted { backends, .. } = &event {
            source.backends.clone_from(backends);
        }
        source.tally.add(&event);
    }
    Ok(source)
}

/// For each signature the finding with the smallest module, and where it is.
fn smallest(sources: &[Source]) -> impl Iterator<Item = (&Source, &Finding)> {
    let mut smallest: BTreeMap<&crate::triage::Signature, (&Source, &Finding)> = BTreeMap::new();
    let size = |finding: &Finding| {
        let name = finding.subject.to_string();
        (finding.outcome.measurements.module_bytes, name.len(), name)
    };
    for source in sources {
        for finding in &source.tally.findings {
            let held = smallest.entry(&finding.signature).or_insert((source, finding));
            if size(finding) < size(held.1) {
                *held = (source, finding);
            }
        }
    }
    smallest.into_values()
}

/// The files of a finding: those of its folder, or made anew where a person has moved that away.
fn files(directory: &RunDir, source: &Source, finding: &Finding) -> Result<Vec<(String, Vec<u8>)>> {
    let place =
        Path::new(Readers::of(finding.is_sensitive()).folder()).join(finding.signature.slug());
    let folder = source.path.join(&place);
    if !folder.is_dir() {
        ensure!(
            !finding.is_sensitive(),
            "find its folder {}: nothing else tells what is security-sensitive",
            folder.display()
        );
        let made = finding_files(directory, finding, None).into_iter();
        return Ok(made.map(|(name, bytes)| (name.to_owned(), bytes)).collect());
    }
    let doing = || format!("read {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(doing)? {
        let path = entry.with_context(doing)?.path();
        let metadata = path.symlink_metadata().with_context(doing)?;
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
            continue;
        }
        let mut bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        if name == REPORT_FILE {
            let there = directory.path().join(&place).display().to_string();
            let text = String::from_utf8_lossy(&bytes);
            bytes = text.replace(&folder.display().to_string(), &there).into_bytes();
        }
        files.push((name.to_owned(), bytes));
    }
    let description = files.iter().find(|(name, _)| name == FINDING_FILE);
    let text = description.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    let read = text.and_then(|text| toml::from_str::<FindingFile>(&text).ok());
    ensure!(
        read.is_some_and(|file| file.signature == finding.signature.to_string()),
        "understand {}: it is not the description of this finding",
        folder.join(FINDING_FILE).display()
    );
    Ok(files)
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
        vec![source.path.display().to_string(), findings.len().to_string(), jobs.to_string()]
    };
    let rows: Vec<Vec<String>> = sources.iter().map(row).collect();
    say(&format!("\n{}", table::list(&["directory", "findings", "jobs"], &rows)));
}

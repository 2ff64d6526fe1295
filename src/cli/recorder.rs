//! Sends every event where it belongs: the run directory, the reporter, the final count.

use super::known::Watch;
use crate::campaign::{Event, Finding, Machine, Observer, Stamped, Subject};
use crate::engines::Backend;
use crate::report::{CostCard, Evidence, Known, Reporter, Tally, finding_report, wast};
use crate::shapes;
use crate::store::{Readers, RunDir, StoreError, read_events, write_file};
use crate::triage::{KnownIssues, Signature};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Modules up to this many bytes are kept with their finding; larger ones are made again from the
/// recipe when they are needed.
const KEPT_MODULE_BYTES: u64 = 256 * 1024;

/// What a finding's folder says about how to run it again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FindingFile {
    pub(super) signature: String,
    pub(super) oracle: String,
    pub(super) summary: String,
    pub(super) backend: Backend,
    /// Backends that the violation compares with.
    #[serde(default)]
    pub(super) peers: Vec<Backend>,
    /// Parameters that are scaled together, for a violation that is about growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scaled: Vec<String>,
    pub(super) time_limit_s: u64,
    pub(super) memory_limit_bytes: u64,
    /// What the list of known issues says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<String>,
    /// Since when and until when releases have it, as `brink bisect` found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<String>,
}

/// Name of that file.
pub(super) const FINDING_FILE: &str = "finding.toml";
/// Name of the recipe beside it.
pub(super) const RECIPE_FILE: &str = "recipe.toml";
/// Name of the smallest recipe that shows it, where one was looked for.
pub(super) const SMALLEST_FILE: &str = "smallest.toml";
/// Name of its report.
pub(super) const REPORT_FILE: &str = "report.md";

/// Sends events on. A run directory that fails stops the run: what is not kept is lost. Nothing
/// more is kept then, so that a line cut short can only be the last of the log.
pub(super) struct Recorder<'a> {
    stop: &'a AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    directory: Option<RunDir>,
    /// Which events are kept.
    keeps: fn(&Event) -> bool,
    /// When this part of the run began, and the time that earlier parts took.
    started: Instant,
    before: Duration,
    reporter: Box<dyn Reporter>,
    tally: Tally,
    watch: Watch,
    failure: Option<StoreError>,
}

/// Where a run stands.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) rounds: u64,
    pub(super) jobs: u64,
    pub(super) findings: u64,
    pub(super) known: u64,
    pub(super) private: u64,
    pub(super) spent: Duration,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        directory: Option<RunDir>,
        reporter: Box<dyn Reporter>,
        stop: &'a AtomicBool,
    ) -> Recorder<'a> {
        let inner = Inner {
            directory,
            keeps: Event::is_kept,
            started: Instant::now(),
            before: Duration::ZERO,
            reporter,
            tally: Tally::default(),
            watch: Watch::default(),
            failure: None,
        };
        Recorder { stop, inner: Mutex::new(inner) }
    }

    /// Looks on for known issues.
    pub(super) fn with_known(self, issues: KnownIssues) -> Recorder<'a> {
        self.lock().watch = Watch::new(issues);
        self
    }

    /// Keeps only these events.
    pub(super) fn keeping(self, keeps: fn(&Event) -> bool) -> Recorder<'a> {
        self.lock().keeps = keeps;
        self
    }

    /// Goes on with a run that has taken so long.
    pub(super) fn after(self, spent: Duration) -> Recorder<'a> {
        self.lock().before = spent;
        self
    }

    /// The time that the run has taken so far.
    pub(super) fn spent(&self) -> Duration {
        self.lock().spent()
    }

    /// What was found so far.
    pub(super) fn findings(&self) -> Vec<Finding> {
        self.lock().tally.findings.clone()
    }

    /// Whether a finding has that signature.
    pub(super) fn has_found(&self, signature: &Signature) -> bool {
        self.lock().tally.findings.iter().any(|finding| finding.signature == *signature)
    }

    /// The worst costs so far.
    pub(super) fn cost_card(&self) -> CostCard {
        self.lock().tally.cost_card.clone()
    }

    /// Takes the worst costs of an earlier part into account.
    pub(super) fn take_in(&self, card: CostCard) {
        self.lock().tally.cost_card.merge(card);
    }

    /// Where the run stands.
    pub(super) fn figures(&self) -> Figures {
        let inner = self.lock();
        let tally = &inner.tally;
        let count = |of: usize| of as u64;
        Figures {
            rounds: tally.rounds,
            jobs: tally.jobs,
            findings: count(tally.findings.len()),
            known: count(tally.standings().flatten().filter(|known| !known.is_back).count()),
            private: count(tally.findings.iter().filter(|it| it.is_sensitive()).count()),
            spent: inner.spent(),
        }
    }

    /// Counts an event of an earlier part of the run, which is kept already.
    pub(super) fn remember(&self, event: &Event) {
        let inner = &mut *self.lock();
        inner.tally.add(event);
        inner.note_known(event);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the reports and hands over the count.
    pub(super) fn finish(self) -> Result<Tally, StoreError> {
        let mut inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        inner.reporter.finish();
        inner.tally.stale = inner.watch.stale();
        inner.failure.map_or(Ok(inner.tally), Err)
    }
}

impl Inner {
    fn spent(&self) -> Duration {
        self.before + self.started.elapsed()
    }

    /// What is known of an event that is a finding.
    fn note_known(&mut self, event: &Event) -> Option<Known> {
        let known = self.watch.see(event)?;
        // That what was mended once is back is news, and what it looks like would tell what it is.
        if let Event::Found { finding } = event
            && !(finding.is_sensitive() && known.is_back)
        {
            self.tally.known.insert(finding.signature.to_string(), known.clone());
        }
        Some(known)
    }
}

impl Observer for Recorder<'_> {
    fn observe(&self, event: Event) {
        let inner = &mut *self.lock();
        let private = event;
        let event = private.clone().without_secrets();
        inner.tally.add(&event);
        let known = inner.note_known(&private);
        let ms = u64::try_from(inner.spent().as_millis()).unwrap_or(u64::MAX);
        // Kept first: what has been told must survive a kill.
        if inner.failure.is_none()
            && (inner.keeps)(&private)
            && let Some(directory) = &mut inner.directory
            && let Err(error) = keep(directory, &private, ms, &event, known.as_ref())
        {
            inner.failure = Some(error);
            self.stop.store(true, Relaxed);
        }
        inner.reporter.report(&event);
    }
}

/// Keeps an event. The folder of a finding comes before its event: after a kill in between, the
/// finding is made again; the other way round, it would be known but never shown.
fn keep(
    directory: &mut RunDir,
    private: &Event,
    ms: u64,
    event: &Event,
    known: Option<&Known>,
) -> Result<(), StoreError> {
    if let Event::Found { finding } = private {
        keep_finding(directory, finding, known)?;
    }
    directory.append(&Stamped { ms, event: event.clone() })
}

/// Writes the folder of a finding.
fn keep_finding(
    directory: &RunDir,
    finding: &Finding,
    known: Option<&Known>,
) -> Result<(), StoreError> {
    let files = finding_files(directory, finding, known);
    let readers = Readers::of(finding.is_sensitive());
    directory.add_finding(&finding.signature.slug(), readers, &files).map(drop)
}

/// The files of a finding's folder.
pub(super) fn finding_files(
    directory: &RunDir,
    finding: &Finding,
    known: Option<&Known>,
) -> Vec<(&'static str, Vec<u8>)> {
    let readers = Readers::of(finding.is_sensitive());
    let folder = directory.path().join(readers.folder()).join(finding.signature.slug());
    let description = FindingFile {
        signature: finding.signature.to_string(),
        oracle: finding.violation.oracle.clone(),
        summary: finding.violation.summary.clone(),
        backend: finding.backend.clone(),
        peers: finding.peers.clone(),
        scaled: finding.growth.as_ref().map(|it| it.scaled.clone()).unwrap_or_default(),
        time_limit_s: finding.budget.cpu_s,
        memory_limit_bytes: finding.budget.memory_bytes,
        known: known.map(ToString::to_string),
        history: None,
    };
    let evidence = Evidence { standing: description.known.clone(), ..Evidence::default() };
    let report = finding_report(finding, &folder.display().to_string(), RECIPE_FILE, &evidence);
    let description =
        toml::to_string(&description).expect("a table of strings, numbers and names is TOML");
    let mut files = vec![
        (FINDING_FILE, description.into_bytes()),
        (REPORT_FILE, report.into_bytes()),
        ("stderr.tail", finding.outcome.stderr_tail.clone().into_bytes()),
    ];
    if let Subject::Recipe(recipe) = &finding.subject {
        files.push((RECIPE_FILE, recipe.to_toml().into_bytes()));
        if finding.outcome.measurements.module_bytes <= KEPT_MODULE_BYTES
            && let Ok(module) = shapes::build(recipe)
        {
            files.push(("module.wasm", module.bytes.to_vec()));
        }
        if let Some(text) = wast(finding) {
            files.push(("case.wast", text.into_bytes()));
        }
    }
    files
}

/// Writes the reports of a run's findings anew, with all that the run knows by its end. Those that
/// are security-sensitive have all of it already, since the log of events does not speak of them.
/// The jobs are in the log of the run in `log`.
pub(super) fn write_reports(path: &Path, log: &Path, tally: &Tally) -> Result<(), StoreError> {
    let open: Vec<&Finding> =
        tally.findings.iter().filter(|finding| !finding.is_sensitive()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let events = read_events::<Event>(log)?;
    for finding in open {
        let mut evidence = evidence(finding, &events);
        let known = tally.known.get(&finding.signature.to_string());
        evidence.standing = known.map(ToString::to_string);
        let folder = path.join(Readers::Everybody.folder()).join(finding.signature.slug());
        // One that a person has moved away is not made again, and one that is about the smallest
        // case already stays.
        if folder.is_dir() && !folder.join(SMALLEST_FILE).exists() {
            let text =
                finding_report(finding, &folder.display().to_string(), RECIPE_FILE, &evidence);
            write_file(&folder.join(REPORT_FILE), &mut |file| file.write_all(text.as_bytes()))?;
        }
    }
    Ok(())
}

/// What the events of a run say of a finding.
pub(super) fn evidence(finding: &Finding, events: &[Event]) -> Evidence {
    let runs = events.iter().filter_map(|event| {
        if let Event::JobEnded { subject, backend, outcome, .. } = event {
            Some((subject, backend, &**outcome))
        } else {
            None
        }
    });
    Evidence::of(finding, runs)
}

/// This machine, for the record.
pub(super) fn machine() -> Machine {
    Machine {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: super::options::total_memory().unwrap_or(0),
    }
}

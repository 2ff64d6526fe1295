//! Sends every event where it belongs: the run directory, the reporter, the final count.

mod finding;

use self::finding::keep_finding;
use super::known::Watch;
use crate::campaign::{Event, Finding, Machine, Observer, Stamped};
use crate::engines::Backend;
use crate::report::{CostCard, Known, Reporter, Tally};
use crate::store::{RunDir, StoreError};
use crate::triage::{KnownIssues, Signature};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) use self::finding::{
    FINDING_FILE, FindingFile, KEPT_MODULE_BYTES, RECIPE_FILE, REPORT_FILE, SMALLEST_FILE,
    SMALLEST_MODULE_FILE, evidence, finding_files, write_reports,
};

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
    pub(super) regressions: u64,
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

    /// Whether it was told that a case differs on a backend.
    pub(super) fn has_differed(&self, case: &str, backend: &Backend) -> bool {
        self.lock().tally.has_differed(case, backend)
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
            regressions: count(tally.regressions().len()),
            spent: inner.spent(),
        }
    }

    /// Counts an event of an earlier part of the run, which is kept already.
    pub(super) fn remember(&self, event: &Event) {
        let inner = &mut *self.lock();
        inner.tally.add(event);
        inner.note_known(event);
        inner.reporter.remember(event);
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
        let is_kept = private.is_kept();
        let mut event = if is_kept { event } else { private.unnamed().without_secrets() };
        if let Event::RunEnded { complete, .. } = &mut event {
            // What could not be kept is missing, also where the work was done by then.
            *complete &= inner.failure.is_none();
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

/// This machine, for the record.
pub(super) fn machine() -> Machine {
    Machine {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: super::options::total_memory().unwrap_or(0),
    }
}

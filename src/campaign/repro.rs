//! Runs one case on some backends a few times and says whether the same thing happens each time.

use super::machine::Artifacts;
use super::{Case, Court, Event, Judged, Observer};
use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles::Inconclusive;
use crate::outcome::Outcome;
use crate::sandbox::{Next, Pool, SeatError, Task, Tasks};
use crate::triage::Signature;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What to run.
#[derive(Clone, Debug)]
pub struct Repro {
    /// The case.
    pub case: Case,
    /// On what.
    pub backends: Vec<Backend>,
    /// Under which limits.
    pub budget: Budget,
    /// How often on each backend.
    pub times: u32,
    /// Whether the artifacts are wanted.
    pub keep_artifacts: bool,
}

/// One run of it.
#[derive(Debug)]
pub struct ReproRun {
    /// The backend.
    pub backend: Backend,
    /// What came of it.
    pub outcome: Outcome,
    /// What is wrong.
    pub violations: Vec<Judged>,
    /// What the oracles could not tell.
    pub inconclusive: Vec<Inconclusive>,
    /// The artifact, where it is wanted and there is one.
    pub artifact: Option<Vec<u8>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct ReproReport {
    /// The runs, in the order of the backends.
    pub runs: Vec<ReproRun>,
    /// Why there were no runs, where no worker would start.
    pub seat_error: Option<SeatError>,
}

impl ReproReport {
    /// Signatures that were seen.
    pub fn signatures(&self) -> BTreeSet<Signature> {
        let all = self.runs.iter().flat_map(|run| &run.violations);
        all.map(|judged| judged.signature.clone()).collect()
    }
}

/// Runs a case as told.
pub fn reproduce(
    repro: &Repro,
    pool: &Pool,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> ReproReport {
    let queue = repro.backends.iter().flat_map(|backend| {
        std::iter::repeat_n(backend.clone(), usize::try_from(repro.times).unwrap_or(1))
    });
    let work = Work {
        repro,
        observer,
        queue: Mutex::new((0, queue.collect())),
        total: repro.backends.len() * usize::try_from(repro.times).unwrap_or(1),
        ended: Mutex::default(),
        artifacts: Artifacts::new(repro.keep_artifacts),
    };
    pool.run(&work, stop);
    let Work { ended, artifacts, .. } = work;
    let Ended { outcomes: mut ended, seat_error } =
        ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|(id, ..)| *id);
    let peers: Vec<(Backend, Outcome)> =
        ended.iter().map(|(_, backend, outcome)| (backend.clone(), outcome.clone())).collect();
    let complete = !stop.load(Relaxed);
    let runs = ended.into_iter().map(|(id, backend, outcome)| {
        let judge = |peers| Court::judge(&repro.case, &backend, &repro.budget, &outcome, peers);
        let (mut judged, inconclusive) = judge(None);
        if complete {
            judged.extend(judge(Some(&peers)).0);
        }
        let artifact = artifacts.take(id);
        ReproRun { backend, outcome, violations: judged, inconclusive, artifact }
    });
    ReproReport { runs: runs.collect(), seat_error }
}

/// What an outcome of a case on `backend` says by itself, without those of other backends.
pub fn judge_alone(case: &Case, backend: &Backend, budget: &Budget, outcome: Outcome) -> ReproRun {
    let (violations, inconclusive) = Court::judge(case, backend, budget, &outcome, None);
    ReproRun { backend: backend.clone(), outcome, violations, inconclusive, artifact: None }
}

/// What has come so far.
#[derive(Default)]
struct Ended {
    outcomes: Vec<(u64, Backend, Outcome)>,
    seat_error: Option<SeatError>,
}

struct Work<'a> {
    repro: &'a Repro,
    observer: &'a dyn Observer,
    /// The next job's number and the backends still to run, last one first.
    queue: Mutex<(u64, Vec<Backend>)>,
    total: usize,
    ended: Mutex<Ended>,
    artifacts: Artifacts,
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.1.is_empty() {
            return Next::Done;
        }
        let backend = queue.1.remove(0);
        let id = queue.0;
        queue.0 += 1;
        self.observer.observe(Event::JobsStarted {
            line: format!("{} on {backend}", self.repro.case.subject),
            at: None,
            count: 1,
            planned: self.total as u64,
        });
        let mut job = self.repro.case.job(id, &backend, self.repro.budget);
        self.artifacts.ask(&mut job);
        Next::Task(Task { jobs: vec![job], module: self.repro.case.module.clone() })
    }

    fn ended(&self, mut outcome: Outcome) {
        let position = usize::try_from(outcome.job).unwrap_or(usize::MAX);
        let times = usize::try_from(self.repro.times).unwrap_or(1);
        let Some(backend) = self.repro.backends.get(position / times) else { return };
        self.artifacts.look(&self.repro.case, backend, &mut outcome);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.outcomes.push((outcome.job, backend.clone(), outcome));
    }

    fn seat_failed(&self, error: SeatError) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).seat_error = Some(error);
    }
}

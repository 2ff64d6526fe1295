//! Compiles the matrix of operators and loads under many configurations and holds each machine
//! access against its Wasm access.

mod confirm;
mod report;

pub use self::confirm::{WidthError, confirm_width};
pub use self::report::{WidthEvidence, WidthReport, Wrong};

use super::machine::Artifacts;
use super::{Case, CaseError, Event, Observer, Subject};
use crate::engines::{Backend, EngineId};
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::proposals::Proposal;
use crate::sandbox::{Host, Next, Pool, SeatError, Task, Tasks};
use crate::shapes::{Exported, MemoryForm, accesses_batch, accesses_parameters};
use crate::width::{Batch, Batches, Depth, batches, edge_run};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Backends in one task: they share the batch's module and, while all goes well, a child.
const BACKENDS: usize = 8;

/// What to check.
#[derive(Debug)]
pub struct WidthRun {
    /// How many operators stand between a load and its sink.
    pub depth: Depth,
    /// Only the part of the matrix with this operator.
    pub only: Option<String>,
    /// Whether each unit has every form of address, and not the one whose turn it is.
    pub every_address: bool,
    /// On what.
    pub backends: Vec<Backend>,
    /// Whether to run the code at the end of memory, too, where it can be run here.
    pub run: bool,
    /// The limits of a job.
    pub budget: Budget,
}

/// Runs the matrix.
pub fn check_width(
    run: &WidthRun,
    pool: &Pool,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<WidthReport, SeatError> {
    let mut by_engine: BTreeMap<&EngineId, Vec<usize>> = BTreeMap::new();
    for (at, backend) in run.backends.iter().enumerate() {
        by_engine.entry(backend.engine()).or_default().push(at);
    }
    let parts = by_engine.values().flat_map(|backends| backends.chunks(BACKENDS));
    let matrix = || {
        let matrix = batches(run.depth, run.only.as_deref());
        let matrix = if run.every_address { matrix.at_every_address() } else { matrix };
        if run.run { matrix.also_plain() } else { matrix }
    };
    // Those of depth two are millions.
    let planned = match run.depth {
        Depth::One => matrix().count() * run.backends.len(),
        Depth::Two => 0,
    };
    let work = Work {
        run,
        hosts: &pool.hosts,
        observer,
        parts: parts.map(<[usize]>::to_vec).collect(),
        feed: Mutex::new(Feed {
            batches: matrix(),
            open: VecDeque::new(),
            planned: planned as u64,
        }),
        state: Mutex::default(),
        artifacts: Artifacts::default(),
    };
    let stats = pool.run(&work, stop);
    let State { mut report, error, .. } =
        work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.stats = stats;
    error.map_or(Ok(report), Err)
}

/// A batch and its module.
struct Built {
    batch: Batch,
    case: Case,
}

/// A batch, and the backends that one task compiles it on, by their places.
type Part = (Arc<Built>, Vec<usize>);

/// What is still to be done.
struct Feed {
    batches: Batches,
    open: VecDeque<Part>,
    planned: u64,
}

#[derive(Default)]
struct State {
    next_job: u64,
    /// By number, what jobs are: of what, and on which backend.
    running: HashMap<u64, (Arc<Built>, usize)>,
    report: WidthReport,
    error: Option<SeatError>,
}

struct Work<'a> {
    run: &'a WidthRun,
    hosts: &'a [Host],
    observer: &'a dyn Observer,
    /// The backends of each task.
    parts: Vec<Vec<usize>>,
    feed: Mutex<Feed>,
    state: Mutex<State>,
    artifacts: Artifacts,
}

fn build(batch: &Batch, run: bool) -> Result<Case, CaseError> {
    let functions = batch.points.iter().map(|point| &point.units[..]);
    let exported = if run { Exported::All } else { Exported::None };
    let module = accesses_batch(batch.memory, functions, exported);
    let name = format!("{} functions of the matrix", batch.points.len());
    let mut case = Case::of_built(Subject::Module(name), &module)?;
    if run {
        let units = batch.points.iter().flat_map(|point| &point.units).map(|(unit, _)| unit);
        let unit = |place: usize| batch.points.get(place)?.units.first().map(|(unit, _)| unit);
        case.edge = edge_run(&module.bytes.to_vec(), &accesses_parameters(units), unit);
    }
    Ok(case)
}

impl Work<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a backend does not take what needs these proposals.
    fn lacks(&self, backend: usize, proposals: &BTreeSet<Proposal>) -> bool {
        let backend = &self.run.backends[backend];
        let host = self.hosts.iter().find(|host| host.id() == backend.engine());
        backend.lacks(proposals).is_some()
            || host.is_some_and(|host| host.engine().cannot(backend, proposals).is_some())
    }

    /// The next task, with how many jobs are planned so far.
    fn take(&self) -> Result<Option<(Part, u64)>, CaseError> {
        let feed = &mut *self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        while feed.open.is_empty() {
            let Some(batch) = feed.batches.next() else { return Ok(None) };
            self.open(feed, batch)?;
        }
        let planned = feed.planned;
        Ok(feed.open.pop_front().map(|part| (part, planned)))
    }

    /// Makes tasks of a batch. Backends that do not take the memory it asks for get the usual one:
    /// its operators are what matters.
    fn open(&self, feed: &mut Feed, batch: Batch) -> Result<(), CaseError> {
        let small = BTreeSet::from([Proposal::CustomPageSizes]);
        let usual = |backend: &usize| {
            batch.memory == MemoryForm::SmallPages && self.lacks(*backend, &small)
        };
        let mut parts = Vec::new();
        let mut others = Vec::new();
        for part in &self.parts {
            let (usual, asked): (Vec<usize>, Vec<usize>) = part.iter().partition(|at| usual(at));
            parts.extend(Some(asked).filter(|part| !part.is_empty()));
            others.extend(Some(usual).filter(|part| !part.is_empty()));
        }
        if self.run.depth == Depth::Two {
            feed.planned += self.run.backends.len() as u64;
        }
        let mut plain = batch.clone();
        plain.memory = MemoryForm::Memory32;
        for (batch, parts) in [(batch, parts), (plain, others)] {
            if !parts.is_empty() {
                let built = Arc::new(Built { case: build(&batch, self.run.run)?, batch });
                feed.open.extend(parts.into_iter().map(|part| (Arc::clone(&built), part)));
            }
        }
        Ok(())
    }
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let taken = self.take();
        let state = &mut *self.state();
        let ((built, backends), planned) = match taken {
            Ok(Some(taken)) => taken,
            Ok(None) => return Next::Done,
            Err(error) => {
                let backend = self.run.backends[0].clone();
                state.report.failed.push((backend, error.to_string()));
                return Next::Wait;
            }
        };
        let case = &built.case;
        let mut jobs = Vec::new();
        for backend in backends {
            if self.lacks(backend, &case.proposals) {
                let name = self.run.backends[backend].clone();
                state.report.modules.entry(name).or_default().1 += 1;
                continue;
            }
            let mut job = case.job(state.next_job, &self.run.backends[backend], self.run.budget);
            // Whether the code is the same twice is not the question here.
            job.repeat = false;
            self.artifacts.ask(&mut job);
            state.running.insert(job.id, (Arc::clone(&built), backend));
            state.next_job += 1;
            jobs.push(job);
        }
        if jobs.is_empty() {
            return Next::Wait;
        }
        self.observer.observe(Event::JobsStarted {
            line: case.subject.to_string(),
            at: None,
            count: jobs.len(),
            planned,
        });
        Next::Task(Task { jobs, module: case.module.clone() })
    }

    fn ended(&self, mut outcome: Outcome) {
        let known = self.state().running.remove(&outcome.job);
        let Some((built, backend)) = known else { return };
        let (case, backend) = (&built.case, &self.run.backends[backend]);
        self.artifacts.look(case, backend, &mut outcome);
        self.state().report.add(&built.batch, backend, &outcome);
        let (line, budget) = (case.subject.to_string(), self.run.budget);
        self.observer.observe(Event::unjudged(line, case, backend, budget, outcome));
    }

    fn seat_failed(&self, error: SeatError) {
        self.state().error = Some(error);
    }
}

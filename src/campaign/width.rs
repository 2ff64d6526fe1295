//! Compiles the matrix of operators and loads under many configurations and holds each machine
//! access against its Wasm access.

use super::machine::Artifacts;
use super::{
    CONFIRMATIONS, Case, CaseError, Event, Finding, Judged, Observer, Repro, ReproRun, Subject,
    reproduce,
};
use crate::engines::{Backend, EngineId};
use crate::job::Budget;
use crate::outcome::{EngineVerdict, Mismatch, Outcome, Termination};
use crate::recipe::Recipe;
use crate::sandbox::{Next, Pool, PoolStats, SeatError, Task, Tasks};
use crate::shapes::{accesses_batch, accesses_recipe};
use crate::width::{Batch, Point};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Backends in one task: they share the batch's module and, while all goes well, a child.
const BACKENDS: usize = 8;

/// What to check.
#[derive(Debug)]
pub struct WidthRun {
    /// The matrix.
    pub batches: Vec<Batch>,
    /// On what.
    pub backends: Vec<Backend>,
    /// The limits of a job.
    pub budget: Budget,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct WidthReport {
    /// Functions looked at, over all backends.
    pub functions: u64,
    /// Machine accesses looked at.
    pub accesses: u64,
    /// Machine code looked at, in bytes.
    pub code_bytes: u64,
    /// By backend, how many modules were looked at, and how many it does not take.
    pub modules: BTreeMap<Backend, (u64, u64)>,
    /// What is wrong, by kind and operator.
    pub wrong: BTreeMap<String, Vec<Wrong>>,
    /// What could not be told, each with its backend; and how many there are.
    pub unsure: Vec<(Backend, String)>,
    /// How many there are.
    pub unsure_count: u64,
    /// What could not be looked at, each with its backend.
    pub failed: Vec<(Backend, String)>,
    /// How the machine was used.
    pub stats: PoolStats,
}

/// One wrong access of the matrix.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Its function alone, cut down to each of its units: one of them has it.
    pub recipes: Vec<Recipe>,
    /// What compiled it.
    pub backend: Backend,
    /// What is wrong.
    pub mismatch: Mismatch,
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
    let tasks = |batch| {
        let parts = by_engine.values().flat_map(|backends| backends.chunks(BACKENDS));
        parts.map(move |backends| (batch, backends.to_vec())).collect::<Vec<_>>()
    };
    let mut queue: Vec<Planned> = (0..run.batches.len()).flat_map(tasks).collect();
    queue.reverse();
    let work = Work {
        run,
        observer,
        planned: (run.batches.len() * run.backends.len()) as u64,
        queue: Mutex::new(queue),
        state: Mutex::default(),
        artifacts: Artifacts::default(),
    };
    let stats = pool.run(&work, stop);
    let State { mut report, error, .. } =
        work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.stats = stats;
    error.map_or(Ok(report), Err)
}

/// Runs a wrong access of the matrix alone, with the plainest addresses that show it, as often as it
/// takes to confirm it. `None` where it does not show every time.
pub fn confirm_width(
    wrong: &Wrong,
    budget: Budget,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Option<Finding>, WidthError> {
    let plain =
        |recipe: &Recipe| recipe.clone().with("address", 0).with("offset", 1).with("memory", 0);
    for recipe in wrong.recipes.iter().map(plain).chain(wrong.recipes.iter().cloned()) {
        let repro = Repro {
            case: Case::of_recipe(&recipe)?,
            backends: vec![wrong.backend.clone()],
            budget,
            times: CONFIRMATIONS + 1,
            keep_artifacts: false,
        };
        let mut report = reproduce(&repro, pool, stop, &Silent);
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        let all = report.runs.len();
        let shows = |run: &ReproRun| {
            let wide = run.violations.iter().find(|judged| judged.violation.oracle == ORACLE)?;
            let machine = run.outcome.machine.as_ref()?;
            let same = |found: &Mismatch| {
                (found.kind, &found.operator) == (wrong.mismatch.kind, &wrong.mismatch.operator)
            };
            machine.mismatches.first().is_some_and(same).then(|| wide.clone())
        };
        let seen: Vec<Judged> = report.runs.iter().filter_map(shows).collect();
        let (Some(first), Some(run)) = (seen.first(), report.runs.pop()) else { continue };
        if seen.len() < all {
            continue;
        }
        let Judged { signature, violation } = first.clone();
        let count = u32::try_from(all).unwrap_or(u32::MAX);
        return Ok(Some(Finding {
            signature,
            violation,
            subject: Subject::Recipe(recipe),
            backend: wrong.backend.clone(),
            peers: Vec::new(),
            budget,
            outcome: run.outcome,
            seen: (count, count),
        }));
    }
    Ok(None)
}

/// The oracle that speaks of widths.
const ORACLE: &str = "width";

/// Is told nothing.
struct Silent;

impl Observer for Silent {
    fn observe(&self, _: Event) {}
}

/// Why widths could not be checked.
#[derive(Debug, Error)]
pub enum WidthError {
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A module could not be stored.
    #[error(transparent)]
    Case(#[from] CaseError),
}

/// A batch, and the backends that one task compiles it on, by their places.
type Planned = (usize, Vec<usize>);

#[derive(Default)]
struct State {
    next_job: u64,
    /// The module of the batch that tasks are being made of.
    built: Option<(usize, Arc<Case>)>,
    /// By number, what jobs are.
    running: HashMap<u64, (usize, usize, Arc<Case>)>,
    report: WidthReport,
    error: Option<SeatError>,
}

struct Work<'a> {
    run: &'a WidthRun,
    observer: &'a dyn Observer,
    planned: u64,
    queue: Mutex<Vec<Planned>>,
    state: Mutex<State>,
    artifacts: Artifacts,
}

fn build(batch: &Batch) -> Result<Case, CaseError> {
    let units = batch.points.iter().map(|point| (&point.units[..], point.addressing));
    let module = accesses_batch(batch.memory, units);
    let name = format!("{} functions of the matrix", batch.points.len());
    Case::of_built(Subject::Module(name), &module)
}

impl Work<'_> {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let planned = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some((batch, backends)) = planned else { return Next::Done };
        let state = &mut *self.state();
        let case = match &state.built {
            Some((built, case)) if *built == batch => Arc::clone(case),
            _ => match build(&self.run.batches[batch]) {
                Ok(case) => {
                    let case = Arc::new(case);
                    state.built = Some((batch, Arc::clone(&case)));
                    case
                }
                Err(error) => {
                    let backend = self.run.backends[backends[0]].clone();
                    state.report.failed.push((backend, error.to_string()));
                    return Next::Wait;
                }
            },
        };
        let mut jobs = Vec::new();
        for backend in backends {
            if self.run.backends[backend].lacks(&case.proposals).is_some() {
                let name = self.run.backends[backend].clone();
                state.report.modules.entry(name).or_default().1 += 1;
                continue;
            }
            let mut job = case.job(state.next_job, &self.run.backends[backend], self.run.budget);
            // Whether the code is the same twice is not the question here.
            job.repeat = false;
            self.artifacts.ask(&mut job);
            state.running.insert(job.id, (batch, backend, Arc::clone(&case)));
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
            planned: self.planned,
        });
        Next::Task(Task { jobs, module: case.module.clone() })
    }

    fn ended(&self, mut outcome: Outcome) {
        let known = self.state().running.remove(&outcome.job);
        let Some((batch, backend, case)) = known else { return };
        let (batch, backend) = (&self.run.batches[batch], &self.run.backends[backend]);
        self.artifacts.look(&case, backend, &mut outcome);
        self.state().report.add(batch, backend, &outcome);
        self.observer.observe(Event::JobEnded {
            line: case.subject.to_string(),
            at: None,
            subject: case.subject.clone(),
            backend: backend.clone(),
            budget: self.run.budget,
            outcome: Box::new(outcome),
            violations: Vec::new(),
            inconclusive: Vec::new(),
        });
    }

    fn seat_failed(&self, error: SeatError) {
        self.state().error = Some(error);
    }
}

impl WidthReport {
    fn add(&mut self, batch: &Batch, backend: &Backend, outcome: &Outcome) {
        let (looked_at, not_taken) = self.modules.entry(backend.clone()).or_default();
        let Some(machine) = &outcome.machine else {
            let ended = &outcome.termination;
            match ended {
                // Which proposals a backend lacks is known; the rest of the matrix goes on.
                Termination::Completed { verdict: EngineVerdict::NotApplicable { .. } } => {
                    *not_taken += 1;
                }
                Termination::Completed { verdict: EngineVerdict::Refused { refusal } } => {
                    let reason = format!("refused: {}", refusal.message);
                    self.failed.push((backend.clone(), reason));
                }
                Termination::Completed { .. }
                | Termination::TimedOut { .. }
                | Termination::OutOfMemory { .. }
                | Termination::Panicked { .. }
                | Termination::StackOverflow { .. }
                | Termination::Signaled { .. }
                | Termination::OutputLimit
                | Termination::Ambiguous
                | Termination::Infrastructure { .. } => {
                    self.failed.push((backend.clone(), format!("ended in {}", ended.name())));
                }
            }
            return;
        };
        if let Some(reason) = &machine.failure {
            self.failed.push((backend.clone(), reason.clone()));
            return;
        }
        *looked_at += 1;
        self.functions += machine.functions;
        self.accesses += machine.accesses;
        self.code_bytes += machine.code_bytes;
        self.unsure_count += machine.unsure_count;
        self.unsure.extend(machine.unsure.iter().map(|why| (backend.clone(), why.clone())));
        for mismatch in &machine.mismatches {
            let Some(Point { units, addressing }) = batch.point(mismatch.function) else {
                continue;
            };
            let recipe = |unit| accesses_recipe(unit, *addressing, batch.memory);
            let recipes = units.iter().map(recipe).collect();
            let key = format!("{} {}", mismatch.kind, mismatch.operator);
            let wrong = Wrong { recipes, backend: backend.clone(), mismatch: mismatch.clone() };
            self.wrong.entry(key).or_default().push(wrong);
        }
    }
}

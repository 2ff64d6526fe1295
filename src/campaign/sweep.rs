//! A sweep: every line on every backend, from far to near.
//!
//! A sweep with a time limit goes as near as that allows: what a cell will cost is foretold from
//! the step before it on the same backend, and a cell that would not fit its budget or the time
//! that is left is skipped and reported as skipped. Without a time limit nothing is skipped.

mod options;
mod plan;
mod state;
mod suspects;
mod track;
mod verdicts;

use self::state::{State, Step};
use super::machine::Artifacts;
use super::{Case, CaseError, Event, Line, Observer, lines};
use crate::engines::Backend;
use crate::job::Job;
use crate::outcome::Outcome;
use crate::recipe::Proximity;
use crate::sandbox::{Next, Pool, PoolStats, SeatError, Tasks};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use thiserror::Error;

pub use self::options::{Past, SweepOptions};

/// How a sweep ended.
#[derive(Debug)]
pub struct SweepEnd {
    /// New findings.
    pub findings: u64,
    /// How the seats were used.
    pub stats: PoolStats,
    /// Whether everything was run that was planned.
    pub complete: bool,
}

/// Why a sweep could not go on.
#[derive(Debug, Error)]
pub enum SweepError {
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A module could not be stored.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// Job after job could not be run.
    #[error("run jobs: {jobs} in a row could not be run, the last because {message}")]
    NotRun {
        /// How many.
        jobs: u32,
        /// Why the last.
        message: String,
    },
}

/// The machine code of modules up to this size is looked at in a sweep, in bytes. What is known of a
/// function at the limit of its size takes a quarter of a gigabyte, and there is more of the same in it.
const LOOKED_AT_BYTES_MAX: u64 = 2 << 20;

/// A running sweep.
pub struct Sweep<'a> {
    options: SweepOptions,
    lines: Vec<Line>,
    observer: &'a dyn Observer,
    stop: &'a AtomicBool,
    started: Instant,
    artifacts: Artifacts,
    state: Mutex<State>,
}

impl<'a> Sweep<'a> {
    /// Plans a sweep.
    pub fn new(
        options: SweepOptions,
        observer: &'a dyn Observer,
        stop: &'a AtomicBool,
    ) -> Sweep<'a> {
        let lines = lines(&options.scope);
        let mut state = State::default();
        for (at, line) in lines.iter().enumerate() {
            if !line.rungs.is_empty() {
                state.open.push(Step { line: at, rung: 0, only: None });
            }
        }
        options.known.iter().for_each(|signature| state.court.remember(signature));
        let started = Instant::now();
        let artifacts = Artifacts::default();
        let state = Mutex::new(state);
        let sweep = Sweep { options, lines, observer, stop, started, artifacts, state };
        sweep.recall(&mut sweep.lock());
        sweep
    }

    /// Takes the earlier part of the run into account: which recipes were run, what they cost.
    fn recall(&self, state: &mut State) {
        for (line_at, line) in self.lines.iter().enumerate() {
            for &at in &line.rungs {
                for (position, backend) in self.options.backends.iter().enumerate() {
                    let Some(past) = self.past(line, at, backend) else { continue };
                    state.recipes.insert((past.recipe, position));
                    state.note_cost(position, &past.outcome);
                    let track = state.tracks.entry((line_at, position)).or_default();
                    track.note(&past.outcome, at, line.used(at));
                }
            }
        }
    }

    fn past(&self, line: &Line, at: Proximity, backend: &Backend) -> Option<&Past> {
        self.options.past.get(&(line.name.clone(), at, backend.clone()))
    }

    /// Runs it.
    pub fn run(self, pool: &Pool) -> Result<SweepEnd, SweepError> {
        let stats = pool.run(&self, self.stop);
        self.show_unconfirmed();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = state.footing.failure {
            return Err(failure);
        }
        let complete = !self.stop.load(Relaxed);
        Ok(SweepEnd { findings: state.findings, stats, complete })
    }

    /// The case of a job that runs, and the place of its backend.
    fn case_of(&self, job: u64) -> Option<(Case, usize)> {
        let state = self.lock();
        let running = state.jobs.get(&job)?;
        let group = state.groups.get(&running.group)?;
        Some((group.case.clone(), running.backend))
    }

    /// A job of a case; where that is cheap, its machine code is looked at too.
    fn job(&self, case: &Case, id: u64, backend: &Backend) -> Job {
        let mut job = case.job(id, backend, self.options.budget);
        if case.module_bytes <= LOOKED_AT_BYTES_MAX {
            self.artifacts.ask(&mut job);
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks for Sweep<'_> {
    fn next(&self) -> Next {
        loop {
            let mut state = self.lock();
            if state.footing.failure.is_some() {
                return Next::Done;
            }
            if self.time_left().is_some_and(|left| left.is_zero()) {
                self.skip_the_rest(&mut state);
            }
            if let Some(task) = state.ready.pop_front() {
                let first = task.jobs.first().and_then(|job| state.jobs.get(&job.id));
                let group = first.and_then(|running| state.groups.get(&running.group));
                if let Some(group) = group {
                    let line = &self.lines[group.step.line];
                    self.observer.observe(Event::JobsStarted {
                        line: line.name.clone(),
                        at: Some(line.rungs[group.step.rung]),
                        count: task.jobs.len(),
                        planned: state.planned,
                    });
                }
                return Next::Task(task);
            }
            let Some(step) = self.choose(&mut state) else {
                let idle = state.groups.is_empty() && state.building == 0;
                return if idle { Next::Done } else { Next::Wait };
            };
            state.building += 1;
            drop(state);
            self.begin(step);
        }
    }

    fn ended(&self, mut outcome: Outcome) {
        if let Some((case, backend)) = self.case_of(outcome.job) {
            self.artifacts.look(&case, &self.options.backends[backend], &mut outcome);
        }
        let mut state = self.lock();
        let Some(running) = state.jobs.remove(&outcome.job) else { return };
        state.footing.watch(&outcome);
        match running.confirms {
            None => self.first_run(&mut state, &running, outcome),
            Some(id) => self.confirming_run(&mut state, &running, id, &outcome),
        }
        self.close(&mut state, running.group);
    }

    fn seat_failed(&self, error: SeatError) {
        self.observer.observe(Event::Warned { message: format!("failed to {error}") });
        self.lock().footing.fail(error);
    }
}

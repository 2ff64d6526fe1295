//! A sweep: every line on every backend, from far to near.
//!
//! A sweep with a time limit goes as near as that allows: what a cell will cost is foretold from
//! the step before it on the same backend, and a cell that would not fit its budget or the time
//! that is left is skipped and reported as skipped. Without a time limit nothing is skipped.

mod state;
mod suspects;
mod track;
mod verdicts;

use self::state::{Group, Running, State, Step};
use self::track::Foretold;
use super::line::cell_key;
use super::{Case, CaseError, Event, Line, Observer, Scope, Skip, lines};
use crate::engines::Backend;
use crate::job::{Budget, INLINE_BYTES_MAX, Job};
use crate::outcome::Outcome;
use crate::recipe::Proximity;
use crate::sandbox::{Next, Pool, PoolStats, SeatError, Task, Tasks};
use crate::shapes::ResolveError;
use crate::triage::Signature;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// The share of a timed sweep's time after which suspects are tried.
const LADDER_SHARE: f64 = 0.55;

/// Jobs that are foretold to take longer than this are not batched: another seat could take some.
const BATCHED_MAX: Duration = Duration::from_millis(50);

/// What to sweep.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Which lines.
    pub scope: Scope,
    /// On which backends.
    pub backends: Vec<Backend>,
    /// Under which limits.
    pub budget: Budget,
    /// The time for the whole sweep, if it is limited.
    pub time: Option<Duration>,
    /// Cells of an earlier part of the same run, which are not run again.
    pub done: BTreeSet<String>,
    /// Findings of an earlier part.
    pub known: Vec<Signature>,
}

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
}

/// A running sweep.
pub struct Sweep<'a> {
    options: SweepOptions,
    lines: Vec<Line>,
    observer: &'a dyn Observer,
    stop: &'a AtomicBool,
    started: Instant,
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
        Sweep { options, lines, observer, stop, started, state: Mutex::new(state) }
    }

    /// Runs it.
    pub fn run(self, pool: &Pool) -> Result<SweepEnd, SweepError> {
        let stats = pool.run(&self, self.stop);
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = state.failure {
            return Err(failure);
        }
        let complete = !self.stop.load(Relaxed);
        Ok(SweepEnd { findings: state.findings, stats, complete })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step to begin next: the one that is foretold to cost least, so that as many lines as
    /// possible get as near as possible; among equals the farthest from the limit. Late in a timed
    /// sweep, the suspects come first.
    fn choose(&self, state: &mut State) -> Option<Step> {
        if let Some(time) = self.options.time
            && state.suspects.is_none()
            && self.started.elapsed() > time.mul_f64(LADDER_SHARE)
        {
            state.suspects = Some(suspects::suspects(self, state));
        }
        if let Some(suspect) = state.suspects.as_mut().and_then(Vec::pop) {
            return Some(suspect);
        }
        let cost = |step: &Step| -> Duration {
            (0..self.options.backends.len())
                .filter_map(|backend| Some(self.foretell(state, step, backend)?.cpu))
                .sum()
        };
        let steps = state.open.iter().enumerate();
        let best = steps.min_by_key(|(_, step)| (cost(step), step.rung, step.line))?.0;
        Some(state.open.swap_remove(best))
    }

    fn foretell(&self, state: &State, step: &Step, backend: usize) -> Option<Foretold> {
        let line = &self.lines[step.line];
        state.tracks.get(&(step.line, backend))?.foretell(line.used(line.rungs[step.rung]))
    }

    /// Builds the case of a step, or says why there is none.
    fn build(&self, line: &Line, at: Proximity) -> Result<Option<Case>, BuildFailure> {
        let recipe = line.recipe(at)?;
        if !self.lock().recipes.insert(recipe.id()) {
            // Another rung or line has led to the very same module.
            return Ok(None);
        }
        Ok(Some(Case::of_recipe(&recipe)?))
    }

    /// Begins a step: builds its case and makes its jobs.
    fn begin(&self, step: Step) {
        let line = &self.lines[step.line];
        let at = line.rungs[step.rung];
        let built = self.build(line, at);
        let mut state = self.lock();
        state.building -= 1;
        let case = match built {
            Ok(Some(case)) => case,
            Ok(None) => return self.advance(&mut state, step),
            Err(BuildFailure::Resolve(error)) => {
                self.skip(line, at, None, error.to_string());
                return self.advance(&mut state, step);
            }
            Err(BuildFailure::Case(error)) => {
                state.failure.get_or_insert(error.into());
                self.stop.store(true, Relaxed);
                return;
            }
        };
        let group_id = state.next_id;
        state.next_id += 1;
        let mut jobs = Vec::new();
        for (position, backend) in self.options.backends.iter().enumerate() {
            if step.only.is_some_and(|only| only != position) {
                continue;
            }
            if self.options.done.contains(&cell_key(&line.name, at, backend)) {
                continue;
            }
            if let Some(reason) = self.reason_to_skip(&state, &step, position) {
                self.skip(line, at, Some(backend), reason);
                continue;
            }
            let id = state.next_id;
            state.next_id += 1;
            jobs.push(case.job(id, backend, self.options.budget));
            state.jobs.insert(id, Running { group: group_id, backend: position, confirms: None });
        }
        state.planned += jobs.len() as u64;
        if jobs.is_empty() {
            return self.advance(&mut state, step);
        }
        self.queue(&mut state, &step, &case, jobs);
        let left = state.jobs.values().filter(|running| running.group == group_id).count();
        let group = Group { step, case, outcomes: Vec::new(), left };
        state.groups.insert(group_id, group);
    }

    /// Small modules that are quick go through all backends in one batch; others one by one, the
    /// costliest backend first.
    fn queue(&self, state: &mut State, step: &Step, case: &Case, mut jobs: Vec<Job>) {
        let module = case.module.clone();
        let cost = |job: &Job| Some(self.foretell(state, step, state.jobs[&job.id].backend)?.cpu);
        let quick = |job: &Job| cost(job).is_none_or(|foretold| foretold < BATCHED_MAX);
        if case.module_bytes <= INLINE_BYTES_MAX && jobs.iter().all(quick) {
            state.ready.push_back(Task { jobs, module });
            return;
        }
        jobs.sort_by_cached_key(|job| std::cmp::Reverse(cost(job)));
        for job in jobs {
            state.ready.push_back(Task { jobs: vec![job], module: module.clone() });
        }
    }

    fn reason_to_skip(&self, state: &State, step: &Step, backend: usize) -> Option<String> {
        let left = self.time_left()?;
        let track = state.tracks.get(&(step.line, backend));
        if let Some(reason) = track.and_then(|track| track.blocked.clone()) {
            return Some(reason);
        }
        if step.only.is_some() {
            return None;
        }
        let foretold = self.foretell(state, step, backend)?.cpu;
        if foretold > Duration::from_secs(self.options.budget.cpu_s) {
            return Some(format!(
                "about {} s of CPU time would be more than a job's; sweep with --full, --at or a \
                 larger --time-limit",
                foretold.as_secs()
            ));
        }
        (foretold > left)
            .then(|| format!("about {} s of CPU time are more than is left", foretold.as_secs()))
    }

    /// Time left for the sweep, where it is limited.
    fn time_left(&self) -> Option<Duration> {
        Some(self.options.time?.saturating_sub(self.started.elapsed()))
    }

    /// The time is over: what has not begun will not.
    fn skip_the_rest(&self, state: &mut State) {
        state.suspects = Some(Vec::new());
        for step in std::mem::take(&mut state.open) {
            let line = &self.lines[step.line];
            for &at in &line.rungs[step.rung..] {
                self.skip(line, at, None, "no time is left".to_owned());
            }
        }
    }

    fn skip(&self, line: &Line, at: Proximity, backend: Option<&Backend>, reason: String) {
        let skip = Skip { line: line.name.clone(), at, backend: backend.cloned(), reason };
        self.observer.observe(Event::Skipped { skip });
    }

    /// Opens the next rung of a line.
    fn advance(&self, state: &mut State, step: Step) {
        if step.only.is_none() && step.rung + 1 < self.lines[step.line].rungs.len() {
            state.open.push(Step { rung: step.rung + 1, ..step });
        }
    }
}

impl Tasks for Sweep<'_> {
    fn next(&self) -> Next {
        loop {
            let mut state = self.lock();
            if state.failure.is_some() {
                return Next::Done;
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
            if self.time_left().is_some_and(|left| left.is_zero()) {
                self.skip_the_rest(&mut state);
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

    fn ended(&self, outcome: Outcome) {
        let mut state = self.lock();
        let Some(running) = state.jobs.remove(&outcome.job) else { return };
        match running.confirms {
            None => self.first_run(&mut state, &running, outcome),
            Some(id) => self.confirming_run(&mut state, &running, id, &outcome),
        }
        self.close(&mut state, running.group);
    }

    fn seat_failed(&self, error: SeatError) {
        self.observer.observe(Event::Warned { message: format!("failed to {error}") });
        let mut state = self.lock();
        state.failure.get_or_insert(error.into());
    }
}

enum BuildFailure {
    Resolve(ResolveError),
    Case(CaseError),
}

impl From<ResolveError> for BuildFailure {
    fn from(error: ResolveError) -> BuildFailure {
        BuildFailure::Resolve(error)
    }
}

impl From<CaseError> for BuildFailure {
    fn from(error: CaseError) -> BuildFailure {
        BuildFailure::Case(error)
    }
}

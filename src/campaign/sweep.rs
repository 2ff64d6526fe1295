//! A sweep: every line on every backend, from far to near.
//!
//! A sweep with a time limit goes as near as that allows: what a cell will cost is foretold from
//! the step before it on the same backend, and a cell that would not fit its budget or the time
//! that is left is skipped and reported as skipped. Without a time limit nothing is skipped.

use super::line::cell_key;
use super::{
    CONFIRMATIONS, Case, CaseError, Court, Event, Finding, Judged, Line, Observer, Scope, Skip,
    lines,
};
use crate::engines::Backend;
use crate::job::{Budget, INLINE_BYTES_MAX, Job};
use crate::outcome::{Outcome, Termination};
use crate::recipe::{Proximity, RecipeId};
use crate::sandbox::{Next, Pool, PoolStats, SeatError, Task, Tasks};
use crate::shapes::ResolveError;
use crate::triage::Signature;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// A finding whose case takes longer than this, in microseconds of CPU time, is confirmed only by
/// a sweep without a time limit.
const CONFIRM_US_MAX: u64 = 5_000_000;

/// Cost is foretold to grow with the size of the module to this power: a little more than in
/// proportion, since sorting and trees are everywhere.
const GROWTH_FORETOLD: f64 = 1.15;

/// A cell may use at most one part in this many of the time that is left.
const SHARE_OF_TIME_LEFT: u32 = 3;

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

#[derive(Default)]
struct State {
    next_id: u64,
    planned: u64,
    /// Steps that may begin: line and rung.
    open: Vec<(usize, usize)>,
    building: usize,
    ready: VecDeque<Task>,
    groups: BTreeMap<u64, Group>,
    jobs: BTreeMap<u64, Running>,
    /// What is known of each line and backend, by their positions.
    tracks: BTreeMap<(usize, usize), Track>,
    recipes: BTreeSet<RecipeId>,
    court: Court,
    findings: u64,
    failure: Option<SweepError>,
}

/// One case on its way through the backends.
struct Group {
    line: usize,
    rung: usize,
    case: Case,
    outcomes: Vec<(Backend, Outcome)>,
    left: usize,
}

/// One job that has not ended.
struct Running {
    group: u64,
    backend: usize,
    confirms: Option<u64>,
}

/// The course of one line on one backend.
#[derive(Default)]
struct Track {
    /// Size and CPU time of the last module that went through, in bytes and microseconds.
    last: Option<(u64, u64)>,
    /// Why nothing nearer needs to be tried.
    blocked: Option<String>,
    /// A violation that is being confirmed.
    confirming: Vec<Confirming>,
}

struct Confirming {
    id: u64,
    judged: Judged,
    outcome: Outcome,
    seen: u32,
    runs: u32,
    left: u32,
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
                state.open.push((at, 0));
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

    /// The step to begin next: the farthest from the limit first, so that every line gets
    /// somewhere, and among those the costliest, so that no long job is left for the end.
    fn choose(&self, state: &mut State) -> Option<(usize, usize)> {
        let cost = |line: usize| -> u64 {
            let last = (0..self.options.backends.len())
                .filter_map(|backend| state.tracks.get(&(line, backend))?.last);
            last.map(|(_, cpu_us)| cpu_us).max().unwrap_or(0)
        };
        let best = state
            .open
            .iter()
            .enumerate()
            .min_by_key(|(_, (line, rung))| (*rung, std::cmp::Reverse(cost(*line)), *line))?
            .0;
        Some(state.open.swap_remove(best))
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
    fn begin(&self, line_at: usize, rung: usize) {
        let line = &self.lines[line_at];
        let at = line.rungs[rung];
        let built = self.build(line, at);
        let mut state = self.lock();
        state.building -= 1;
        let case = match built {
            Ok(Some(case)) => case,
            Ok(None) => return self.advance(&mut state, line_at, rung),
            Err(BuildFailure::Resolve(error)) => {
                self.skip(line, at, None, error.to_string());
                return self.advance(&mut state, line_at, rung);
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
            if self.options.done.contains(&cell_key(&line.name, at, backend)) {
                continue;
            }
            if let Some(reason) = self.reason_to_skip(&state, line_at, position, &case) {
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
            return self.advance(&mut state, line_at, rung);
        }
        self.queue(&mut state, line_at, &case, jobs);
        let left = state.jobs.values().filter(|running| running.group == group_id).count();
        let group = Group { line: line_at, rung, case, outcomes: Vec::new(), left };
        state.groups.insert(group_id, group);
    }

    /// Small modules go through all backends in one batch; large ones one by one, the costliest
    /// backend first.
    fn queue(&self, state: &mut State, line: usize, case: &Case, mut jobs: Vec<Job>) {
        let module = case.module.clone();
        if case.module_bytes <= INLINE_BYTES_MAX {
            state.ready.push_back(Task { jobs, module });
            return;
        }
        jobs.sort_by_key(|job| {
            let backend = state.jobs[&job.id].backend;
            let track = state.tracks.get(&(line, backend));
            std::cmp::Reverse(track.and_then(|track| track.last).map_or(0, |last| last.1))
        });
        for job in jobs {
            state.ready.push_back(Task { jobs: vec![job], module: module.clone() });
        }
    }

    fn reason_to_skip(
        &self,
        state: &State,
        line: usize,
        backend: usize,
        case: &Case,
    ) -> Option<String> {
        let left = self.time_left()?;
        let track = state.tracks.get(&(line, backend));
        if let Some(reason) = track.and_then(|track| track.blocked.clone()) {
            return Some(reason);
        }
        let (bytes, cpu_us) = track?.last?;
        let foretold = foretell(bytes, cpu_us, case.module_bytes);
        if foretold > Duration::from_secs(self.options.budget.cpu_s) {
            return Some(format!(
                "about {} s of CPU time are more than its budget; sweep with --full, --at or a \
                 larger --time-limit",
                foretold.as_secs()
            ));
        }
        (foretold > left / SHARE_OF_TIME_LEFT)
            .then(|| format!("about {} s are too much of the time left", foretold.as_secs()))
    }

    /// Time left for the sweep, where it is limited.
    fn time_left(&self) -> Option<Duration> {
        Some(self.options.time?.saturating_sub(self.started.elapsed()))
    }

    /// The time is over: what has not begun will not.
    fn skip_the_rest(&self, state: &mut State) {
        for (line, rung) in std::mem::take(&mut state.open) {
            let line = &self.lines[line];
            for &at in &line.rungs[rung..] {
                self.skip(line, at, None, "no time is left".to_owned());
            }
        }
    }

    fn skip(&self, line: &Line, at: Proximity, backend: Option<&Backend>, reason: String) {
        let skip = Skip { line: line.name.clone(), at, backend: backend.cloned(), reason };
        self.observer.observe(Event::Skipped { skip });
    }

    /// Opens the next rung of a line.
    fn advance(&self, state: &mut State, line: usize, rung: usize) {
        if rung + 1 < self.lines[line].rungs.len() {
            state.open.push((line, rung + 1));
        }
    }

    /// A job's first run has ended.
    fn first_run(&self, state: &mut State, running: &Running, outcome: Outcome) {
        let Some(group) = state.groups.get_mut(&running.group) else { return };
        let backend = &self.options.backends[running.backend];
        let (judged, inconclusive) =
            Court::judge(&group.case, backend, &self.options.budget, &outcome, None);
        group.outcomes.push((backend.clone(), outcome.clone()));
        group.left -= 1;
        let line = &self.lines[group.line];
        let at = line.rungs[group.rung];
        self.observer.observe(Event::JobEnded {
            line: line.name.clone(),
            at: Some(at),
            subject: group.case.subject.clone(),
            backend: backend.clone(),
            budget: self.options.budget,
            outcome: Box::new(outcome.clone()),
            violations: judged.iter().map(|judged| judged.signature.to_string()).collect(),
            inconclusive,
        });
        let track = state.tracks.entry((group.line, running.backend)).or_default();
        track.note(&outcome, at);
        for judged in judged {
            self.suspect(state, running, judged, outcome.clone());
        }
    }

    /// A violation was seen; the first of its signature is confirmed or shown.
    fn suspect(&self, state: &mut State, running: &Running, judged: Judged, outcome: Outcome) {
        if !state.court.is_new(&judged.signature) {
            return;
        }
        let Some(group) = state.groups.get_mut(&running.group) else { return };
        let timed = self.options.time.is_some();
        if timed && outcome.measurements.cpu_us > CONFIRM_US_MAX {
            let case = group.case.clone();
            self.found(state, &case, running.backend, &judged, outcome, (1, 1));
            return;
        }
        let id = state.next_id;
        state.next_id += 1;
        let case = group.case.clone();
        let line = group.line;
        for _ in 0..CONFIRMATIONS {
            let job_id = state.next_id;
            state.next_id += 1;
            let job =
                case.job(job_id, &self.options.backends[running.backend], self.options.budget);
            let again =
                Running { group: running.group, backend: running.backend, confirms: Some(id) };
            state.jobs.insert(job_id, again);
            state.ready.push_front(Task { jobs: vec![job], module: case.module.clone() });
            state.planned += 1;
            if let Some(group) = state.groups.get_mut(&running.group) {
                group.left += 1;
            }
        }
        let track = state.tracks.entry((line, running.backend)).or_default();
        let (seen, runs, left) = (1, 1, CONFIRMATIONS);
        track.confirming.push(Confirming { id, judged, outcome, seen, runs, left });
    }

    /// A confirming run has ended.
    fn confirming_run(&self, state: &mut State, running: &Running, id: u64, outcome: &Outcome) {
        let Some(group) = state.groups.get_mut(&running.group) else { return };
        group.left -= 1;
        let backend = &self.options.backends[running.backend];
        let judge =
            |peers| Court::judge(&group.case, backend, &self.options.budget, outcome, peers).0;
        let mut judged = judge(None);
        judged.extend(judge(Some(&group.outcomes)));
        let case = group.case.clone();
        let track = state.tracks.entry((group.line, running.backend)).or_default();
        let Some(at) = track.confirming.iter().position(|confirming| confirming.id == id) else {
            return;
        };
        let confirming = &mut track.confirming[at];
        confirming.runs += 1;
        confirming.left -= 1;
        let signature = &confirming.judged.signature;
        confirming.seen += u32::from(judged.iter().any(|judged| judged.signature == *signature));
        if confirming.left > 0 {
            return;
        }
        let Confirming { judged, outcome, seen, runs, .. } = track.confirming.swap_remove(at);
        if seen == runs {
            self.found(state, &case, running.backend, &judged, outcome, (seen, runs));
            return;
        }
        state.court.forget(&judged.signature);
        self.observer.observe(Event::Warned {
            message: format!(
                "{} on {backend}: seen in {seen} of {runs} runs, so it is no finding: {}",
                case.subject, judged.violation.summary
            ),
        });
    }

    fn found(
        &self,
        state: &mut State,
        case: &Case,
        backend: usize,
        judged: &Judged,
        outcome: Outcome,
        seen: (u32, u32),
    ) {
        state.findings += 1;
        let finding = Finding {
            signature: judged.signature.clone(),
            violation: judged.violation.clone(),
            subject: case.subject.clone(),
            backend: self.options.backends[backend].clone(),
            budget: self.options.budget,
            outcome,
            seen,
        };
        self.observer.observe(Event::Found { finding: Box::new(finding) });
    }

    /// When every job of a group has run once, its backends are compared; when nothing of it is
    /// left, its line goes on.
    fn close(&self, state: &mut State, group_id: u64) {
        let Some(group) = state.groups.get(&group_id) else { return };
        if group.left > 0 {
            return;
        }
        let compared: Vec<(usize, Outcome, Vec<Judged>)> = group
            .outcomes
            .iter()
            .filter_map(|(backend, outcome)| {
                let position = self.options.backends.iter().position(|other| other == backend)?;
                let peers = Some(group.outcomes.as_slice());
                let budget = &self.options.budget;
                let judged = Court::judge(&group.case, backend, budget, outcome, peers).0;
                Some((position, outcome.clone(), judged))
            })
            .collect();
        for (backend, outcome, judged) in compared {
            for judged in judged {
                let running = Running { group: group_id, backend, confirms: None };
                self.suspect(state, &running, judged, outcome.clone());
            }
        }
        if state.groups.get(&group_id).is_some_and(|group| group.left == 0)
            && let Some(group) = state.groups.remove(&group_id)
        {
            self.advance(state, group.line, group.rung);
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
                    let line = &self.lines[group.line];
                    self.observer.observe(Event::JobsStarted {
                        line: line.name.clone(),
                        at: Some(line.rungs[group.rung]),
                        count: task.jobs.len(),
                        planned: state.planned,
                    });
                }
                return Next::Task(task);
            }
            if self.time_left().is_some_and(|left| left.is_zero()) {
                self.skip_the_rest(&mut state);
            }
            let Some((line, rung)) = self.choose(&mut state) else {
                let idle = state.groups.is_empty() && state.building == 0;
                return if idle { Next::Done } else { Next::Wait };
            };
            state.building += 1;
            drop(state);
            self.begin(line, rung);
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

impl Track {
    fn note(&mut self, outcome: &Outcome, at: Proximity) {
        let measured = &outcome.measurements;
        match &outcome.termination {
            Termination::Completed { .. } => {
                self.last = Some((measured.module_bytes, measured.cpu_us));
            }
            Termination::TimedOut { .. } | Termination::OutOfMemory { .. } => {
                self.blocked = Some(format!("it ran over its budget at {at} already"));
            }
            Termination::Panicked { .. }
            | Termination::StackOverflow { .. }
            | Termination::Signaled { .. } => {
                self.blocked = Some(format!("it crashed at {at} already"));
            }
            Termination::OutputLimit
            | Termination::Ambiguous
            | Termination::Infrastructure { .. } => {}
        }
    }
}

/// CPU time to expect of a module of `bytes` when one of `known_bytes` took `cpu_us`.
fn foretell(known_bytes: u64, cpu_us: u64, bytes: u64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let ratio = bytes as f64 / known_bytes.max(1) as f64;
    Duration::from_micros(cpu_us).mul_f64(ratio.max(1.0).powf(GROWTH_FORETOLD).min(1e9))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_modules_are_foretold_to_take_longer_than_in_proportion() {
        let once = foretell(1_000, 1_000_000, 1_000);
        assert_eq!(once, Duration::from_secs(1));
        assert!(foretell(1_000, 1_000_000, 10_000) > Duration::from_secs(10));
        assert_eq!(foretell(1_000, 1_000_000, 10), once, "never less than what is known");
    }
}

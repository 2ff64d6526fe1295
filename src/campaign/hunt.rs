//! A hunt: a search for the worst that recipes can do, guided by what they cost.
//!
//! It starts from a small module of each shape, keeps the best of each kind in an archive, and makes
//! new recipes from those by mutation and crossover. What is best at something is scaled up along its
//! own counts (a track); what grows faster than the module on the way is measured on a ladder, what is
//! foretold to break a budget is tried where it does. Crashes and refusals are findings on the way. A
//! finding is shown when it went wrong three times out of three.
//!
//! With a limit of cases instead of time, only counters guide the search, which repeat exactly: with
//! one job at once, equal seeds then try equal recipes in equal order.

mod archive;
mod cause;
mod options;
mod propose;
mod state;
mod track;
mod verdicts;

use self::propose::{Proposal, propose};
use self::state::{Attempt, Goal, State};
use super::machine::Artifacts;
use super::{Case, CaseError, Event, Observer, Subject, SweepError};
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::sandbox::{Next, Pool, PoolStats, Task, Tasks};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use self::options::HuntOptions;

/// The time at the end of a hunt that is kept for confirming, and after it for what still runs.
const CLOSING: Duration = Duration::from_secs(75);

/// CPU time that a small module gets at first, in seconds: one that needs more is tried again with
/// all of the budget.
const SCOUT_S: u64 = 3;

/// What a search may be led by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guide {
    /// Times and counters.
    Everything,
    /// Counters alone, so that it can be repeated.
    Counters,
}

/// How a hunt ended.
#[derive(Debug)]
pub struct HuntEnd {
    /// New findings.
    pub findings: u64,
    /// Cells of the archive that have an elite.
    pub elites: usize,
    /// The recipes that are best at something on any backend.
    pub best: Vec<Recipe>,
    /// How the seats were used.
    pub stats: PoolStats,
    /// Whether it went on to the end of its time or cases.
    pub complete: bool,
}

/// A running hunt.
pub struct Hunt<'a> {
    options: HuntOptions,
    guide: Guide,
    observer: &'a dyn Observer,
    stop: &'a AtomicBool,
    started: Instant,
    artifacts: Artifacts,
    state: Mutex<State>,
}

impl<'a> Hunt<'a> {
    /// Plans a hunt.
    pub fn new(options: HuntOptions, observer: &'a dyn Observer, stop: &'a AtomicBool) -> Hunt<'a> {
        let guide = if options.cases.is_some() { Guide::Counters } else { Guide::Everything };
        let mut state = State::new(&options);
        state.number = options.first;
        let past = options.past.iter();
        for (recipe, backend, outcome) in past {
            let position = options.backends.iter().position(|other| other == backend);
            let Some(position) = position else { continue };
            state.recall(recipe, position, outcome, guide);
        }
        for finding in &options.found {
            state.causes.insert(cause::Cause::of(&finding.violation, &finding.backend));
            state.court.remember(&finding.signature);
        }
        let started = Instant::now();
        let artifacts = Artifacts::default();
        for (recipe, backend) in &options.open {
            let position = options.backends.iter().position(|other| other == backend);
            // Recipes of another version of brink may not fit their shapes any more.
            if let (Some(position), Ok(case)) = (position, Case::of_recipe(recipe)) {
                let number = options.first.saturating_sub(1);
                verdicts::queue(&mut state, &options, case, position, number);
            }
        }
        Hunt { options, guide, observer, stop, started, artifacts, state: Mutex::new(state) }
    }

    /// Runs it.
    pub fn run(self, pool: &Pool) -> Result<HuntEnd, SweepError> {
        let stats = pool.run(&self, self.stop);
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = state.footing.failure {
            return Err(failure);
        }
        // What there was no time to confirm is told.
        for it in state.confirming.values() {
            let backend = &self.options.backends[it.backend];
            let it = &it.violation;
            self.observer.observe(it.judged.unconfirmed(&it.case, backend, it.seen, it.runs()));
        }
        for it in state.measured.values() {
            let Some((judged, _)) = &it.shown else { continue };
            let (backend, case) = (&self.options.backends[it.backend], it.measuring.plan.top());
            self.observer.observe(judged.unconfirmed(case, backend, it.seen, it.seen));
        }
        let complete = !self.stop.load(Relaxed);
        let (findings, elites) = (state.findings, state.archive.len());
        Ok(HuntEnd { findings, elites, best: state.archive.best(), stats, complete })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time_left(&self) -> Option<Duration> {
        Some(self.options.time?.saturating_sub(self.started.elapsed()))
    }

    /// Whether the search is over, and only what it has begun is brought to its end.
    fn is_over(&self, state: &State) -> bool {
        self.time_left().is_some_and(|left| left.is_zero())
            || self.options.cases.is_some_and(|cases| state.number >= cases)
    }

    /// Whether there is still time for long jobs that have to be confirmed.
    fn has_time(&self) -> bool {
        self.time_left().is_none_or(|left| left > CLOSING)
    }

    /// Whether what was begun has had its time, too.
    fn is_late(&self) -> bool {
        self.options.time.is_some_and(|time| self.started.elapsed() > time + CLOSING)
    }

    /// Makes the job of a proposal.
    fn begin(&self, proposal: Proposal) {
        let Proposal { recipe, backend, goal, number } = proposal;
        let case = Case::of_recipe(&recipe);
        let mut state = self.lock();
        state.building -= 1;
        let case = match case {
            Ok(case) => case,
            // Proposals fit their shapes, so this one is only lost.
            Err(CaseError::Recipe(_)) => return,
            Err(error) => {
                state.footing.fail(error);
                self.stop.store(true, Relaxed);
                return;
            }
        };
        let backend_of_job = &self.options.backends[backend];
        // Where only counters guide the search, no case may end by a clock that a busy machine moves.
        let scouts = self.guide == Guide::Everything
            && matches!(goal, Goal::Seed | Goal::Fresh | Goal::Mutated | Goal::Edge);
        let cpu_s =
            if scouts { SCOUT_S.min(self.options.budget.cpu_s) } else { self.options.budget.cpu_s };
        let budget = Budget::new(cpu_s, self.options.budget.memory_bytes);
        let id = state.next_id();
        let mut job = case.job(id, backend_of_job, budget);
        if matches!(goal, Goal::Seed | Goal::Fresh | Goal::Mutated) {
            self.artifacts.ask(&mut job);
        }
        state.planned += 1;
        self.observer.observe(Event::JobsStarted {
            line: format!("{} {}", goal.name(), case.subject),
            at: None,
            count: 1,
            planned: state.planned,
        });
        let task = Task { jobs: vec![job], module: case.module.clone() };
        state.ready.push_back(task);
        let attempt = Attempt { case, backend, goal, budget, number };
        state.running.insert(id, state::Running::Case(Box::new(attempt)));
    }
}

impl Tasks for Hunt<'_> {
    fn next(&self) -> Next {
        loop {
            let mut state = self.lock();
            if state.footing.failure.is_some() || self.is_late() {
                return Next::Done;
            }
            if let Some(task) = state.ready.pop_front() {
                return Next::Task(task);
            }
            if self.is_over(&state) {
                let idle = state.running.is_empty() && state.building == 0;
                return if idle { Next::Done } else { Next::Wait };
            }
            state.building += 1;
            let number = state.number;
            state.number += 1;
            let draft = propose::draft(&mut state, self, number);
            drop(state);
            match propose(draft, self, number) {
                Some(proposal) => self.begin(proposal),
                None => self.lock().building -= 1,
            }
        }
    }

    fn ended(&self, outcome: Outcome) {
        verdicts::ended(self, outcome);
    }

    fn seat_failed(&self, error: crate::sandbox::SeatError) {
        self.observer.observe(Event::Warned { message: format!("failed to {error}") });
        self.lock().footing.fail(error);
    }
}

/// The recipe of a subject that a hunt ran.
fn recipe_of(case: &Case) -> Option<&Recipe> {
    match &case.subject {
        Subject::Recipe(recipe) => Some(recipe),
        Subject::Module(_) => None,
    }
}

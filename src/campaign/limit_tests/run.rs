//! Runs limit tests: each module once on each backend, whatever the number of tests about it.

use super::judge::LimitVerdict;
use super::parts::{Part, parts};
use super::weigh::Asked;
use super::{LimitTable, LimitTest, limit_table};
use crate::campaign::confirming::Footing;
use crate::campaign::{Case, CaseError, Court, Difference, Event, Judged, Observer};
use crate::engines::{Backend, EngineId};
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::sandbox::{Host, Next, Pool, PoolStats, SeatError, Task, Tasks};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What to run.
#[derive(Clone, Debug)]
pub struct LimitRun {
    /// The tests.
    pub tests: Vec<LimitTest>,
    /// On what.
    pub backends: Vec<Backend>,
    /// The limits of a job.
    pub budget: Budget,
    /// What happened in the run so far, where it is gone on with.
    pub past: Vec<Event>,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct LimitReport {
    /// By place of the test and of the backend, what came of it; what was not run is not in it.
    pub verdicts: BTreeMap<(usize, usize), LimitVerdict>,
    /// Violations that stand, each with the place of its backend.
    pub stand: Vec<(usize, Judged)>,
    /// CPU time of all jobs, in microseconds.
    pub cpu_us: u64,
    /// What the pool did.
    pub stats: PoolStats,
    /// Why a worker would not start, or a module could not be made.
    pub error: Option<String>,
}

/// Runs tests until all are done or `stop` turns true.
pub fn run_limit_tests(
    run: &LimitRun,
    pool: &Pool,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> LimitReport {
    let engines = pool.hosts.iter().map(Host::engine);
    let tables = engines.filter_map(|it| Some((it.id.clone(), limit_table(it)?))).collect();
    let mut work = Work { tables, ..Work::new(run, observer) };
    match parts(&run.tests) {
        Ok(parts) => {
            work.planned = (parts.len() * run.backends.len()) as u64;
            work.state().parts = parts;
        }
        Err(error) => {
            return LimitReport { error: Some(error.to_string()), ..LimitReport::default() };
        }
    }
    work.state().remember(&run.past);
    let stats = pool.run(&work, stop);
    {
        let state = &mut *work.state();
        let mut open: Vec<Asked> = std::mem::take(&mut state.again).into();
        open.extend(std::mem::take(&mut state.running).into_values());
        open.iter().for_each(|asked| work.show_unconfirmed(state, asked));
    }
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    LimitReport { error: state.error.filter(|_| !stop.load(Relaxed)), stats, ..state.report }
}

/// A part whose module has been made.
struct Open {
    part: Part,
    case: Case,
    backends: VecDeque<usize>,
}

#[derive(Default)]
pub(super) struct State {
    parts: VecDeque<Part>,
    open: Option<Open>,
    next_job: u64,
    /// Parts on backends that took no job.
    left_out: u64,
    /// In which something went wrong, and what is to be run again.
    again: VecDeque<Asked>,
    /// By job, what it answers.
    running: BTreeMap<u64, Asked>,
    /// By part and backend, what came of its first run in an earlier session.
    past: HashMap<(String, Backend), Outcome>,
    pub(super) court: Court,
    /// Differences that were told.
    pub(super) told: Vec<Difference>,
    pub(super) report: LimitReport,
    footing: Footing,
    error: Option<String>,
}

impl State {
    /// Takes what happened in an earlier session for done.
    fn remember(&mut self, past: &[Event]) {
        for event in past {
            // What says nothing of the engine is asked again.
            if let Event::JobEnded { line, backend, outcome, .. } = event
                && outcome.says_something()
            {
                let of = (line.clone(), backend.clone());
                self.past.insert(of, outcome.as_ref().clone());
            } else if let Event::Found { finding } = event {
                self.court.remember(&finding.signature);
            } else if let Event::Differed { difference } = event {
                self.told.push(difference.clone());
            }
        }
    }
}

pub(super) struct Work<'a> {
    pub(super) run: &'a LimitRun,
    pub(super) observer: &'a dyn Observer,
    planned: u64,
    /// What engines deviate in by design.
    tables: BTreeMap<EngineId, &'static LimitTable>,
    state: Mutex<State>,
}

impl<'a> Work<'a> {
    /// Work without anything to do.
    pub(super) fn new(run: &'a LimitRun, observer: &'a dyn Observer) -> Work<'a> {
        Work { run, observer, planned: 0, tables: BTreeMap::new(), state: Mutex::default() }
    }

    /// A backend, and what its engine deviates in by design.
    pub(super) fn backend(&self, at: usize) -> (&Backend, Option<&LimitTable>) {
        let backend = &self.run.backends[at];
        (backend, self.tables.get(backend.engine()).copied())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tests of a part that a backend can answer; what it cannot is told at once.
    fn applicable(&self, state: &mut State, open: &Open, backend: usize) -> Vec<usize> {
        let named = &self.run.backends[backend];
        let lacks = named.lacks(&open.case.proposals);
        let mut applicable = Vec::new();
        for &test in &open.part.tests {
            let runs = self.run.tests[test].aspect.runs();
            let reason = lacks.clone().or_else(|| {
                (runs && !named.executes_here()).then(|| "its code cannot be run here".to_owned())
            });
            match reason {
                Some(reason) => {
                    let verdict = LimitVerdict::NotApplicable(reason);
                    state.report.verdicts.insert((test, backend), verdict);
                }
                None => applicable.push(test),
            }
        }
        applicable
    }

    /// The next part that is to be run, its module made.
    fn open(&self, state: &mut State) -> Result<Option<Open>, CaseError> {
        if let Some(open) = state.open.take().filter(|open| !open.backends.is_empty()) {
            return Ok(Some(open));
        }
        let Some(part) = state.parts.pop_front() else { return Ok(None) };
        let mut case = Case::of_recipe(&part.recipe)?;
        let runs = part.tests.iter().any(|&test| self.run.tests[test].aspect.runs());
        case.execution = case.execution.filter(|_| runs);
        if let Some(execution) = &mut case.execution {
            execution.allocator = part.allocator;
        }
        Ok(Some(Open { part, case, backends: (0..self.run.backends.len()).collect() }))
    }
}

impl Work<'_> {
    /// The task that answers, or `None` where an earlier session has the answer.
    fn task(&self, state: &mut State, mut asked: Asked) -> Option<Next> {
        let named = &self.run.backends[asked.backend];
        if asked.doubt.is_none()
            && let Some(outcome) = state.past.remove(&(asked.part.clone(), named.clone()))
            && !could_not_be_run(&asked.case, named, &outcome)
        {
            let (judged, inconclusive) = self.judge(&asked, &outcome);
            state.left_out += 1;
            asked = self.first_run(state, asked, outcome, judged, &inconclusive)?;
        }
        let mut job = asked.case.job(state.next_job, named, self.run.budget);
        job.repeat = false;
        job.edge = None;
        state.next_job += 1;
        self.observer.observe(Event::JobsStarted {
            line: format!("{} on {named}", asked.part),
            at: None,
            count: 1,
            planned: self.planned.saturating_sub(state.left_out),
        });
        let module = asked.case.module.clone();
        state.running.insert(job.id, asked);
        Some(Next::Task(Task { jobs: vec![job], module }))
    }
}

/// Whether a module was compiled and then not run, which another session may do.
fn could_not_be_run(case: &Case, backend: &Backend, outcome: &Outcome) -> bool {
    let is_to_be_run = case.execution.is_some() && backend.executes_here();
    is_to_be_run && outcome.termination.name() == "accepted" && outcome.execution.is_none()
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let state = &mut *self.state();
        if let Some(failure) = state.footing.failure.take() {
            state.error.get_or_insert_with(|| failure.to_string());
        }
        if state.error.is_some() {
            return Next::Done;
        }
        while let Some(asked) = state.again.pop_front() {
            if let Some(next) = self.task(state, asked) {
                return next;
            }
        }
        loop {
            let mut open = match self.open(state) {
                Ok(Some(open)) => open,
                // What runs may fail, and is run again then.
                Ok(None) if !state.running.is_empty() => return Next::Wait,
                Ok(None) => return Next::Done,
                Err(error) => {
                    state.error.get_or_insert_with(|| error.to_string());
                    return Next::Done;
                }
            };
            let Some(backend) = open.backends.pop_front() else { continue };
            let tests = self.applicable(state, &open, backend);
            let (part, case) = (open.part.name(), open.case.clone());
            state.open = Some(open);
            if tests.is_empty() {
                state.left_out += 1;
                continue;
            }
            let asked = Asked { part, case, backend, tests, doubt: None };
            if let Some(next) = self.task(state, asked) {
                return next;
            }
        }
    }

    fn ended(&self, outcome: Outcome) {
        let state = &mut *self.state();
        let Some(asked) = state.running.remove(&outcome.job) else { return };
        state.footing.watch(&outcome);
        let again = if asked.doubt.is_some() {
            self.later_run(state, asked, &outcome)
        } else {
            let (judged, inconclusive) = self.judge(&asked, &outcome);
            // Later runs of it are not kept: they are made again where a run goes on.
            self.observer.observe(Event::judged(
                asked.part.clone(),
                &asked.case,
                &self.run.backends[asked.backend],
                self.run.budget,
                outcome.clone(),
                &judged,
                &inconclusive,
            ));
            self.first_run(state, asked, outcome, judged, &inconclusive)
        };
        state.again.extend(again);
    }

    fn seat_failed(&self, error: SeatError) {
        self.state().error = Some(error.to_string());
    }
}

//! Runs limit tests: each module once on each backend, whatever the number of tests about it.

use super::LimitTest;
use super::judge::{LimitVerdict, judge};
use crate::campaign::{CONFIRMATIONS, Case, CaseError, Event, Observer};
use crate::engines::Backend;
use crate::job::{Allocator, Budget};
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::sandbox::{Next, Pool, SeatError, Task, Tasks};
use std::collections::{BTreeMap, VecDeque};
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
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct LimitReport {
    /// By place of the test and of the backend, what came of it; what was not run is not in it.
    pub verdicts: BTreeMap<(usize, usize), LimitVerdict>,
    /// CPU time of all jobs, in microseconds.
    pub cpu_us: u64,
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
    let work = Work { run, observer, planned: 0, state: Mutex::default() };
    let parts = work.parts();
    let work = Work { planned: (parts.len() * run.backends.len()) as u64, ..work };
    work.state().parts = parts;
    pool.run(&work, stop);
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    LimitReport { error: state.error.filter(|_| !stop.load(Relaxed)), ..state.report }
}

/// Tests about one module that one job can answer.
struct Part {
    recipe: Recipe,
    allocator: Allocator,
    tests: Vec<usize>,
}

/// A part whose module has been made.
struct Open {
    part: Part,
    case: Case,
    backends: VecDeque<usize>,
}

/// Tests that one job answers on one backend.
struct Asked {
    tests: Vec<usize>,
    case: Case,
    backend: usize,
    /// How often they have failed so far.
    failed: u32,
}

#[derive(Default)]
struct State {
    parts: VecDeque<Part>,
    open: Option<Open>,
    next_job: u64,
    /// What has failed and is to be run again.
    again: VecDeque<Asked>,
    /// By job, what it answers.
    running: BTreeMap<u64, Asked>,
    report: LimitReport,
    error: Option<String>,
}

struct Work<'a> {
    run: &'a LimitRun,
    observer: &'a dyn Observer,
    planned: u64,
    state: Mutex<State>,
}

impl Work<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> VecDeque<Part> {
        let mut parts: VecDeque<Part> = VecDeque::new();
        for (at, test) in self.run.tests.iter().enumerate() {
            let same =
                |part: &&mut Part| part.recipe == test.recipe && part.allocator == test.allocator;
            match parts.iter_mut().find(same) {
                Some(part) => part.tests.push(at),
                None => parts.push_back(Part {
                    recipe: test.recipe.clone(),
                    allocator: test.allocator,
                    tests: vec![at],
                }),
            }
        }
        parts
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
    /// The task that answers.
    fn task(&self, state: &mut State, asked: Asked) -> Next {
        let named = &self.run.backends[asked.backend];
        let mut job = asked.case.job(state.next_job, named, self.run.budget);
        job.repeat = false;
        job.edge = None;
        state.next_job += 1;
        self.observer.observe(Event::JobsStarted {
            line: format!("{} on {named}", asked.case.subject),
            at: None,
            count: 1,
            planned: self.planned,
        });
        let module = asked.case.module.clone();
        state.running.insert(job.id, asked);
        Next::Task(Task { jobs: vec![job], module })
    }
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let state = &mut *self.state();
        if let Some(asked) = state.again.pop_front() {
            return self.task(state, asked);
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
            let case = open.case.clone();
            state.open = Some(open);
            if !tests.is_empty() {
                return self.task(state, Asked { tests, case, backend, failed: 0 });
            }
        }
    }

    fn ended(&self, outcome: Outcome) {
        let state = &mut *self.state();
        let Some(Asked { tests, case, backend: at, failed }) = state.running.remove(&outcome.job)
        else {
            return;
        };
        let backend = &self.run.backends[at];
        state.report.cpu_us += outcome.measurements.cpu_us;
        let mut again = Vec::new();
        for test in tests {
            let verdict = judge(&self.run.tests[test], backend, &self.run.budget, &case, &outcome);
            if matches!(verdict, LimitVerdict::Failed(_)) && failed < CONFIRMATIONS {
                again.push(test);
            } else {
                state.report.verdicts.insert((test, at), settled(verdict, failed));
            }
        }
        if !again.is_empty() {
            let (case, failed) = (case.clone(), failed + 1);
            state.again.push_back(Asked { tests: again, case, backend: at, failed });
        }
        let (line, budget) = (case.subject.to_string(), self.run.budget);
        self.observer.observe(Event::unjudged(line, &case, backend, budget, outcome));
    }

    fn seat_failed(&self, error: SeatError) {
        self.state().error = Some(error.to_string());
    }
}

/// The verdict of the last run of a test, which had `failed` so often before.
fn settled(verdict: LimitVerdict, failed: u32) -> LimitVerdict {
    if failed == 0 || matches!(verdict, LimitVerdict::Failed(_)) {
        return verdict;
    }
    let runs = failed + 1;
    LimitVerdict::Unclear(format!("it failed in {failed} of {runs} runs, so not told as one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_now_and_then_is_unclear() {
        let passed = || LimitVerdict::Passed("accepted".to_owned());
        let failed = || LimitVerdict::Failed("it is refused".to_owned());
        assert_eq!(settled(passed(), 0), passed());
        assert!(matches!(settled(passed(), 1), LimitVerdict::Unclear(_)));
        assert_eq!(settled(failed(), CONFIRMATIONS), failed());
    }
}

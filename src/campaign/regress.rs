//! Runs cases of the corpus and holds what comes of them against what is expected.
//!
//! What differs is run twice more; only what differs every time counts. A job that says nothing of
//! the engine is *unclear*, which is told and is no difference.

mod again;
mod hold;

use self::again::{climb, confirm};
use self::hold::hold;
use super::machine::Artifacts;
use super::{Case, CaseError, judge_alone};
use crate::corpus::{Entry, Expect, Specimen};
use crate::engines::Backend;
use crate::outcome::Outcome;
use crate::sandbox::{Next, Pool, SeatError, Task, Tasks};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// Why cases could not be run.
#[derive(Debug, Error)]
pub enum RegressError {
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A case could not be made.
    #[error("make the case {slug}: {source}")]
    Case {
        /// Its name.
        slug: String,
        /// Why.
        source: CaseError,
    },
}

/// A case on one backend of one engine, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// The case.
    pub entry: &'a Entry,
    /// The backend, with its engine.
    pub backend: Backend,
    /// What is expected.
    pub expect: &'a Expect,
}

/// What was seen, held against what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is as expected.
    AsExpected,
    /// It is something else: an expectation of what was seen, and what that is in words.
    Differs(Box<Expect>, String),
    /// It cannot be told, and why.
    Unclear(String),
    /// The engine cannot be asked this.
    NotApplicable(String),
}

/// A check that was made.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was seen.
    pub seen: Seen,
    /// CPU time of its first run, in microseconds.
    pub cpu_us: u64,
}

/// Who is told of each check as it ends, by its number.
pub type Tell<'a> = dyn Fn(usize, &Checked) + Sync + 'a;

/// Runs all checks; those that were not made when `stop` turned true are missing.
pub fn regress(
    checks: &[Check<'_>],
    pool: &Pool,
    stop: &AtomicBool,
    tell: &Tell<'_>,
) -> Result<Vec<Option<Checked>>, RegressError> {
    let work = Work {
        checks,
        stop,
        state: Mutex::new(State { queue: groups(checks), ..State::default() }),
        artifacts: Artifacts::default(),
        tell,
    };
    pool.run(&work, stop);
    let State { done, again, failure, .. } =
        work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = failure {
        return Err(error);
    }
    let mut all = vec![None; checks.len()];
    for (at, checked) in done {
        all[at] = Some(checked);
    }
    // A ladder needs the machine to itself, and so does what is to be looked at again.
    let ladders = (0..checks.len()).filter(|&at| is_ladder(&checks[at]));
    let again = again.into_iter().map(|(at, first)| (at, Some(first)));
    for (at, first) in again.chain(ladders.map(|at| (at, None))) {
        let checked = match first {
            Some(first) => confirm(&checks[at], first, pool, stop)?,
            None => climb(&checks[at], pool, stop)?,
        };
        if stop.load(Relaxed) {
            break;
        }
        tell(at, &checked);
        all[at] = Some(checked);
    }
    Ok(all)
}

/// Numbers of checks that are run together: those of one module on one engine that should do no
/// harm to each other. What may take long comes first.
fn groups(checks: &[Check<'_>]) -> VecDeque<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in (0..checks.len()).filter(|&at| !is_ladder(&checks[at])) {
        let Check { entry, backend, expect } = &checks[at];
        let together = |group: &&mut Vec<usize>| {
            let first = &checks[group[0]];
            first.entry.folder == entry.folder
                && first.backend.engine() == backend.engine()
                && first.expect.passes()
                && expect.passes()
        };
        match groups.iter_mut().find(together) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    let most = |group: &Vec<usize>| {
        let of = |&at: &usize| {
            let Check { entry, expect, .. } = &checks[at];
            let costly = matches!(expect.verdict.as_str(), "timeout" | "memory" | "growth");
            let budget = entry.expectations.budget();
            (entry.expectations.slow, costly, budget.cpu_s, budget.memory_bytes)
        };
        group.iter().map(of).max()
    };
    groups.sort_by_key(|group| std::cmp::Reverse(most(group)));
    groups.into()
}

fn is_ladder(check: &Check<'_>) -> bool {
    !check.entry.expectations.scaled.is_empty()
}

fn case_of(entry: &Entry) -> Result<Case, RegressError> {
    let made = match &entry.specimen {
        Specimen::Recipe(recipe) => Case::of_recipe(recipe),
        Specimen::Module(bytes) => Case::of_module(&entry.slug, bytes.clone()),
    };
    made.map_err(|source| RegressError::Case { slug: entry.slug.clone(), source })
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<usize>>,
    /// Cases by the number of a check that is running.
    running: Vec<(usize, Case)>,
    done: Vec<(usize, Checked)>,
    /// What differed or was unclear, and is to run again.
    again: Vec<(usize, Checked)>,
    failure: Option<RegressError>,
}

struct Work<'a> {
    checks: &'a [Check<'a>],
    stop: &'a AtomicBool,
    state: Mutex<State>,
    artifacts: Artifacts,
    tell: &'a Tell<'a>,
}

impl Work<'_> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let group = {
            let mut state = self.lock();
            match state.queue.pop_front().filter(|_| state.failure.is_none()) {
                Some(group) => group,
                None => return Next::Done,
            }
        };
        let first = &self.checks[group[0]];
        let case = match case_of(first.entry) {
            Ok(case) => case,
            Err(error) => {
                self.lock().failure = Some(error);
                return Next::Done;
            }
        };
        let budget = first.entry.expectations.budget();
        let jobs = group.iter().map(|&at| {
            let mut job = case.job(at as u64, &self.checks[at].backend, budget);
            self.artifacts.ask(&mut job);
            job
        });
        let task = Task { jobs: jobs.collect(), module: case.module.clone() };
        self.lock().running.extend(group.iter().map(|&at| (at, case.clone())));
        Next::Task(task)
    }

    fn ended(&self, mut outcome: Outcome) {
        let at = usize::try_from(outcome.job).unwrap_or(usize::MAX);
        let case = {
            let mut state = self.lock();
            let Some(place) = state.running.iter().position(|(there, _)| *there == at) else {
                return;
            };
            state.running.swap_remove(place).1
        };
        let check = &self.checks[at];
        self.artifacts.look(&case, &check.backend, &mut outcome);
        let cpu_us = outcome.measurements.cpu_us;
        let budget = check.entry.expectations.budget();
        let run = judge_alone(&case, &check.backend, &budget, outcome);
        let checked = Checked { seen: hold(check, case.expectation.as_ref(), &run), cpu_us };
        if self.stop.load(Relaxed) {
            return;
        }
        if matches!(checked.seen, Seen::Differs(..) | Seen::Unclear(_)) {
            self.lock().again.push((at, checked));
        } else {
            (self.tell)(at, &checked);
            self.lock().done.push((at, checked));
        }
    }

    fn seat_failed(&self, error: SeatError) {
        self.lock().failure = Some(error.into());
    }
}

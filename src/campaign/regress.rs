//! Runs cases of the corpus and holds what comes of them against what is expected.
//!
//! What differs is run twice more; only what differs every time counts. A job that says nothing of
//! the engine is *unclear*, which is told and is no difference.

use super::events::{KEPT_APART, Silent};
use super::machine::Artifacts;
use super::{
    CONFIRMATIONS, Case, CaseError, Court, Judged, LadderError, Plan, Repro, ReproRun, judge_alone,
    measure, reproduce,
};
use crate::corpus::{Entry, Expect, PASS, Specimen};
use crate::engines::{Backend, EngineId};
use crate::oracles::Severity;
use crate::outcome::{EngineVerdict, Outcome, Termination};
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

/// Holds what a run came to against what is expected.
fn hold(check: &Check<'_>, run: &ReproRun) -> Seen {
    let expect = check.expect;
    let ReproRun { outcome: ended, violations, inconclusive, .. } = run;
    let expected = |judged: &&Judged| expect.is(&judged.violation, &judged.signature);
    if let Termination::Completed { verdict: EngineVerdict::NotApplicable { reason } } =
        &ended.termination
    {
        return Seen::NotApplicable(reason.clone());
    }
    if let Some(other) = violations.iter().find(|judged| !expected(judged)) {
        return Seen::Differs(Box::new(as_expectation(other, check)), words(other));
    }
    if violations.iter().any(|judged| expected(&judged)) {
        return Seen::AsExpected;
    }
    // What an oracle cannot tell that the case is not about does not matter, where the job ended.
    let all = &check.entry.expectations.expect;
    let about = |reason: &&String| {
        let oracle = reason.split_once(':').map_or("", |(oracle, _)| oracle);
        !matches!(ended.termination, Termination::Completed { .. })
            || all.iter().any(|expect| expect.verdict == oracle)
    };
    if let Some(reason) = inconclusive.iter().find(about) {
        return Seen::Unclear(reason.clone());
    }
    if !ended.says_something() {
        return Seen::Unclear(ended.termination.name().to_owned());
    }
    if expect.passes() {
        return Seen::AsExpected;
    }
    let pass = Expect { verdict: PASS.to_owned(), ..of_one(check) };
    Seen::Differs(Box::new(pass), "nothing is wrong".to_owned())
}

/// An expectation of exactly this engine and backend.
fn of_one(check: &Check<'_>) -> Expect {
    Expect {
        releases: Vec::new(),
        backends: vec![check.backend.clone().on(&EngineId::builtin())],
        verdict: String::new(),
        key: Vec::new(),
    }
}

fn as_expectation(judged: &Judged, check: &Check<'_>) -> Expect {
    let Judged { signature, violation } = judged;
    let key = match violation.severity {
        // The signature of what is sensitive does not tell what it is.
        Severity::Security => Vec::new(),
        Severity::Bug | Severity::Information => vec![signature.to_string()],
    };
    Expect { verdict: violation.oracle.clone(), key, ..of_one(check) }
}

fn words(judged: &Judged) -> String {
    match judged.violation.severity {
        Severity::Security => format!("{}: {KEPT_APART}", judged.violation.oracle),
        Severity::Bug | Severity::Information => {
            format!("{}: {}", judged.violation.oracle, judged.violation.summary)
        }
    }
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

/// Runs again what differed; what does not differ every time is unclear. What was unclear gets one
/// more chance, alone: a busy machine may be all that was wrong.
fn confirm(
    check: &Check<'_>,
    mut first: Checked,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Checked, RegressError> {
    let mut repro = Repro {
        case: case_of(check.entry)?,
        backends: vec![check.backend.clone()],
        budget: check.entry.expectations.budget(),
        times: 1,
        keep_artifacts: false,
    };
    let again = |repro: &Repro| -> Result<Vec<Checked>, RegressError> {
        let report = reproduce(repro, pool, stop, &Silent);
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        let judge = |run: ReproRun| {
            // Without those violations that come of a comparison, as the first time.
            let run = judge_alone(&repro.case, &check.backend, &repro.budget, run.outcome);
            let cpu_us = run.outcome.measurements.cpu_us;
            Checked { seen: hold(check, &run), cpu_us }
        };
        Ok(report.runs.into_iter().map(judge).collect())
    };
    if let Seen::Unclear(_) = first.seen {
        match again(&repro)?.pop() {
            Some(second) => first = second,
            None => return Ok(first),
        }
    }
    if !matches!(first.seen, Seen::Differs(..)) {
        return Ok(first);
    }
    repro.times = CONFIRMATIONS;
    let more = again(&repro)?;
    let differ = more.iter().filter(|it| matches!(it.seen, Seen::Differs(..))).count();
    if differ == more.len() {
        return Ok(first);
    }
    let seen = Seen::Unclear(format!("it differs in {} of {} runs", differ + 1, more.len() + 1));
    Ok(Checked { seen, ..first })
}

/// Measures the ladder of a case that is about growth, three times as any finding of that kind.
fn climb(check: &Check<'_>, pool: &Pool, stop: &AtomicBool) -> Result<Checked, RegressError> {
    let unclear = |reason: String| Checked { seen: Seen::Unclear(reason), cpu_us: 0 };
    let scaled = &check.entry.expectations.scaled;
    let Specimen::Recipe(recipe) = &check.entry.specimen else {
        return Ok(unclear("only a recipe has a ladder of sizes".to_owned()));
    };
    let plan = match Plan::of(recipe, scaled) {
        Ok(plan) => plan,
        Err(error) => return Ok(unclear(error.to_string())),
    };
    let budget = check.entry.expectations.budget();
    let mut last = unclear("it was not measured".to_owned());
    for _ in 0..=CONFIRMATIONS {
        let (ladder, top) = match measure(&plan, &check.backend, budget, pool, stop) {
            Ok(measured) => measured,
            Err(LadderError::Seat(error)) => return Err(error.into()),
            Err(error) => return Ok(unclear(error.to_string())),
        };
        let (violations, inconclusive) =
            Court::judge_ladder(plan.top(), &check.backend, &budget, &top, &ladder);
        let (backend, artifact) = (check.backend.clone(), None);
        let run = ReproRun { backend, outcome: top, violations, inconclusive, artifact };
        last = Checked { seen: hold(check, &run), cpu_us: run.outcome.measurements.cpu_us };
        // The first that is as expected is enough: a border is not measured finely here.
        if last.seen == Seen::AsExpected || stop.load(Relaxed) {
            break;
        }
    }
    Ok(last)
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
        let checked = Checked { seen: hold(check, &run), cpu_us };
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

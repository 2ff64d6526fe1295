//! What a hunt makes of outcomes: judge, confirm, measure, learn.

mod ladders;

use self::ladders::rung_ended;
use super::cause::Cause;
use super::state::{Accused, Attempt, Goal, Running, State};
use super::{Hunt, HuntOptions, recipe_of};
use crate::campaign::confirming::Confirming;
use crate::campaign::ladder::Evidence;
use crate::campaign::{CONFIRMATIONS, Case, Court, Event, Finding, Judged};
use crate::outcome::{Outcome, Termination};
use crate::sandbox::Task;

pub(super) use self::ladders::begin_ladder;

/// A scout that ran out of its time is tried again where it took more CPU time per byte of Wasm than
/// this, in nanoseconds: twenty times what plain code takes.
const AGAIN_NS_PER_BYTE: u64 = 20_000;

/// A job has ended.
pub(super) fn ended(hunt: &Hunt<'_>, mut outcome: Outcome) {
    let looked_at = match hunt.lock().running.get(&outcome.job) {
        Some(Running::Case(attempt)) => Some((attempt.case.clone(), attempt.backend)),
        _ => None,
    };
    if let Some((case, backend)) = looked_at {
        hunt.artifacts.look(&case, &hunt.options.backends[backend], &mut outcome);
    }
    let mut state = hunt.lock();
    state.footing.watch(&outcome);
    match state.running.remove(&outcome.job) {
        Some(Running::Case(attempt)) => case_ended(hunt, &mut state, *attempt, outcome),
        Some(Running::Confirm(id)) => confirming_run(hunt, &mut state, id, &outcome),
        Some(Running::Ladder(id, slot)) => rung_ended(hunt, &mut state, id, slot, outcome),
        None => {}
    }
}

/// The job of a case has ended: judge it, then learn from it.
fn case_ended(hunt: &Hunt<'_>, state: &mut State, attempt: Attempt, outcome: Outcome) {
    let Attempt { case, backend, goal, budget, number } = attempt;
    let of_job = &hunt.options.backends[backend];
    let (mut judged, inconclusive) = Court::judge(&case, of_job, &budget, &outcome, None);
    let scouted = budget != hunt.options.budget;
    let ran_out = matches!(outcome.termination, Termination::TimedOut { .. });
    if scouted && ran_out {
        judged.clear();
    }
    let line = format!("hunt {} {number}", goal.name());
    let told = outcome.clone();
    hunt.observer.observe(Event::judged(line, &case, of_job, budget, told, &judged, &inconclusive));
    state.spend(&goal, &outcome, hunt.guide);
    if scouted && ran_out {
        let measured = &outcome.measurements;
        let ns_per_byte = measured.cpu_us.saturating_mul(1_000) / measured.module_bytes.max(1);
        if ns_per_byte < AGAIN_NS_PER_BYTE {
            return;
        }
        let pass = outcome.measurements.dominant_pass().unwrap_or_default().to_owned();
        let cause = Cause::cost(of_job, &pass, "CPU time");
        if hunt.has_time() && !state.causes.contains(&cause) {
            queue(state, &hunt.options, case, backend, number);
        }
        return;
    }
    for judged in judged {
        accuse(hunt, state, &case, backend, judged, &outcome);
    }
    let Some(recipe) = recipe_of(&case) else { return };
    match goal {
        Goal::Seed | Goal::Fresh | Goal::Mutated => {
            state.offer(recipe, backend, &outcome, hunt.guide);
        }
        Goal::Track(track, up) => state.advance(*track, up, &outcome, hunt.guide),
        Goal::Edge | Goal::Again => {}
    }
}

/// Queues a case once more, with all of the budget.
pub(super) fn queue(
    state: &mut State,
    options: &HuntOptions,
    case: Case,
    backend: usize,
    number: u64,
) {
    let id = state.next_id();
    let budget = options.budget;
    let job = case.job(id, &options.backends[backend], budget);
    state.ready.push_front(Task { jobs: vec![job], module: case.module.clone() });
    let attempt = Attempt { case, backend, goal: Goal::Again, budget, number };
    state.running.insert(id, Running::Case(Box::new(attempt)));
    state.planned += 1;
}

/// A violation was seen; the first of its cause is confirmed.
fn accuse(
    hunt: &Hunt<'_>,
    state: &mut State,
    case: &Case,
    backend: usize,
    judged: Judged,
    outcome: &Outcome,
) {
    let cause = Cause::of(&judged.violation, &hunt.options.backends[backend]);
    if !state.causes.insert(cause.clone()) || !state.court.is_new(&judged.signature) {
        return;
    }
    let id = state.next_id();
    let violation = Confirming::new(case.clone(), judged, outcome.clone());
    state.confirming.insert(id, Accused { violation, backend, cause });
    for _ in 0..CONFIRMATIONS {
        run_again(hunt, state, id);
    }
}

/// Queues one more run of what is to be confirmed.
fn run_again(hunt: &Hunt<'_>, state: &mut State, id: u64) {
    let job_id = state.next_id();
    let Some(Accused { violation, backend, .. }) = state.confirming.get(&id) else { return };
    let backend = &hunt.options.backends[*backend];
    let mut job = violation.case.job(job_id, backend, hunt.options.budget);
    hunt.artifacts.ask(&mut job);
    let task = Task { jobs: vec![job], module: violation.case.module.clone() };
    state.ready.push_front(task);
    state.running.insert(job_id, Running::Confirm(id));
    state.planned += 1;
}

/// A confirming run has ended.
fn confirming_run(hunt: &Hunt<'_>, state: &mut State, id: u64, outcome: &Outcome) {
    let Some(Accused { violation, backend, .. }) = state.confirming.get_mut(&id) else { return };
    let backend = &hunt.options.backends[*backend];
    let mut outcome = outcome.clone();
    hunt.artifacts.look(&violation.case, backend, &mut outcome);
    if violation.wastes(&outcome) {
        return run_again(hunt, state, id);
    }
    let budget = &hunt.options.budget;
    let judged = Court::judge(&violation.case, backend, budget, &outcome, None).0;
    let oracle = &violation.judged.violation.oracle;
    let same = judged.iter().any(|judged| match oracle.as_str() {
        // Which of two passes took a little longer may differ; what went wrong may not.
        "timeout" | "memory" => judged.violation.oracle == *oracle,
        _ => judged.signature == violation.judged.signature,
    });
    if !violation.note(same) {
        return;
    }
    let Some(Accused { violation, backend, cause }) = state.confirming.remove(&id) else { return };
    let (stands, runs) = (violation.stands(), violation.runs());
    let Confirming { case, judged, outcome, seen, .. } = violation;
    if stands {
        found(hunt, state, &case, backend, &judged, outcome, None);
        return;
    }
    state.causes.remove(&cause);
    state.court.forget(&judged.signature);
    let backend = &hunt.options.backends[backend];
    hunt.observer.observe(judged.unconfirmed(&case, backend, seen, runs));
}

fn found(
    hunt: &Hunt<'_>,
    state: &mut State,
    case: &Case,
    backend: usize,
    judged: &Judged,
    outcome: Outcome,
    growth: Option<Evidence>,
) {
    state.findings += 1;
    let runs = CONFIRMATIONS + 1;
    let (subject, budget) = (case.subject.clone(), hunt.options.budget);
    let backend = hunt.options.backends[backend].clone();
    let found = Finding::of(judged, subject, backend, budget, outcome, (runs, runs));
    let finding = Finding { growth, ..found };
    hunt.observer.observe(Event::Found { finding: Box::new(finding) });
}

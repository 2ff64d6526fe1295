//! Suspicions of growth: measured on ladders, again and again while they violate.

use super::{accuse, found};
use crate::campaign::hunt::Hunt;
use crate::campaign::hunt::cause::Cause;
use crate::campaign::hunt::state::{Measured, Running, State};
use crate::campaign::hunt::track::{Suspicion, Track};
use crate::campaign::ladder::{Evidence, Measuring, Plan, Slot};
use crate::campaign::{CONFIRMATIONS, Court, Event, Judged};
use crate::outcome::Outcome;

/// Begins to measure a track whose costs look as if they grew faster than the module.
pub(in crate::campaign::hunt) fn begin_ladder(
    hunt: &Hunt<'_>,
    track: &Track,
    suspicion: &Suspicion,
) {
    let recipe = track.ladder_top(hunt.guide, suspicion.power);
    let plan = Plan::of(&recipe, &track.scaled);
    let mut state = hunt.lock();
    let backend = &hunt.options.backends[track.backend];
    let suspected = Cause::cost(backend, &suspicion.pass, &suspicion.cause_resource().to_string());
    let Ok(plan) = plan else { return };
    // Nobody else measures the same at the same time.
    if !state.causes.insert(suspected.clone()) {
        return;
    }
    let id = state.next_id();
    let measuring = queue_ladder(hunt, &mut state, id, plan, track.backend);
    let measured = Measured { measuring, backend: track.backend, suspected, shown: None, seen: 0 };
    state.measured.insert(id, measured);
}

fn queue_ladder(
    hunt: &Hunt<'_>,
    state: &mut State,
    id: u64,
    plan: Plan,
    backend: usize,
) -> Measuring {
    let (measuring, slots) = Measuring::new(plan);
    for slot in slots {
        let job = state.next_id();
        let backend = &hunt.options.backends[backend];
        state.ready.push_back(measuring.task(slot, job, backend, hunt.options.budget));
        state.running.insert(job, Running::Ladder(id, slot));
        state.planned += 1;
    }
    measuring
}

/// A run of a ladder has ended.
pub(super) fn rung_ended(
    hunt: &Hunt<'_>,
    state: &mut State,
    id: u64,
    slot: Slot,
    outcome: Outcome,
) {
    let Some(measured) = state.measured.get_mut(&id) else { return };
    let backend = hunt.options.backends[measured.backend].clone();
    let position = measured.backend;
    let case = measured.measuring.case(slot).cloned();
    let mut is_over = measured.measuring.note(slot, outcome.clone());
    if measured.measuring.has_failed() {
        is_over = give_up(state, id);
    }
    if let Some(case) = case {
        let budget = hunt.options.budget;
        let (judged, inconclusive) = Court::judge(&case, &backend, &budget, &outcome, None);
        let line = "hunt ladder".to_owned();
        let told = outcome.clone();
        let event = Event::judged(line, &case, &backend, budget, told, &judged, &inconclusive);
        hunt.observer.observe(event);
        for judged in judged {
            accuse(hunt, state, &case, position, judged, &outcome);
        }
    }
    if is_over {
        ladder_ended(hunt, state, id);
    }
}

/// Drops the runs of a ladder that still wait; whether none is under way either.
fn give_up(state: &mut State, id: u64) -> bool {
    let State { ready, running, .. } = state;
    let is_of = |running: &Running| matches!(running, Running::Ladder(of, _) if *of == id);
    ready.retain(|task| {
        let drops = task.jobs.iter().any(|job| running.get(&job.id).is_some_and(is_of));
        if drops {
            task.jobs.iter().for_each(|job| drop(running.remove(&job.id)));
        }
        !drops
    });
    !running.values().any(is_of)
}

/// All runs of a ladder have ended: judge it, and measure it again where it violates.
fn ladder_ended(hunt: &Hunt<'_>, state: &mut State, id: u64) {
    let Some(mut measured) = state.measured.remove(&id) else { return };
    let backend = &hunt.options.backends[measured.backend];
    let judged = judge_ladder(hunt, &measured);
    let agrees = |(judged, evidence): (Judged, Evidence)| {
        let cause = Cause::of(&judged.violation, backend);
        let same = measured.shown.as_ref().is_none_or(|(_, shown)| *shown == cause);
        same.then_some((judged, cause, evidence))
    };
    let Some((judged, cause, evidence)) = judged.and_then(agrees) else {
        // A suspicion that was wrong once may be right elsewhere.
        state.causes.remove(&measured.suspected);
        if let Some((shown, cause)) = &measured.shown {
            state.causes.remove(cause);
            hunt.observer.observe(Event::Warned {
                message: format!(
                    "{} on {backend}: grew too fast when it was measured first, and not in {} \
                     measurements, so it is no finding: {}",
                    measured.measuring.plan.top().subject,
                    measured.seen + 1,
                    shown.violation.summary
                ),
            });
        }
        return;
    };
    if measured.shown.is_none() && cause != measured.suspected {
        state.causes.remove(&measured.suspected);
        // It is about another pass than was suspected, and that may be known.
        if !state.causes.insert(cause.clone()) {
            return;
        }
    }
    measured.seen += 1;
    let first = measured.shown.is_none();
    if first {
        measured.shown = Some((judged.clone(), cause));
    }
    if measured.seen <= CONFIRMATIONS {
        let plan = measured.measuring.plan.clone();
        measured.measuring = queue_ladder(hunt, state, id, plan, measured.backend);
        state.measured.insert(id, measured);
        return;
    }
    let case = measured.measuring.plan.top().clone();
    let Some(top) = measured.measuring.top.take() else { return };
    found(hunt, state, &case, measured.backend, &judged, top, Some(evidence));
}

/// The violation that a measured ladder shows, with the ladder.
fn judge_ladder(hunt: &Hunt<'_>, measured: &Measured) -> Option<(Judged, Evidence)> {
    let ladder = measured.measuring.ladder().ok()?;
    let case = measured.measuring.plan.top();
    let top = measured.measuring.top.as_ref()?;
    let backend = &hunt.options.backends[measured.backend];
    let budget = &hunt.options.budget;
    let judged = Court::judge_ladder(case, backend, budget, top, &ladder).0;
    let growth = judged.into_iter().find(|judged| judged.violation.oracle == "growth")?;
    let scaled = measured.measuring.plan.scaled.clone();
    Some((growth, Evidence { scaled, ladder }))
}

//! What a sweep makes of outcomes: judge, confirm, compare, go on.

use super::Sweep;
use super::state::{Running, State};
use crate::campaign::confirming::{Confirming, shows};
use crate::campaign::{CONFIRMATIONS, Case, Court, Event, Finding, Judged};
use crate::oracles;
use crate::outcome::Outcome;
use crate::sandbox::Task;

/// A finding whose case takes longer than this, in microseconds of CPU time, is confirmed only by
/// a sweep without a time limit.
const CONFIRM_US_MAX: u64 = 5_000_000;

impl Sweep<'_> {
    /// A job's first run has ended.
    pub(super) fn first_run(&self, state: &mut State, running: &Running, outcome: Outcome) {
        let Some(group) = state.groups.get_mut(&running.group) else { return };
        let backend = &self.options.backends[running.backend];
        let (judged, inconclusive) =
            Court::judge(&group.case, backend, &self.options.budget, &outcome, None);
        group.outcomes.push((backend.clone(), outcome.clone()));
        group.left -= 1;
        let line = &self.lines[group.step.line];
        let at = line.rungs[group.step.rung];
        self.observer.observe(Event::JobEnded {
            line: line.name.clone(),
            at: Some(at),
            subject: group.case.subject.clone(),
            backend: backend.clone(),
            budget: self.options.budget,
            outcome: Box::new(outcome.clone()),
            violations: judged.iter().map(|judged| judged.signature.to_string()).collect(),
            inconclusive: inconclusive.iter().map(ToString::to_string).collect(),
        });
        let place = (group.step.line, running.backend);
        state.note_cost(running.backend, &outcome);
        state.tracks.entry(place).or_default().note(&outcome, at, line.used(at));
        for judged in judged {
            self.accuse(state, running, judged, outcome.clone());
        }
    }

    /// Violations of an earlier part of the run that did not become findings are tried again.
    pub(super) fn retry_past(&self, state: &mut State, group_id: u64) {
        let Some(group) = state.groups.get(&group_id) else { return };
        let (case, past) = (group.case.clone(), group.outcomes.clone());
        for (backend, outcome) in past {
            let position = self.options.backends.iter().position(|other| *other == backend);
            let Some(position) = position else { continue };
            let budget = &self.options.budget;
            for judged in Court::judge(&case, &backend, budget, &outcome, None).0 {
                let running = Running { group: group_id, backend: position, confirms: None };
                self.accuse(state, &running, judged, outcome.clone());
            }
        }
    }

    /// A violation was seen; the first of its signature is confirmed or shown.
    pub(super) fn accuse(
        &self,
        state: &mut State,
        running: &Running,
        judged: Judged,
        outcome: Outcome,
    ) {
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
        let line = group.step.line;
        for _ in 0..CONFIRMATIONS {
            self.run_again(state, running, &case, id);
        }
        let track = state.tracks.entry((line, running.backend)).or_default();
        track.confirming.insert(id, Confirming::new(case, judged, outcome));
    }

    /// Queues one more run of a case to confirm a violation.
    fn run_again(&self, state: &mut State, running: &Running, case: &Case, id: u64) {
        let job_id = state.next_id;
        state.next_id += 1;
        let job = self.job(case, job_id, &self.options.backends[running.backend]);
        let again = Running { group: running.group, backend: running.backend, confirms: Some(id) };
        state.jobs.insert(job_id, again);
        state.ready.push_front(Task { jobs: vec![job], module: case.module.clone() });
        state.planned += 1;
        if let Some(group) = state.groups.get_mut(&running.group) {
            group.left += 1;
        }
    }

    /// A confirming run has ended.
    pub(super) fn confirming_run(
        &self,
        state: &mut State,
        running: &Running,
        id: u64,
        outcome: &Outcome,
    ) {
        let Some(group) = state.groups.get_mut(&running.group) else { return };
        group.left -= 1;
        let backend = &self.options.backends[running.backend];
        let judge =
            |peers| Court::judge(&group.case, backend, &self.options.budget, outcome, peers).0;
        let mut judged = judge(None);
        judged.extend(judge(Some(&group.outcomes)));
        let case = group.case.clone();
        let track = state.tracks.entry((group.step.line, running.backend)).or_default();
        let Some(confirming) = track.confirming.get_mut(&id) else { return };
        if confirming.wastes(outcome) {
            return self.run_again(state, running, &case, id);
        }
        let same = shows((&confirming.outcome, &confirming.judged), outcome, &judged);
        if !confirming.note(same) {
            return;
        }
        let Some(confirming) = track.confirming.remove(&id) else { return };
        let (stands, runs) = (confirming.stands(), confirming.runs());
        let Confirming { judged, outcome, seen, .. } = confirming;
        if stands {
            self.found(state, &case, running.backend, &judged, outcome, (seen, runs));
            return;
        }
        state.court.forget(&judged.signature);
        self.observer.observe(judged.unconfirmed(&case, backend, seen, runs));
    }

    /// A run that was stopped shows what it had no time to confirm, and says so.
    pub(super) fn show_unconfirmed(&self) {
        let mut state = self.lock();
        let pending: Vec<_> = state
            .tracks
            .iter_mut()
            .flat_map(|(&(_, backend), track)| {
                std::mem::take(&mut track.confirming).into_values().map(move |it| (backend, it))
            })
            .collect();
        for (backend, confirming) in pending {
            if confirming.stands() {
                let runs = confirming.runs();
                let Confirming { case, judged, outcome, seen, .. } = confirming;
                self.found(&mut state, &case, backend, &judged, outcome, (seen, runs));
            }
        }
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
        let compares = oracles::compares(&judged.violation.oracle);
        let peers = if compares { self.options.backends.clone() } else { Vec::new() };
        let (subject, backend) = (case.subject.clone(), self.options.backends[backend].clone());
        let found = Finding::of(judged, subject, backend, self.options.budget, outcome, seen);
        let finding = Finding { peers, ..found };
        self.observer.observe(Event::Found { finding: Box::new(finding) });
    }

    /// When every job of a group has run once, its backends are compared; when nothing of it is
    /// left, its line goes on.
    pub(super) fn close(&self, state: &mut State, group_id: u64) {
        let Some(group) = state.groups.get(&group_id) else { return };
        if group.left > 0 {
            return;
        }
        if group.compared {
            if let Some(group) = state.groups.remove(&group_id) {
                self.advance(state, group.step);
            }
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
        if let Some(group) = state.groups.get_mut(&group_id) {
            group.compared = true;
        }
        for (backend, outcome, judged) in compared {
            for judged in judged {
                let running = Running { group: group_id, backend, confirms: None };
                self.accuse(state, &running, judged, outcome.clone());
            }
        }
        // Closed now, or by the last run that confirms something.
        self.close(state, group_id);
    }
}

//! What the runs of a part say of its tests, and which violations are findings: what went wrong in the
//! first run must go wrong in every later one.

use super::judge::{LimitFailure, LimitVerdict, judge};
use super::run::{State, Work};
use crate::campaign::confirming::{WASTED_MAX, shows};
use crate::campaign::{CONFIRMATIONS, Case, Court, Difference, Event, Expecting, Finding, Judged};
use crate::job::Allocator;
use crate::oracles::Inconclusive;
use crate::outcome::Outcome;
use std::collections::BTreeMap;

/// Tests that one job answers on one backend.
pub(super) struct Asked {
    /// Name of the part that they are of.
    pub(super) part: String,
    pub(super) case: Case,
    pub(super) backend: usize,
    pub(super) tests: Vec<usize>,
    /// What went wrong in the first run.
    pub(super) doubt: Option<Doubt>,
}

/// What went wrong in a first run, and how often since.
pub(super) struct Doubt {
    outcome: Outcome,
    /// By test, how it failed and in how many runs.
    failures: BTreeMap<usize, (LimitFailure, u32)>,
    /// Violations, and in how many runs each was seen.
    accused: Vec<(Judged, u32)>,
    runs: u32,
    /// Runs that said nothing of the engine and were made again.
    wasted: u32,
}

impl Work<'_> {
    /// What the oracles say of an outcome.
    pub(super) fn judge(
        &self,
        asked: &Asked,
        outcome: &Outcome,
    ) -> (Vec<Judged>, Vec<Inconclusive>) {
        let backend = &self.run.backends[asked.backend];
        Court::judge(&asked.case, backend, &self.run.budget, outcome, None)
    }

    /// Notes what a first run says of tests; hands them back where something went wrong, to be run
    /// again.
    pub(super) fn first_run(
        &self,
        state: &mut State,
        mut asked: Asked,
        outcome: Outcome,
        judged: Vec<Judged>,
        inconclusive: &[Inconclusive],
    ) -> Option<Asked> {
        state.report.cpu_us += outcome.measurements.cpu_us;
        let backend = self.backend(asked.backend);
        let mut failures = BTreeMap::new();
        for &at in &asked.tests {
            let (test, said) = (&self.run.tests[at], (&judged[..], inconclusive));
            let verdict = judge(test, backend, &asked.case, &outcome, said);
            if let LimitVerdict::Failed(failure) = verdict {
                failures.insert(at, (failure, 1));
            } else {
                state.report.verdicts.insert((at, asked.backend), verdict);
            }
        }
        if failures.is_empty() && judged.is_empty() {
            return None;
        }
        let accused = judged.into_iter().map(|judged| (judged, 1)).collect();
        asked.doubt = Some(Doubt { outcome, failures, accused, runs: 1, wasted: 0 });
        Some(asked)
    }

    /// Notes what a later run says; hands the tests back where it takes another.
    pub(super) fn later_run(
        &self,
        state: &mut State,
        mut asked: Asked,
        outcome: &Outcome,
    ) -> Option<Asked> {
        state.report.cpu_us += outcome.measurements.cpu_us;
        let (judged, inconclusive) = self.judge(&asked, outcome);
        let doubt = asked.doubt.as_mut()?;
        if !outcome.says_something() && doubt.wasted < WASTED_MAX {
            doubt.wasted += 1;
            return Some(asked);
        }
        doubt.runs += 1;
        for (accused, seen) in &mut doubt.accused {
            *seen += u32::from(shows((&doubt.outcome, accused), outcome, &judged));
        }
        let backend = self.backend(asked.backend);
        for (&at, (_, failed)) in &mut doubt.failures {
            let (test, said) = (&self.run.tests[at], (&judged[..], &inconclusive[..]));
            let verdict = judge(test, backend, &asked.case, outcome, said);
            *failed += u32::from(verdict.failure().is_some());
        }
        if doubt.runs <= CONFIRMATIONS {
            return Some(asked);
        }
        self.settle(state, asked);
        None
    }

    /// Says what every run has shown.
    fn settle(&self, state: &mut State, asked: Asked) {
        let Asked { case, backend: at, doubt: Some(doubt), .. } = asked else { return };
        let Doubt { outcome, failures, accused, runs, .. } = doubt;
        let backend = &self.run.backends[at];
        let (stand, fall): (Vec<_>, Vec<_>) =
            accused.into_iter().partition(|(_, seen)| *seen == runs);
        for (judged, seen) in fall {
            self.observer.observe(judged.unconfirmed(&case, backend, seen, runs));
        }
        let stand: Vec<Judged> = stand.into_iter().map(|(judged, _)| judged).collect();
        for judged in stand.iter().filter(|it| state.court.is_new(&it.signature)) {
            self.observer.observe(Event::Found {
                finding: Box::new(Finding {
                    signature: judged.signature.clone(),
                    violation: judged.violation.clone(),
                    subject: case.subject.clone(),
                    backend: backend.clone(),
                    peers: Vec::new(),
                    budget: self.run.budget,
                    allocator: allocator_of(&case),
                    outcome: outcome.clone(),
                    seen: (runs, runs),
                    growth: None,
                }),
            });
        }
        for (test, (mut failure, failed)) in failures {
            let verdict = if failed < runs {
                let words = format!("it failed in {failed} of {runs} runs, so not told as one");
                LimitVerdict::Unclear(words)
            } else {
                let stands = |it: &Judged| stand.iter().any(|s| s.signature == it.signature);
                failure.judged = failure.judged.filter(stands);
                if failure.judged.is_none() {
                    self.differs(test, at, &failure);
                }
                LimitVerdict::Failed(failure)
            };
            state.report.verdicts.insert((test, at), verdict);
        }
    }

    /// Tells of a failure that is no finding.
    fn differs(&self, test: usize, backend: usize, failure: &LimitFailure) {
        let test = &self.run.tests[test];
        self.observer.observe(Event::Differed {
            difference: Difference {
                of: Expecting::LimitTest,
                case: test.name.clone(),
                backend: self.run.backends[backend].clone(),
                expected: if test.accept { "accepted" } else { "refused" }.to_owned(),
                seen: failure.words.clone(),
            },
        });
    }
}

fn allocator_of(case: &Case) -> Allocator {
    case.execution.as_ref().map(|execution| execution.allocator).unwrap_or_default()
}

//! What the runs of a part say of its tests, and which violations are findings: what went wrong in the
//! first run must go wrong in every later one.

use super::judge::{LimitFailure, LimitVerdict, judge};
use super::run::{State, Work};
use crate::campaign::confirming::{WASTED_MAX, shows};
use crate::campaign::{CONFIRMATIONS, Case, Court, Difference, Event, Expecting, Finding, Judged};
use crate::oracles::Inconclusive;
use crate::outcome::Outcome;
use std::collections::BTreeMap;

/// A test in the place of one whose failure is security-sensitive: the list of tests says what each runs.
pub const SENSITIVE_TEST: &str = "(security-sensitive)";

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
        // What comes only now will not have been seen every time, and that is told.
        for new in &judged {
            let is_same = |(it, _): &(Judged, u32)| it.violation.oracle == new.violation.oracle;
            if !doubt.accused.iter().any(is_same) {
                doubt.accused.push((new.clone(), 1));
            }
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

    /// Makes findings of what there was no time to confirm, where every run so far has shown it.
    pub(super) fn show_unconfirmed(&self, state: &mut State, asked: &Asked) {
        let Some(doubt) = &asked.doubt else { return };
        let seen = (doubt.runs, doubt.runs);
        for (judged, _) in doubt.accused.iter().filter(|(_, seen)| *seen == doubt.runs) {
            self.found(state, &asked.case, asked.backend, judged, &doubt.outcome, seen);
        }
    }

    /// Makes a finding of a violation, where it is the first of its signature.
    fn found(
        &self,
        state: &mut State,
        case: &Case,
        backend: usize,
        judged: &Judged,
        outcome: &Outcome,
        seen: (u32, u32),
    ) {
        state.report.stand.push((backend, judged.clone()));
        if !state.court.is_new(&judged.signature) {
            return;
        }
        let (subject, backend) = (case.subject.clone(), self.run.backends[backend].clone());
        let allocator = case.execution.as_ref().map(|it| it.allocator).unwrap_or_default();
        let found = Finding::of(judged, subject, backend, self.run.budget, outcome.clone(), seen);
        let finding = Box::new(Finding { allocator, ..found });
        self.observer.observe(Event::Found { finding });
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
        for judged in &stand {
            self.found(state, &case, at, judged, &outcome, (runs, runs));
        }
        for (test, (mut failure, failed)) in failures {
            let verdict = if failed < runs {
                let words = format!("it failed in {failed} of {runs} runs, so not told as one");
                LimitVerdict::Unclear(words)
            } else {
                let stands = |it: &Judged| stand.iter().any(|s| s.signature == it.signature);
                failure.judged = failure.judged.filter(stands);
                if failure.judged.is_none() {
                    self.differs(state, test, at, &failure);
                }
                LimitVerdict::Failed(failure)
            };
            state.report.verdicts.insert((test, at), verdict);
        }
    }

    /// Tells of a failure that is no finding, once.
    fn differs(&self, state: &mut State, test: usize, backend: usize, failure: &LimitFailure) {
        let test = &self.run.tests[test];
        let case = if failure.is_sensitive { SENSITIVE_TEST } else { &test.name };
        let difference = Difference {
            of: Expecting::LimitTest,
            case: case.to_owned(),
            backend: self.run.backends[backend].clone(),
            expected: if test.accept { "accepted" } else { "refused" }.to_owned(),
            seen: failure.words.clone(),
        };
        if !state.told.contains(&difference) {
            state.told.push(difference.clone());
            self.observer.observe(Event::Differed { difference });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::limit_tests::{LimitRun, LimitTest, Stand, limit_tests};
    use crate::campaign::{Aspect, Observer};
    use crate::job::{Allocator, Budget};
    use crate::outcome::{
        Artifact, EngineVerdict, ExecutionCheck, Phase, Termination, WrongCall, WrongKind,
    };
    use std::sync::Mutex;

    #[derive(Default)]
    struct Log(Mutex<Vec<Event>>);

    impl Observer for Log {
        fn observe(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn ended(phase: Phase, termination: Termination) -> Outcome {
        Outcome { phase, termination, ..Outcome::infrastructure(1, String::new()) }
    }

    fn accepted(check: Option<ExecutionCheck>) -> Outcome {
        let hash = String::new();
        let artifact = Artifact { bytes: 1, code_bytes: 1, hash, repeat_hash: None };
        let verdict = EngineVerdict::Accepted { artifact };
        let outcome = ended(Phase::Done, Termination::Completed { verdict });
        Outcome { execution: check, ..outcome }
    }

    fn panicked() -> Outcome {
        let (location, message) = ("a.rs:1:1".to_owned(), "a panic".to_owned());
        ended(Phase::Compile, Termination::Panicked { location, message, frames: Vec::new() })
    }

    fn wrong() -> Outcome {
        let wrong = WrongCall {
            export: "the-secret".to_owned(),
            kind: WrongKind::OtherValues,
            promised: "returns 1".to_owned(),
            came: "returns 2".to_owned(),
        };
        accepted(Some(ExecutionCheck { wrong: vec![wrong], ends: vec![None], refusal: None }))
    }

    fn faulted() -> Outcome {
        ended(Phase::Execute, Termination::Signaled { signal: 11, frames: Vec::new() })
    }

    /// What comes of a test whose runs end so.
    fn weighed(test: &LimitTest, outcomes: &[Outcome]) -> (LimitVerdict, Vec<Event>) {
        let run = LimitRun {
            tests: vec![test.clone()],
            backends: vec!["x86_64".parse().unwrap()],
            budget: Budget::new(300, 8 << 30),
            past: Vec::new(),
        };
        let log = Log::default();
        let work = Work::new(&run, &log);
        let mut state = State::default();
        let mut case = Case::of_recipe(&test.recipe).unwrap();
        if let Some(execution) = &mut case.execution {
            execution.allocator = test.allocator;
        }
        let (part, tests) = (String::new(), vec![0]);
        let mut asked = Some(Asked { part, case, backend: 0, tests, doubt: None });
        for outcome in outcomes {
            let now = asked.take().expect("no more runs are asked for");
            asked = if now.doubt.is_none() {
                let (judged, inconclusive) = work.judge(&now, outcome);
                work.first_run(&mut state, now, outcome.clone(), judged, &inconclusive)
            } else {
                work.later_run(&mut state, now, outcome)
            };
        }
        assert!(asked.is_none(), "more runs are asked for");
        drop(work);
        (state.report.verdicts.remove(&(0, 0)).unwrap(), log.0.into_inner().unwrap())
    }

    fn test_that(is: impl Fn(&LimitTest) -> bool) -> LimitTest {
        limit_tests().into_iter().find(is).unwrap()
    }

    fn compiled() -> LimitTest {
        test_that(|test| test.aspect == Aspect::Compile && test.stand == Stand::Minimum)
    }

    #[test]
    fn what_fails_now_and_then_is_unclear_and_no_finding() {
        let fine = || accepted(None);
        for outcomes in [[panicked(), fine(), panicked()], [panicked(), panicked(), fine()]] {
            let (verdict, events) = weighed(&compiled(), &outcomes);
            assert!(matches!(&verdict, LimitVerdict::Unclear(words) if words.contains("2 of 3")));
            assert!(matches!(&events[..], [Event::Warned { .. }]), "{events:?}");
        }
        let (verdict, events) = weighed(&compiled(), &[fine()]);
        assert!(matches!(verdict, LimitVerdict::Passed(_)) && events.is_empty());
    }

    #[test]
    fn a_run_that_says_nothing_is_made_again() {
        let lost = Outcome::infrastructure(1, "no worker".to_owned());
        let outcomes = [panicked(), lost.clone(), panicked(), lost, panicked()];
        let (verdict, events) = weighed(&compiled(), &outcomes);
        assert_eq!(verdict.failure().unwrap().judged.as_ref().unwrap().violation.oracle, "crash");
        assert!(matches!(&events[..], [Event::Found { finding }] if finding.seen == (3, 3)));
    }

    #[test]
    fn what_comes_only_later_is_told() {
        let outcomes = [panicked(), faulted(), faulted()];
        let (verdict, events) = weighed(&compiled(), &outcomes);
        assert!(matches!(verdict, LimitVerdict::Unclear(_)));
        let warned = events.iter().filter(|event| matches!(event, Event::Warned { .. }));
        assert_eq!(warned.count(), 2, "{events:?}");
    }

    /// From a pool, and however it ends.
    #[test]
    fn what_does_wrong_is_a_finding_of_its_owner_alone() {
        let is = |test: &LimitTest| {
            test.aspect == Aspect::Run && test.allocator == Allocator::Pooling && !test.large
        };
        let (verdict, events) = weighed(&test_that(is), &[wrong(), faulted(), wrong()]);
        let failure = verdict.failure().unwrap();
        assert!(failure.is_sensitive && failure.judged.is_some());
        let [Event::Found { finding }] = &events[..] else { panic!("{events:?}") };
        assert!(finding.is_sensitive() && finding.allocator == Allocator::Pooling);
    }
}

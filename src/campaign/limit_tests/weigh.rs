//! What runs of a part say of its tests, and when a failure is a finding.

use super::judge::{LimitVerdict, judge};
use super::run::{Asked, State, Work};
use crate::campaign::{CONFIRMATIONS, Case, Court, Event, Finding, Judged};
use crate::engines::Backend;
use crate::job::Allocator;
use crate::oracles::Inconclusive;
use crate::outcome::Outcome;

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

    /// Notes what an outcome says of tests; hands back those that it takes another run to tell of.
    pub(super) fn weigh(
        &self,
        state: &mut State,
        asked: Asked,
        outcome: &Outcome,
        judged: &[Judged],
    ) -> Option<Asked> {
        let Asked { tests, part, case, backend: at, failed, shown } = asked;
        let backend = &self.run.backends[at];
        let now = judged.first();
        let shown = match shown {
            None if failed == 0 => now.cloned(),
            shown => shown.filter(|it| now.is_some_and(|now| now.signature == it.signature)),
        };
        state.report.cpu_us += outcome.measurements.cpu_us;
        let mut again = Vec::new();
        for test in tests {
            let verdict = judge(&self.run.tests[test], backend, &case, outcome, judged);
            if let LimitVerdict::Failed(failure) = &verdict {
                if failed < CONFIRMATIONS {
                    again.push(test);
                    continue;
                }
                let is_on_demand = self.run.tests[test].allocator == Allocator::OnDemand;
                if let Some(shown) =
                    shown.as_ref().filter(|_| failure.judged.is_some() && is_on_demand)
                {
                    self.find(state, &case, backend, outcome, shown);
                }
            }
            state.report.verdicts.insert((test, at), settled(verdict, failed));
        }
        let failed = failed + 1;
        (!again.is_empty()).then(|| Asked { tests: again, part, case, backend: at, failed, shown })
    }

    /// Makes a finding of a violation that every run has shown. What fails with memory from a pool
    /// alone is told and is no finding, since nothing but its test asks for a pool.
    fn find(
        &self,
        state: &mut State,
        case: &Case,
        backend: &Backend,
        outcome: &Outcome,
        judged: &Judged,
    ) {
        if !state.court.is_new(&judged.signature) {
            return;
        }
        let runs = CONFIRMATIONS + 1;
        self.observer.observe(Event::Found {
            finding: Box::new(Finding {
                signature: judged.signature.clone(),
                violation: judged.violation.clone(),
                subject: case.subject.clone(),
                backend: backend.clone(),
                peers: Vec::new(),
                budget: self.run.budget,
                outcome: outcome.clone(),
                seen: (runs, runs),
                growth: None,
            }),
        });
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
    use crate::campaign::limit_tests::Failure;

    #[test]
    fn what_fails_now_and_then_is_unclear() {
        let passed = || LimitVerdict::Passed("accepted".to_owned());
        let words = "it is refused".to_owned();
        let failed = LimitVerdict::Failed(Failure { words, judged: None });
        assert!(matches!(settled(passed(), 0), LimitVerdict::Passed(_)));
        assert!(matches!(settled(passed(), 1), LimitVerdict::Unclear(_)));
        assert!(matches!(settled(failed, CONFIRMATIONS), LimitVerdict::Failed(_)));
    }
}

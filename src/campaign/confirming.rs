//! What sweeps and hunts keep an eye on alike: violations on their way to become findings, and
//! whether the machine can run jobs at all.

use super::{CONFIRMATIONS, Case, Judged, SweepError};
use crate::outcome::{Outcome, Termination};

/// Confirming runs that said nothing are repeated this often.
pub(super) const WASTED_MAX: u32 = 3;

/// A run gives up after this many jobs in a row that could not be run.
const NOT_RUN_MAX: u32 = 20;

/// A violation that is being confirmed.
pub(super) struct Confirming {
    pub(super) case: Case,
    pub(super) judged: Judged,
    /// What came of the first run.
    pub(super) outcome: Outcome,
    /// Runs that showed it.
    pub(super) seen: u32,
    /// Runs that are still to come.
    left: u32,
    /// Runs that said nothing and were repeated.
    wasted: u32,
}

impl Confirming {
    /// One that was seen once.
    pub(super) fn new(case: Case, judged: Judged, outcome: Outcome) -> Confirming {
        Confirming { case, judged, outcome, seen: 1, left: CONFIRMATIONS, wasted: 0 }
    }

    /// Whether a run said nothing of the engine and is to be repeated.
    pub(super) fn wastes(&mut self, outcome: &Outcome) -> bool {
        let wastes = !outcome.says_something() && self.wasted < WASTED_MAX;
        self.wasted += u32::from(wastes);
        wastes
    }

    /// Notes whether a run showed it; whether that was the last run.
    pub(super) fn note(&mut self, same: bool) -> bool {
        self.seen += u32::from(same);
        self.left -= 1;
        self.left == 0
    }

    /// Runs so far.
    pub(super) fn runs(&self) -> u32 {
        CONFIRMATIONS + 1 - self.left
    }

    /// Whether every run so far has shown it.
    pub(super) fn stands(&self) -> bool {
        self.seen == self.runs()
    }
}

/// Whether a run shows what the first run did. Which of two passes took a little longer, or which frame
/// of a recursion was the last, may differ; what went wrong may not. Code that does wrong may end in any
/// way.
pub(super) fn shows(
    (first, accused): (&Outcome, &Judged),
    outcome: &Outcome,
    judged: &[Judged],
) -> bool {
    (outcome.termination.name() == first.termination.name() || accused.is_sensitive())
        && judged.iter().any(|judged| judged.violation.oracle == accused.violation.oracle)
}

/// What a run stands on: jobs that can be run.
#[derive(Default)]
pub(super) struct Footing {
    /// Jobs in a row that could not be run.
    not_run: u32,
    /// Why the run cannot go on.
    pub(super) failure: Option<SweepError>,
}

impl Footing {
    /// Many jobs in a row that could not be run mean that something is wrong with the machine.
    pub(super) fn watch(&mut self, outcome: &Outcome) {
        let Termination::Infrastructure { message } = &outcome.termination else {
            self.not_run = 0;
            return;
        };
        self.not_run += 1;
        if self.not_run >= NOT_RUN_MAX {
            let error = SweepError::NotRun { jobs: self.not_run, message: message.clone() };
            self.fail(error);
        }
    }

    /// The run cannot go on; the first reason counts.
    pub(super) fn fail(&mut self, error: impl Into<SweepError>) {
        self.failure.get_or_insert(error.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::{Severity, Violation};
    use crate::shapes;
    use crate::triage::Signature;

    #[test]
    fn a_machine_that_runs_no_job_ends_the_run_and_one_that_stumbles_does_not() {
        let mut footing = Footing::default();
        let failed = Outcome::infrastructure(1, "no worker".to_owned());
        let mut fine = failed.clone();
        fine.termination = Termination::OutputLimit;
        for _ in 0..3 {
            (1..NOT_RUN_MAX).for_each(|_| footing.watch(&failed));
            footing.watch(&fine);
        }
        assert!(footing.failure.is_none());
        (0..NOT_RUN_MAX).for_each(|_| footing.watch(&failed));
        assert!(footing.failure.unwrap().to_string().contains("no worker"));
    }

    #[test]
    fn runs_that_say_nothing_are_repeated_but_not_for_ever() {
        let shape = shapes::shape("repeat").unwrap();
        let case = Case::of_recipe(&shapes::default_recipe(shape)).unwrap();
        let violation = Violation {
            oracle: "crash".to_owned(),
            key: String::new(),
            summary: String::new(),
            severity: Severity::Bug,
        };
        let signature: Signature = serde_json::from_str("\"crash x\"").unwrap();
        let judged = Judged { signature, violation };
        let silent = Outcome::infrastructure(1, String::new());
        let mut confirming = Confirming::new(case, judged, silent.clone());
        let wasted = (0..10).filter(|_| confirming.wastes(&silent)).count();
        assert_eq!(wasted, WASTED_MAX as usize);
        assert!(!confirming.note(true) && confirming.stands());
        assert!(confirming.note(false) && !confirming.stands());
        assert_eq!((confirming.seen, confirming.runs()), (2, 3));
    }
}

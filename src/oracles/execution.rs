//! A module that is instantiated and called does what its construction says.
//!
//! The promise of a generated module follows from its recipe alone, and leaves open what engines may
//! choose, such as how deep a stack is. Not to instantiate a module, with an error, is an engine's
//! right: memory is finite. A fault that ends the process is told here, since code that reaches what it must
//! not is how it comes about; a panic of the runtime is told by the oracle for crashes.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::Termination;
use crate::triage;

pub(super) struct Execution;

impl Oracle for Execution {
    fn id(&self) -> &'static str {
        "execution"
    }

    fn summary(&self) -> &'static str {
        "a call of what was compiled ends otherwise than its construction says"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let outcome = observation.outcome;
        if outcome.faults_in_execution()
            && let Termination::Signaled { frames, .. } | Termination::StackOverflow { frames } =
                &outcome.termination
        {
            let name = outcome.termination.name();
            let key = format!("{name} {}", triage::frames_key(frames));
            let place = triage::top_frame(frames);
            let what = format!("compiles to code that ends the process: {name} in {place}");
            return violation(self, &key, format!("{what}, in phase {}", outcome.phase));
        }
        let Some(execution) = &outcome.execution else { return Verdict::NotApplicable };
        let Some(first) = execution.wrong.first() else { return Verdict::Pass };
        let key = format!("{} {}", first.kind, first.export);
        violation(self, &key, format!("compiles to code that does wrong: {first}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::crash::Crash;
    use super::super::fixture::{accepted, case};
    use super::*;
    use crate::oracles::Severity;
    use crate::outcome::{ExecutionCheck, Phase, ShortageCheck, WrongCall, WrongKind};

    #[test]
    fn a_fault_of_what_is_run_is_sensitive_and_told_here_alone() {
        for termination in [
            Termination::Signaled { signal: 11, frames: Vec::new() },
            Termination::StackOverflow { frames: Vec::new() },
        ] {
            let mut case = case(termination);
            assert_eq!(case.judge(&Execution), Verdict::NotApplicable);
            assert!(!case.outcome.is_sensitive(), "in phase compile it is a crash");
            case.outcome.phase = Phase::Execute;
            let Verdict::Violation(violation) = case.judge(&Execution) else { panic!("passed") };
            assert_eq!(violation.severity, Severity::Security);
            assert!(case.outcome.is_sensitive());
            assert_eq!(case.judge(&Crash), Verdict::NotApplicable);
            case.outcome.shortage = Some(ShortageCheck::default());
            assert_eq!(case.judge(&Execution), Verdict::NotApplicable);
            assert!(!case.outcome.is_sensitive());
        }
    }

    #[test]
    fn one_wrong_call_is_enough_and_a_clean_refusal_is_none() {
        let mut case = case(accepted());
        assert_eq!(case.judge(&Execution), Verdict::NotApplicable);
        let refused =
            ExecutionCheck { refusal: Some("no memory".to_owned()), ..Default::default() };
        case.outcome.execution = Some(refused);
        assert_eq!(case.judge(&Execution), Verdict::Pass);
        let wrong = WrongCall {
            export: "run".to_owned(),
            kind: WrongKind::OtherValues,
            promised: "returns 1".to_owned(),
            came: "returns 2".to_owned(),
        };
        let wrong = ExecutionCheck { wrong: vec![wrong], ends: vec![None], ..Default::default() };
        case.outcome.execution = Some(wrong);
        let Verdict::Violation(violation) = case.judge(&Execution) else { panic!("it passed") };
        assert_eq!(violation.key, "other-values run");
        assert_eq!(violation.severity, Severity::Security);
        assert!(case.outcome.is_sensitive());
    }
}

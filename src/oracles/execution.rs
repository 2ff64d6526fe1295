//! A module that is instantiated and called does what its construction says.
//!
//! The promise of a generated module follows from its recipe alone, and leaves open what engines may
//! choose, such as how deep a stack is. Not to instantiate a module, with an error, is an engine's
//! right: memory is finite. Crashes are told by the oracle for those.

use super::{Observation, Oracle, Verdict, violation};

pub(super) struct Execution;

impl Oracle for Execution {
    fn id(&self) -> &'static str {
        "execution"
    }

    fn summary(&self) -> &'static str {
        "a call of what was compiled ends otherwise than its construction says"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(execution) = &observation.outcome.execution else {
            return Verdict::NotApplicable;
        };
        let Some(first) = execution.wrong.first() else { return Verdict::Pass };
        let key = format!("{} {}", first.kind, first.export);
        violation(self, &key, format!("compiles to code that does wrong: {first}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{accepted, case};
    use super::*;
    use crate::oracles::Severity;
    use crate::outcome::{ExecutionCheck, WrongCall, WrongKind};

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

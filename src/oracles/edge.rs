//! Code that is run at the end of memory does what the specification says there: what is in memory is
//! accessed, what is not traps, and nothing else is touched.
//!
//! Looked at is what a run brought, which holds each call against the rule and against an interpreter.
//! The rule has no exceptions; the interpreter computes as the specification says, and where
//! the specification leaves a choice, nothing is compared.

use super::{Observation, Oracle, Severity, Verdict, Violation};

pub(super) struct Edge;

impl Oracle for Edge {
    fn id(&self) -> &'static str {
        "edge"
    }

    fn summary(&self) -> &'static str {
        "run at the end of memory, a legal access traps or an illegal one does not"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(edge) = &observation.outcome.edge else { return Verdict::NotApplicable };
        if let Some(reason) = &edge.failure {
            return Verdict::Inconclusive(reason.clone());
        }
        let Some(first) = edge.mismatches.first() else { return Verdict::Pass };
        Verdict::Violation(Violation {
            oracle: self.id().to_owned(),
            key: first.key(),
            summary: format!("compiles to code that does wrong at the end of memory: {first}"),
            severity: Severity::Security,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::crash::Crash;
    use super::super::fixture::{accepted, case};
    use super::*;
    use crate::outcome::{EdgeCheck, EdgeKind, EdgeMismatch, Phase, Termination};

    fn wrong(kind: EdgeKind) -> EdgeCheck {
        let mut check = EdgeCheck { functions: 1, calls: 30, compared: true, ..Default::default() };
        check.mismatch(EdgeMismatch {
            kind,
            operator: "f64.copysign".to_owned(),
            function: 0,
            address: 65_528,
            memory_bytes: 65_536,
            what: "out of bounds memory access".to_owned(),
        });
        check
    }

    #[test]
    fn one_wrong_call_is_enough() {
        let mut case = case(accepted());
        case.outcome.edge = Some(wrong(EdgeKind::Trapped));
        let Verdict::Violation(violation) = case.judge(&Edge) else { panic!("it passed") };
        assert_eq!(violation.key, "trapped f64.copysign");
        assert_eq!(violation.severity, Severity::Security);
        assert!(violation.summary.contains("address 65528"), "{}", violation.summary);
    }

    #[test]
    fn what_was_not_run_is_no_pass() {
        let mut case = case(accepted());
        assert_eq!(case.judge(&Edge), Verdict::NotApplicable);
        case.outcome.edge = Some(EdgeCheck::failed("no such memory".to_owned()));
        assert_eq!(case.judge(&Edge), Verdict::Inconclusive("no such memory".to_owned()));
        case.outcome.edge = Some(EdgeCheck { functions: 1, calls: 30, ..Default::default() });
        assert_eq!(case.judge(&Edge), Verdict::Pass);
    }

    #[test]
    fn a_fault_of_what_is_run_is_told_here_alone() {
        let mut case = case(Termination::Signaled { signal: 11, frames: Vec::new() });
        case.outcome.phase = Phase::Run;
        case.outcome.edge = Some(wrong(EdgeKind::Faulted));
        assert!(matches!(case.judge(&Edge), Verdict::Violation(_)));
        assert_eq!(case.judge(&Crash), Verdict::NotApplicable);
    }
}

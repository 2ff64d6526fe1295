//! One module, one backend, one artifact.
//!
//! Both compilations run in one process but with hash tables seeded anew, so an order that depends
//! on hashing shows. The second has the compiler's own checks on, which must change nothing in the
//! artifact either (its description of the settings is left out of the comparison). Only modules
//! that compile quickly are compiled twice.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::{EngineVerdict, Termination};

pub(super) struct Determinism;

impl Oracle for Determinism {
    fn id(&self) -> &'static str {
        "determinism"
    }

    fn summary(&self) -> &'static str {
        "two compilations of one module differ"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Termination::Completed { verdict: EngineVerdict::Accepted { artifact } } =
            &observation.outcome.termination
        else {
            return Verdict::NotApplicable;
        };
        match &artifact.repeat_hash {
            None => Verdict::NotApplicable,
            Some(again) if *again == artifact.hash => Verdict::Pass,
            Some(again) => violation(
                self,
                "artifact",
                format!("compiled one module to two artifacts: {} and {again}", artifact.hash),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case};

    #[test]
    fn only_two_different_artifacts_are_a_violation() {
        let with = |again: Option<&str>| {
            let mut case = case(accepted());
            if let Termination::Completed { verdict: EngineVerdict::Accepted { artifact } } =
                &mut case.outcome.termination
            {
                artifact.repeat_hash = again.map(str::to_owned);
            }
            case.judge(&Determinism)
        };
        assert_eq!(with(Some("a")), Verdict::Pass);
        assert_eq!(with(None), Verdict::NotApplicable);
        assert!(matches!(with(Some("b")), Verdict::Violation(_)));
    }
}

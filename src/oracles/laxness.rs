//! A module past a limit must be refused.
//!
//! Where the limit is one that only some engines have, accepting is their right: the expectation is
//! then `Either`, and nothing is judged here. Nor are other engines than the built-in one: the table
//! has what that one enforces, and limits moved between releases.

use super::{Observation, Oracle, Verdict, violation};
use crate::limits::Expectation;
use crate::outcome::{EngineVerdict, Termination};

pub(super) struct Laxness;

impl Oracle for Laxness {
    fn id(&self) -> &'static str {
        "laxness"
    }

    fn summary(&self) -> &'static str {
        "a module past a limit is accepted"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(Expectation::Reject { limit }) = observation.expectation else {
            return Verdict::NotApplicable;
        };
        let Termination::Completed { verdict } = &observation.outcome.termination else {
            return Verdict::NotApplicable;
        };
        match verdict {
            EngineVerdict::NotApplicable { .. } => Verdict::NotApplicable,
            EngineVerdict::Refused { .. } => Verdict::Pass,
            EngineVerdict::Accepted { .. } if !observation.backend.engine().is_builtin() => {
                Verdict::NotApplicable
            }
            EngineVerdict::Accepted { .. } => {
                violation(self, limit, format!("accepted a module past the limit {limit}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case, refused};
    use crate::outcome::RefusalKind;

    #[test]
    fn accepting_past_a_limit_is_a_violation_and_refusing_is_not() {
        let mut past = case(accepted());
        past.expectation = Expectation::Reject { limit: "types".to_owned() };
        assert!(matches!(past.judge(&Laxness), Verdict::Violation(v) if v.key == "types"));
        past.outcome.termination = refused(RefusalKind::Invalid);
        assert_eq!(past.judge(&Laxness), Verdict::Pass);
        assert_eq!(case(accepted()).judge(&Laxness), Verdict::NotApplicable);
        let mut other = case(accepted());
        other.expectation = Expectation::Reject { limit: "types".to_owned() };
        other.backend = "v8/baseline".parse().unwrap();
        assert_eq!(other.judge(&Laxness), Verdict::NotApplicable);
    }
}

//! What validation says, compilation must not contradict, and all backends of one engine must say
//! the same of one module.
//!
//! A backend that refuses a module that must be accepted is the refusal oracle's; here it counts
//! where the module may be accepted or refused, but not by one and refused by another. Backends
//! that cannot take the module at all have no say.

use super::{Observation, Oracle, Verdict, violation};
use crate::engines::Backend;
use crate::limits::Expectation;
use crate::outcome::{EngineVerdict, Outcome, RefusalKind, Termination, Validation};

pub(super) struct Agreement;

impl Oracle for Agreement {
    fn id(&self) -> &'static str {
        "agreement"
    }

    fn summary(&self) -> &'static str {
        "backends of one engine, or its validator and its compiler, disagree"
    }

    fn needs_peers(&self) -> bool {
        true
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(own) = opinion(observation.outcome) else { return Verdict::NotApplicable };
        let valid = observation.outcome.validation == Validation::Valid;
        let invalid = matches!(observation.outcome.validation, Validation::Invalid(_));
        match own {
            Opinion::Accepted if invalid => {
                return violation(
                    self,
                    "validator-refuses-compiler-accepts",
                    "compiled a module that its own validator calls invalid".to_owned(),
                );
            }
            Opinion::Invalid if valid => {
                return violation(
                    self,
                    "validator-accepts-compiler-refuses",
                    "called a module invalid that its own validator calls valid".to_owned(),
                );
            }
            Opinion::Accepted | Opinion::Invalid | Opinion::Refused => {}
        }
        if matches!(observation.expectation, Some(Expectation::Accept)) || own != Opinion::Refused {
            return Verdict::Pass;
        }
        let accepts = |(peer, outcome): &&(Backend, Outcome)| {
            peer.engine() == observation.backend.engine()
                && opinion(outcome) == Some(Opinion::Accepted)
        };
        match observation.peers.iter().find(accepts) {
            Some((peer, _)) => violation(
                self,
                "backends",
                format!("refused a module that {peer} of the same engine accepts"),
            ),
            None => Verdict::Pass,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opinion {
    Accepted,
    /// Refused by validation.
    Invalid,
    /// Refused later.
    Refused,
}

fn opinion(outcome: &Outcome) -> Option<Opinion> {
    let Termination::Completed { verdict } = &outcome.termination else { return None };
    match verdict {
        EngineVerdict::Accepted { .. } => Some(Opinion::Accepted),
        EngineVerdict::NotApplicable { .. } => None,
        EngineVerdict::Refused { refusal } => match refusal.kind {
            RefusalKind::Invalid => Some(Opinion::Invalid),
            RefusalKind::Unsupported => None,
            RefusalKind::ImplementationLimit | RefusalKind::Internal => Some(Opinion::Refused),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case, outcome, refused};

    #[test]
    fn a_validator_that_differs_from_the_compiler_is_a_violation() {
        let mut lax = case(accepted());
        lax.outcome.validation = Validation::Invalid("no".to_owned());
        assert!(matches!(lax.judge(&Agreement), Verdict::Violation(_)));
        let strict = case(refused(RefusalKind::Invalid));
        assert!(matches!(strict.judge(&Agreement), Verdict::Violation(_)));
        assert_eq!(case(accepted()).judge(&Agreement), Verdict::Pass);
    }

    #[test]
    fn backends_may_differ_only_where_they_cannot_take_the_module() {
        let mut case = case(refused(RefusalKind::ImplementationLimit));
        case.expectation = Expectation::Either { reason: "x".to_owned() };
        assert_eq!(case.judge(&Agreement), Verdict::Pass);
        case.peers.push(("s390x".parse().unwrap(), outcome(accepted())));
        assert!(matches!(case.judge(&Agreement), Verdict::Violation(_)));
        case.outcome.termination = refused(RefusalKind::Unsupported);
        assert_eq!(case.judge(&Agreement), Verdict::NotApplicable);
    }
}

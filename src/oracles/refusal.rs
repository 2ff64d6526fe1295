//! A valid module within the limits must be accepted.
//!
//! A clean limit error and an internal error are told apart by the error's type. Not judged: a
//! backend that says it does not implement a proposal and is known not to (`Target::lacks`), and
//! Winch where it says that an instruction is not implemented, which its documentation says too.
//! Inconclusive: another engine than the built-in one that calls the module invalid, since what was
//! valid for a release, and its limits, are not known as those of the built-in one are.

use super::{Observation, Oracle, Verdict, violation};
use crate::engines::Strategy;
use crate::limits::Expectation;
use crate::outcome::{EngineVerdict, RefusalKind, Termination};
use crate::triage;

pub(super) struct Refusal;

impl Oracle for Refusal {
    fn id(&self) -> &'static str {
        "refusal"
    }

    fn summary(&self) -> &'static str {
        "a valid module within the limits is refused"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Termination::Completed { verdict } = &observation.outcome.termination else {
            return Verdict::NotApplicable;
        };
        let expectation = observation.expectation;
        let refusal = match verdict {
            EngineVerdict::NotApplicable { .. } => return Verdict::NotApplicable,
            EngineVerdict::Accepted { .. } => return Verdict::Pass,
            EngineVerdict::Refused { refusal } => refusal,
        };
        match expectation {
            Some(Expectation::Reject { .. } | Expectation::Either { .. }) => return Verdict::Pass,
            // A module of unknown origin promises nothing until the validator has said so, and
            // an internal error is wrong in any case.
            None if refusal.kind == RefusalKind::Invalid => return Verdict::Pass,
            None | Some(Expectation::Accept) => {}
        }
        let winch = observation.backend.target().strategy == Strategy::Winch;
        let lacks = observation.backend.lacks(observation.proposals).is_some();
        let may_say_so = match refusal.kind {
            RefusalKind::Unsupported => winch || lacks,
            // Its validator does not know what is turned off.
            RefusalKind::Invalid => lacks,
            RefusalKind::ImplementationLimit | RefusalKind::Internal => false,
        };
        if may_say_so {
            return Verdict::NotApplicable;
        }
        let line = refusal.message.lines().next().unwrap_or_default();
        if refusal.kind == RefusalKind::Invalid && !observation.backend.engine().is_builtin() {
            return Verdict::Inconclusive(format!(
                "{} calls the module invalid; its limits or proposals may differ: {line}",
                observation.backend.engine().title()
            ));
        }
        let key = format!("{} {}", refusal.kind, triage::message_key(&refusal.message));
        let what = match refusal.kind {
            RefusalKind::Invalid => "calls a valid module invalid",
            RefusalKind::Unsupported => "does not implement something that it should",
            RefusalKind::ImplementationLimit => "meets a limit of its own inside the agreed limits",
            RefusalKind::Internal => "fails with an internal error",
        };
        let summary = format!("refused a valid module within the limits: {what}: {line}");
        violation(self, &key, summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Proposal;
    use crate::oracles::fixture::{accepted, case, refused};

    #[test]
    fn refusing_what_must_be_accepted_is_a_violation() {
        for kind in [
            RefusalKind::Invalid,
            RefusalKind::Unsupported,
            RefusalKind::ImplementationLimit,
            RefusalKind::Internal,
        ] {
            assert!(matches!(case(refused(kind)).judge(&Refusal), Verdict::Violation(_)));
        }
        assert_eq!(case(accepted()).judge(&Refusal), Verdict::Pass);
    }

    #[test]
    fn refusing_past_a_limit_is_right() {
        let mut past = case(refused(RefusalKind::Invalid));
        past.expectation = Expectation::Reject { limit: "types".to_owned() };
        assert_eq!(past.judge(&Refusal), Verdict::Pass);
    }

    #[test]
    fn a_backend_may_say_that_it_lacks_what_it_is_known_to_lack() {
        let mut case = case(refused(RefusalKind::Unsupported));
        case.backend = "pulley64".parse().unwrap();
        assert!(matches!(case.judge(&Refusal), Verdict::Violation(_)));
        case.proposals.insert(Proposal::Threads);
        assert_eq!(case.judge(&Refusal), Verdict::NotApplicable);
        case.outcome.termination = refused(RefusalKind::Internal);
        assert!(matches!(case.judge(&Refusal), Verdict::Violation(_)), "but not fail otherwise");
    }
}

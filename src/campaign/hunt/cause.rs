//! Causes: which violations a person would file as one bug.
//!
//! A hunt tries one thing on all backends, at all sizes and in many shapes, so signatures that differ
//! by shape or target would show one bug many times. Here a crash is told by its place, a refusal by
//! its error, a cost by its pass and resource, whether it broke a budget or was seen to grow, each
//! once for a family of backends. Two bugs of one pass and resource count as one: a second report about
//! the same pass costs a person more than a bug that is found in the next hunt, when the first is
//! fixed.

use crate::engines::{Backend, Strategy};
use crate::oracles::Violation;

/// What a person would file once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause(String);

impl Cause {
    /// The cause of a violation on a backend.
    pub(super) fn of(violation: &Violation, backend: &Backend) -> Cause {
        let Violation { oracle, key, .. } = violation;
        let family = family(backend);
        Cause(match oracle.as_str() {
            "timeout" => return Cause::cost(backend, key, "CPU time"),
            "memory" => return Cause::cost(backend, key, "live memory"),
            // Its key is the pass and the resource.
            "growth" => format!("cost {family} {key}"),
            // A module past a limit is accepted by the validator, which all backends share.
            "laxness" => format!("{oracle} {key}"),
            _ => format!("{oracle} {family} {key}"),
        })
    }

    /// The cause of a pass that costs too much of a resource.
    pub(super) fn cost(backend: &Backend, pass: &str, resource: &str) -> Cause {
        Cause(format!("cost {} {pass} {resource}", family(backend)))
    }

    /// Whether it was told by time, which differs from run to run.
    pub(super) fn is_of_time(&self) -> bool {
        self.0.starts_with("cost ") && self.0.ends_with("CPU time")
    }
}

fn family(backend: &Backend) -> &str {
    match backend.target().strategy {
        Strategy::Cranelift => "cranelift",
        Strategy::Winch => "winch",
        Strategy::Web => backend.engine().as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::Severity;

    fn cause(oracle: &str, key: &str, backend: &str) -> Cause {
        let violation = Violation {
            oracle: oracle.to_owned(),
            key: key.to_owned(),
            summary: String::new(),
            severity: Severity::Bug,
        };
        Cause::of(&violation, &backend.parse().unwrap())
    }

    #[test]
    fn one_cause_on_backends_of_one_family_is_one_bug() {
        let refused = |backend| cause("refusal", "internal too large", backend);
        assert_eq!(refused("x86_64"), refused("s390x"));
        assert_ne!(refused("x86_64"), refused("winch-x86_64"));
        assert_ne!(refused("x86_64"), cause("refusal", "internal other", "x86_64"));
    }

    #[test]
    fn a_broken_budget_and_the_growth_that_leads_to_it_are_one_bug() {
        let broken = cause("timeout", "regalloc", "x86_64");
        assert_eq!(broken, cause("growth", "regalloc CPU time", "aarch64"));
        assert!(broken.is_of_time());
        assert_ne!(broken, cause("memory", "regalloc", "x86_64"));
        assert_ne!(broken, cause("timeout", "egraph", "x86_64"));
    }
}

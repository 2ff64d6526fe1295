//! Oracles: pure functions from an observation to a verdict.
//!
//! No clock, no files, no engine: what they judge is data, so each is tested on observations made
//! by hand. To add one: a file here with a unit struct that implements [`Oracle`], and its line in
//! [`ORACLES`]. Growth looks at more than one compilation, a ladder of sizes.

mod agreement;
mod code_size;
mod crash;
mod determinism;
mod edge;
mod execution;
mod growth;
mod laxness;
mod memory;
mod refusal;
mod shortage;
mod timeout;
mod verdict;
mod width;

use crate::engines::Backend;
use crate::job::Budget;
use crate::limits::Expectation;
use crate::ops::Proposal;
use crate::outcome::{Outcome, Termination};
use crate::triage;
use std::collections::BTreeSet;

pub use self::growth::{Costs, Fit, Ladder, Law, Resource, Rung, Trend, fit};
pub use self::verdict::{Inconclusive, Severity, Verdict, Violation};

/// One compilation and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// What the module promises; `None` for a module of unknown origin.
    pub expectation: Option<&'a Expectation>,
    /// Proposals that the module needs.
    pub proposals: &'a BTreeSet<Proposal>,
    /// What compiled it.
    pub backend: &'a Backend,
    /// The limits it ran under.
    pub budget: &'a Budget,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// The same module on the other backends of the same engine, as far as they have run.
    pub peers: &'a [(Backend, Outcome)],
    /// The same recipe at other sizes, where that was measured.
    pub ladder: Option<&'a Ladder>,
}

/// A judge.
pub trait Oracle: Sync {
    /// Kebab-case name; append-only.
    fn id(&self) -> &'static str;

    /// One line: what counts as a violation.
    fn summary(&self) -> &'static str;

    /// Whether it needs the module's outcomes on the other backends.
    fn needs_peers(&self) -> bool {
        false
    }

    /// Judges one observation.
    fn judge(&self, observation: &Observation<'_>) -> Verdict;
}

/// Every oracle.
pub const ORACLES: &[&dyn Oracle] = &[
    &crash::Crash,
    &timeout::Timeout,
    &memory::Memory,
    &code_size::CodeSize,
    &refusal::Refusal,
    &laxness::Laxness,
    &agreement::Agreement,
    &determinism::Determinism,
    &growth::Growth,
    &width::Width,
    &edge::Edge,
    &execution::Execution,
    &shortage::Shortage,
];

/// Whether the oracle of that id compares backends.
pub fn compares(id: &str) -> bool {
    ORACLES.iter().any(|oracle| oracle.id() == id && oracle.needs_peers())
}

/// All violations and everything inconclusive that the oracles see in an observation.
pub fn judge(
    observation: &Observation<'_>,
    with_peers: bool,
) -> (Vec<Violation>, Vec<Inconclusive>) {
    let (mut violations, mut inconclusive) = (Vec::new(), Vec::new());
    for oracle in ORACLES.iter().filter(|oracle| oracle.needs_peers() == with_peers) {
        match oracle.judge(observation) {
            Verdict::Pass | Verdict::NotApplicable => {}
            Verdict::Violation(violation) => violations.push(violation),
            Verdict::Inconclusive(reason) => {
                inconclusive.push(Inconclusive { oracle: oracle.id(), reason });
            }
        }
    }
    (violations, inconclusive)
}

/// Why a budget broken by the second compilation is nobody's fault.
const IN_REPEAT: &str = "the second compilation, with the compiler's own checks on, ran over the \
                         budget; the first one was well within it";

/// Why what happens while code is run, beside an interpreter or by itself, is not held against its
/// compilation.
const IN_RUN: &str = "it was compiled, and ended so when it was run";

fn violation(oracle: &dyn Oracle, key: &str, summary: String) -> Verdict {
    Verdict::Violation(Violation {
        oracle: oracle.id().to_owned(),
        key: key.to_owned(),
        summary,
        severity: triage::severity(oracle.id()),
    })
}

/// What the job was at when it ran over a budget: the pass that took the most of the time, the
/// pass that ran, or the phase.
fn costly_part(outcome: &Outcome) -> String {
    let measured = &outcome.measurements;
    let timed_out = matches!(outcome.termination, Termination::TimedOut { .. });
    let dominant = if timed_out { measured.dominant_pass() } else { None };
    dominant
        .or(measured.last_pass.as_deref())
        .map_or_else(|| format!("phase {}", outcome.phase), str::to_owned)
}

/// Observations made by hand.
#[cfg(test)]
mod fixture {
    use super::*;
    use crate::outcome::{
        Artifact, EngineVerdict, Measurements, Phase, Refusal, RefusalKind, Validation,
    };

    pub(super) struct Case {
        pub(super) expectation: Expectation,
        pub(super) proposals: BTreeSet<Proposal>,
        pub(super) backend: Backend,
        pub(super) budget: Budget,
        pub(super) outcome: Outcome,
        pub(super) peers: Vec<(Backend, Outcome)>,
    }

    impl Case {
        pub(super) fn judge(&self, oracle: &dyn Oracle) -> Verdict {
            oracle.judge(&Observation {
                expectation: Some(&self.expectation),
                proposals: &self.proposals,
                backend: &self.backend,
                budget: &self.budget,
                outcome: &self.outcome,
                peers: &self.peers,
                ladder: None,
            })
        }
    }

    pub(super) fn outcome(termination: Termination) -> Outcome {
        Outcome {
            job: 0,
            phase: Phase::Compile,
            termination,
            validation: Validation::Valid,
            measurements: Measurements { module_bytes: 1 << 20, ..Measurements::default() },
            stderr_tail: String::new(),
            machine: None,
            edge: None,
            execution: None,
            shortage: None,
        }
    }

    pub(super) fn case(termination: Termination) -> Case {
        Case {
            expectation: Expectation::Accept,
            proposals: BTreeSet::new(),
            backend: "x86_64".parse().unwrap(),
            budget: Budget::new(10, 1 << 30),
            outcome: outcome(termination),
            peers: Vec::new(),
        }
    }

    pub(super) fn accepted() -> Termination {
        let artifact = Artifact {
            bytes: 2 << 20,
            code_bytes: 1 << 20,
            hash: "a".to_owned(),
            repeat_hash: Some("a".to_owned()),
        };
        Termination::Completed { verdict: EngineVerdict::Accepted { artifact } }
    }

    pub(super) fn refused(kind: RefusalKind) -> Termination {
        let refusal = Refusal { phase: Phase::Compile, kind, message: "no".to_owned() };
        Termination::Completed { verdict: EngineVerdict::Refused { refusal } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let ids: BTreeSet<_> = ORACLES.iter().map(|oracle| oracle.id()).collect();
        assert_eq!(ids.len(), ORACLES.len());
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }

    #[test]
    fn no_oracle_makes_a_finding_of_a_failure_of_the_machinery() {
        let endings =
            [Termination::Infrastructure { message: "x".to_owned() }, Termination::Ambiguous];
        for termination in endings {
            let case = fixture::case(termination);
            for oracle in ORACLES {
                let verdict = case.judge(*oracle);
                assert!(!matches!(verdict, Verdict::Violation(_)), "{}: {verdict:?}", oracle.id());
            }
        }
    }
}

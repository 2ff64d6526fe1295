//! Holds what a run came to against what is expected of it.

use super::{Check, Seen};
use crate::campaign::{Judged, ReproRun};
use crate::corpus::{Expect, PASS};
use crate::engines::EngineId;
use crate::limits::Expectation;
use crate::oracles::{Inconclusive, Severity};
use crate::outcome::{EngineVerdict, Termination};

/// Holds what a run came to against what is expected; `promised` is what engines owe the module.
pub(super) fn hold(check: &Check<'_>, promised: Option<&Expectation>, run: &ReproRun) -> Seen {
    let expect = check.expect;
    let ReproRun { outcome: ended, violations, inconclusive, .. } = run;
    let expected = |judged: &&Judged| expect.is(&judged.violation, &judged.signature);
    let also = |judged: &&Judged| expect.also.contains(&judged.violation.oracle);
    if let Termination::Completed { verdict: EngineVerdict::NotApplicable { reason } } =
        &ended.termination
    {
        return Seen::NotApplicable(reason.clone());
    }
    let there = violations.iter().find(expected);
    let new = violations.iter().find(|judged| !expected(judged) && !also(judged));
    if let (Some(_), None) = (there, new) {
        return Seen::AsExpected;
    }
    // What may be seen beside the expected violation does not stand for it.
    if let Some(judged) = new.or(violations.first()) {
        let of_all = as_expectation(there.unwrap_or(judged), violations, check);
        return Seen::Differs(Box::new(of_all), judged.told());
    }
    // What an oracle cannot tell that the case is not about does not matter, where the job ended.
    let all = &check.entry.expectations.expect;
    let about = |it: &&Inconclusive| {
        !matches!(ended.termination, Termination::Completed { .. })
            || all.iter().any(|expect| expect.verdict == it.oracle)
    };
    if let Some(untold) = inconclusive.iter().find(about) {
        return Seen::Unclear(untold.to_string());
    }
    // What was not compiled has not shown whether it goes well, unless it must not be compiled.
    let may_refuse =
        matches!(promised, Some(Expectation::Reject { .. } | Expectation::Either { .. }));
    let Termination::Completed { verdict } = &ended.termination else {
        return Seen::Unclear(ended.termination.name().to_owned());
    };
    match verdict {
        EngineVerdict::Accepted { .. } => {}
        EngineVerdict::Refused { .. } if may_refuse => {}
        EngineVerdict::Refused { refusal } => {
            return Seen::Unclear(format!("it was refused: {}", refusal.message));
        }
        EngineVerdict::NotApplicable { reason } => return Seen::NotApplicable(reason.clone()),
    }
    if expect.passes() {
        return Seen::AsExpected;
    }
    let pass = Expect { verdict: PASS.to_owned(), ..of_one(check) };
    Seen::Differs(Box::new(pass), "nothing is wrong".to_owned())
}

/// An expectation of exactly this engine and backend.
fn of_one(check: &Check<'_>) -> Expect {
    Expect {
        releases: Vec::new(),
        backends: vec![check.backend.clone().on(&EngineId::builtin())],
        verdict: String::new(),
        key: Vec::new(),
        also: Vec::new(),
    }
}

/// One violation, and the others beside it.
fn as_expectation(judged: &Judged, all: &[Judged], check: &Check<'_>) -> Expect {
    let Judged { signature, violation } = judged;
    let key = match violation.severity {
        // The signature of what is sensitive does not tell what it is.
        Severity::Security => Vec::new(),
        Severity::Bug | Severity::Information => vec![signature.to_string()],
    };
    let others = all.iter().map(|it| &it.violation.oracle).filter(|it| **it != violation.oracle);
    let also = others.cloned().collect();
    Expect { verdict: violation.oracle.clone(), key, also, ..of_one(check) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Entry, Expectations, Specimen};
    use crate::oracles::Violation;
    use crate::outcome::{Artifact, Outcome, Phase, Refusal, RefusalKind};
    use crate::recipe::Recipe;

    fn entry(verdict: &str) -> Entry {
        let text = format!(
            "version = 1\ntitle = \"t\"\nsource = \"s\"\nbackends = [\"x86_64\"]\n\
             [[expect]]\nverdict = \"{verdict}\"\n"
        );
        Entry {
            slug: "a".to_owned(),
            folder: "a".into(),
            specimen: Specimen::Recipe(Recipe::new("repeat")),
            expectations: Expectations::from_toml(&text).unwrap(),
        }
    }

    fn held(expected: &str, seen: &[(&str, Severity)], termination: Termination) -> Seen {
        held_to(None, expected, seen, termination)
    }

    fn held_to(
        promised: Option<&Expectation>,
        expected: &str,
        seen: &[(&str, Severity)],
        termination: Termination,
    ) -> Seen {
        held_by(&entry(expected), promised, seen, termination)
    }

    fn held_by(
        entry: &Entry,
        promised: Option<&Expectation>,
        seen: &[(&str, Severity)],
        termination: Termination,
    ) -> Seen {
        let backend: crate::engines::Backend = "x86_64".parse().unwrap();
        let expect = &entry.expectations.expect[0];
        let check = Check { entry, backend: backend.clone(), expect };
        let judged = |&(oracle, severity): &(&str, Severity)| Judged {
            signature: serde_json::from_str("\"the signature\"").unwrap(),
            violation: Violation {
                oracle: oracle.to_owned(),
                key: "wider f64.copysign".to_owned(),
                summary: "reads f64.copysign too wide".to_owned(),
                severity,
            },
        };
        let mut outcome = Outcome::infrastructure(1, String::new());
        outcome.termination = termination;
        let violations = seen.iter().map(judged).collect();
        let (inconclusive, artifact) = (Vec::new(), None);
        hold(&check, promised, &ReproRun { backend, outcome, violations, inconclusive, artifact })
    }

    fn differs(seen: &Seen) -> bool {
        matches!(seen, Seen::Differs(..))
    }

    #[test]
    fn a_run_that_says_nothing_is_unclear_whatever_is_expected() {
        for expected in ["pass", "crash"] {
            let seen = held(expected, &[], Termination::Ambiguous);
            assert!(matches!(seen, Seen::Unclear(_)), "{expected}: {seen:?}");
        }
    }

    #[test]
    fn a_refusal_shows_nothing_unless_the_module_may_be_refused() {
        let refusal = Refusal {
            phase: Phase::Compile,
            kind: RefusalKind::Unsupported,
            message: "not implemented".to_owned(),
        };
        let refused = Termination::Completed { verdict: EngineVerdict::Refused { refusal } };
        for expected in ["pass", "crash"] {
            let seen = held_to(Some(&Expectation::Accept), expected, &[], refused.clone());
            let Seen::Unclear(reason) = &seen else { panic!("{expected}: {seen:?}") };
            assert!(reason.contains("refused: not implemented"), "{reason}");
        }
        let may = Expectation::Reject { limit: "types".to_owned() };
        assert_eq!(held_to(Some(&may), "pass", &[], refused), Seen::AsExpected);
    }

    #[test]
    fn one_violation_that_is_not_expected_differs_beside_one_that_is() {
        let crash = ("crash", Severity::Bug);
        let over = Termination::OutputLimit;
        assert_eq!(held("crash", &[crash], over.clone()), Seen::AsExpected);
        assert!(differs(&held("pass", &[crash], over.clone())));
        assert!(differs(&held("crash", &[crash, ("memory", Severity::Bug)], over.clone())));
        let (bytes, code_bytes, hash) = (2, 1, String::new());
        let artifact = Artifact { bytes, code_bytes, hash, repeat_hash: None };
        let accepted = Termination::Completed { verdict: EngineVerdict::Accepted { artifact } };
        assert!(differs(&held("crash", &[], accepted.clone())));
        assert_eq!(held("pass", &[], accepted), Seen::AsExpected);
    }

    #[test]
    fn what_differs_is_as_expected_once_all_of_it_is_written_down() {
        let both = [("crash", Severity::Bug), ("memory", Severity::Bug)];
        for expected in ["pass", "crash", "memory", "timeout"] {
            let seen = held(expected, &both, Termination::OutputLimit);
            let Seen::Differs(new, _) = seen else { panic!("{expected}: {seen:?}") };
            let mut entry = entry(expected);
            entry.expectations.expect = vec![*new];
            let seen = held_by(&entry, None, &both, Termination::OutputLimit);
            assert_eq!(seen, Seen::AsExpected, "{expected}");
        }
    }

    #[test]
    fn what_may_be_seen_beside_a_violation_does_not_stand_for_it() {
        let mut entry = entry("width");
        entry.expectations.expect[0].also = vec!["edge".to_owned()];
        let edge = ("edge", Severity::Security);
        let seen = held_by(&entry, None, &[edge], Termination::OutputLimit);
        let Seen::Differs(new, _) = seen else { panic!("{seen:?}") };
        assert_eq!(new.verdict, "edge");
        let both = [edge, ("width", Severity::Security)];
        assert_eq!(held_by(&entry, None, &both, Termination::OutputLimit), Seen::AsExpected);
    }

    #[test]
    fn what_is_sensitive_and_not_expected_is_not_told() {
        let seen = held("pass", &[("width", Severity::Security)], Termination::OutputLimit);
        assert!(differs(&seen) && !format!("{seen:?}").contains("copysign"), "{seen:?}");
        let seen = held("width", &[("width", Severity::Security)], Termination::OutputLimit);
        assert_eq!(seen, Seen::AsExpected);
    }
}

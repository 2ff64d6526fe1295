//! Holds what a run came to against what is expected of it.

use super::{Check, Seen};
use crate::campaign::{Judged, ReproRun};
use crate::corpus::{Expect, PASS};
use crate::engines::EngineId;
use crate::oracles::Severity;
use crate::outcome::{EngineVerdict, Termination};

/// Holds what a run came to against what is expected.
pub(super) fn hold(check: &Check<'_>, run: &ReproRun) -> Seen {
    let expect = check.expect;
    let ReproRun { outcome: ended, violations, inconclusive, .. } = run;
    let expected = |judged: &&Judged| expect.is(&judged.violation, &judged.signature);
    let also = |judged: &&Judged| expect.also.contains(&judged.violation.oracle);
    if let Termination::Completed { verdict: EngineVerdict::NotApplicable { reason } } =
        &ended.termination
    {
        return Seen::NotApplicable(reason.clone());
    }
    if let Some(other) = violations.iter().find(|judged| !expected(judged) && !also(judged)) {
        return Seen::Differs(Box::new(as_expectation(other, check)), other.told());
    }
    if violations.iter().any(|judged| expected(&judged)) {
        return Seen::AsExpected;
    }
    // What an oracle cannot tell that the case is not about does not matter, where the job ended.
    let all = &check.entry.expectations.expect;
    let about = |reason: &&String| {
        let oracle = reason.split_once(':').map_or("", |(oracle, _)| oracle);
        !matches!(ended.termination, Termination::Completed { .. })
            || all.iter().any(|expect| expect.verdict == oracle)
    };
    if let Some(reason) = inconclusive.iter().find(about) {
        return Seen::Unclear(reason.clone());
    }
    if !ended.says_something() {
        return Seen::Unclear(ended.termination.name().to_owned());
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

fn as_expectation(judged: &Judged, check: &Check<'_>) -> Expect {
    let Judged { signature, violation } = judged;
    let key = match violation.severity {
        // The signature of what is sensitive does not tell what it is.
        Severity::Security => Vec::new(),
        Severity::Bug | Severity::Information => vec![signature.to_string()],
    };
    Expect { verdict: violation.oracle.clone(), key, ..of_one(check) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Entry, Expectations, Specimen};
    use crate::oracles::Violation;
    use crate::outcome::Outcome;
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
        let entry = entry(expected);
        let backend: crate::engines::Backend = "x86_64".parse().unwrap();
        let expect = &entry.expectations.expect[0];
        let check = Check { entry: &entry, backend: backend.clone(), expect };
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
        hold(&check, &ReproRun { backend, outcome, violations, inconclusive, artifact })
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
    fn one_violation_that_is_not_expected_differs_beside_one_that_is() {
        let crash = ("crash", Severity::Bug);
        let over = Termination::OutputLimit;
        assert_eq!(held("crash", &[crash], over.clone()), Seen::AsExpected);
        assert!(differs(&held("pass", &[crash], over.clone())));
        assert!(differs(&held("crash", &[crash, ("memory", Severity::Bug)], over.clone())));
        assert!(differs(&held("crash", &[], over)));
    }

    #[test]
    fn what_is_sensitive_and_not_expected_is_not_told() {
        let seen = held("pass", &[("width", Severity::Security)], Termination::OutputLimit);
        assert!(differs(&seen) && !format!("{seen:?}").contains("copysign"), "{seen:?}");
        let seen = held("width", &[("width", Severity::Security)], Termination::OutputLimit);
        assert_eq!(seen, Seen::AsExpected);
    }
}

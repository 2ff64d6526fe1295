//! Where outcomes are judged and findings are made.

use super::events::KEPT_APART;
use super::{Case, Event, Evidence, Subject};
use crate::engines::Backend;
use crate::job::{Allocator, Budget};
use crate::oracles::{self, Inconclusive, Ladder, Observation, Severity, Violation};
use crate::outcome::Outcome;
use crate::triage::Signature;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A violation that stood when it was run again, with all that is needed to run it once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What tells it from others.
    pub signature: Signature,
    /// What is wrong.
    pub violation: Violation,
    /// The subject.
    pub subject: Subject,
    /// What compiled it.
    pub backend: Backend,
    /// The backends that it is compared with, for a violation that compares.
    #[serde(default)]
    pub peers: Vec<Backend>,
    /// The limits of the job.
    pub budget: Budget,
    /// What came of it.
    pub outcome: Outcome,
    /// How many runs showed it, out of how many.
    pub seen: (u32, u32),
    /// Where memories came from when it was run.
    #[serde(default)]
    pub allocator: Allocator,
    /// What it cost at other sizes, for a violation that is about growth.
    #[serde(default)]
    pub growth: Option<Evidence>,
}

impl Finding {
    /// A violation that so many runs showed, out of so many; it compares with no other backend, is about
    /// no growth, and was run, if at all, with memory on demand.
    pub fn of(
        judged: &Judged,
        subject: Subject,
        backend: Backend,
        budget: Budget,
        outcome: Outcome,
        seen: (u32, u32),
    ) -> Finding {
        Finding {
            signature: judged.signature.clone(),
            violation: judged.violation.clone(),
            subject,
            backend,
            peers: Vec::new(),
            budget,
            allocator: Allocator::OnDemand,
            outcome,
            seen,
            growth: None,
        }
    }

    /// Whether it is kept apart and told to its owner alone.
    pub fn is_sensitive(&self) -> bool {
        self.violation.severity == Severity::Security
    }
}

/// A violation that has still to be confirmed.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What tells it from others.
    pub signature: Signature,
    /// What is wrong.
    pub violation: Violation,
}

/// Judges outcomes and remembers what has been found.
#[derive(Debug, Default)]
pub struct Court {
    found: BTreeMap<Signature, u64>,
}

/// What is said of a security-sensitive violation where anybody may read it.
const SENSITIVE: &str = "security-sensitive, so not told here; `brink repro` tells you";

impl Judged {
    /// Whether it is kept apart and told to its owner alone.
    pub fn is_sensitive(&self) -> bool {
        self.violation.severity == Severity::Security
    }

    /// What is wrong, in words that anybody may read.
    pub fn told(&self) -> String {
        let Violation { oracle, summary, severity, .. } = &self.violation;
        match severity {
            Severity::Security => format!("{oracle}: {SENSITIVE}"),
            Severity::Bug | Severity::Information => format!("{oracle}: {summary}"),
        }
    }

    /// The warning that it was seen in `seen` of `runs` runs, and is no finding; it tells nobody
    /// what is security-sensitive.
    pub(super) fn unconfirmed(
        &self,
        case: &Case,
        backend: &Backend,
        seen: u32,
        runs: u32,
    ) -> Event {
        let (subject, summary) = match self.violation.severity {
            Severity::Security => (case.subject.family().to_owned(), KEPT_APART),
            Severity::Bug | Severity::Information => {
                (case.subject.to_string(), self.violation.summary.as_str())
            }
        };
        Event::Warned {
            message: format!(
                "{subject} on {backend}: seen in {seen} of {runs} runs, so it is no finding: \
                 {summary}"
            ),
        }
    }
}

impl Court {
    /// What the oracles say of one outcome: violations and what is inconclusive. With `peers`,
    /// the outcomes on all backends, the oracles that compare backends are asked as well.
    pub fn judge(
        case: &Case,
        backend: &Backend,
        budget: &Budget,
        outcome: &Outcome,
        peers: Option<&[(Backend, Outcome)]>,
    ) -> (Vec<Judged>, Vec<Inconclusive>) {
        Court::judge_all(case, backend, budget, outcome, peers, None)
    }

    /// The same of the largest size of a ladder, with the others in view.
    pub fn judge_ladder(
        case: &Case,
        backend: &Backend,
        budget: &Budget,
        outcome: &Outcome,
        ladder: &Ladder,
    ) -> (Vec<Judged>, Vec<Inconclusive>) {
        Court::judge_all(case, backend, budget, outcome, None, Some(ladder))
    }

    fn judge_all(
        case: &Case,
        backend: &Backend,
        budget: &Budget,
        outcome: &Outcome,
        peers: Option<&[(Backend, Outcome)]>,
        ladder: Option<&Ladder>,
    ) -> (Vec<Judged>, Vec<Inconclusive>) {
        let observation = Observation {
            expectation: case.expectation.as_ref(),
            proposals: &case.proposals,
            backend,
            budget,
            outcome,
            peers: peers.unwrap_or_default(),
            ladder,
        };
        let (violations, inconclusive) = oracles::judge(&observation, peers.is_some());
        let judged = violations.into_iter().map(|violation| {
            let signature = Signature::of(&violation, &observation, case.usage.as_ref());
            Judged { signature, violation }
        });
        (judged.collect(), inconclusive)
    }

    /// Counts a violation; whether it is the first with its signature.
    pub fn is_new(&mut self, signature: &Signature) -> bool {
        let count = self.found.entry(signature.clone()).or_default();
        *count += 1;
        *count == 1
    }

    /// Whether a signature was found.
    pub fn knows(&self, signature: &str) -> bool {
        self.found.keys().any(|known| known.to_string() == signature)
    }

    /// Takes a signature for found before, as when a run is resumed.
    pub fn remember(&mut self, signature: &Signature) {
        self.found.insert(signature.clone(), 1);
    }

    /// Forgets a signature that did not stand when it was run again.
    pub fn forget(&mut self, signature: &Signature) {
        self.found.remove(signature);
    }
}

//! What logs keep of what happens, and what others may read of it.

use super::Event;
use crate::campaign::Subject;

/// What is said in public of a security-sensitive finding.
pub(in crate::campaign) const KEPT_APART: &str =
    "security-sensitive; its report is in a folder that only you can read";

impl Event {
    /// Whether the log of the run keeps it. A job whose machine code is wrong is left out, so that a
    /// run that goes on later does it again.
    pub fn is_kept(&self) -> bool {
        match self {
            Event::JobsStarted { .. } | Event::RoundStarted { .. } => false,
            Event::JobEnded { outcome, .. } => !outcome.is_sensitive(),
            Event::Found { .. }
            | Event::RunStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RoundEnded { .. }
            | Event::Differed { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => true,
        }
    }

    /// Whether the log of a campaign keeps it, which goes on for as long as anybody likes: findings
    /// and rounds, but not jobs.
    pub fn is_lasting(&self) -> bool {
        match self {
            Event::JobsStarted { .. }
            | Event::JobEnded { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RoundStarted { .. } => false,
            Event::Found { .. }
            | Event::RunStarted { .. }
            | Event::RoundEnded { .. }
            | Event::Differed { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => true,
        }
    }

    /// Whether the log of a campaign's round keeps it: what is needed to go on with the round.
    pub fn is_of_round(&self) -> bool {
        self.is_kept() && !self.is_lasting()
    }

    /// The same without a word of what was run, where that is security-sensitive: for those who are
    /// shown what is not kept.
    #[must_use]
    pub fn unnamed(mut self) -> Event {
        if let Event::JobEnded { line, subject, outcome, .. } = &mut self
            && outcome.is_sensitive()
        {
            subject.family().clone_into(line);
            *subject = Subject::Module(line.clone());
        }
        self
    }

    /// The same without anything that is security-sensitive, fit for logs and summaries that others
    /// read.
    #[must_use]
    pub fn without_secrets(mut self) -> Event {
        match &mut self {
            Event::JobEnded { outcome, violations, .. } if outcome.is_sensitive() => {
                outcome.hide();
                violations.clear();
            }
            Event::Found { finding } if finding.is_sensitive() => {
                finding.violation.key.clear();
                finding.violation.summary = KEPT_APART.to_owned();
                finding.subject = Subject::Module(finding.subject.family().to_owned());
                finding.outcome.hide();
            }
            // One run may show something else besides.
            Event::Found { finding } if finding.outcome.is_sensitive() => finding.outcome.hide(),
            Event::JobEnded { .. }
            | Event::Found { .. }
            | Event::RunStarted { .. }
            | Event::JobsStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RoundStarted { .. }
            | Event::RoundEnded { .. }
            | Event::Differed { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Case, Court, Finding};
    use crate::engines::Backend;
    use crate::job::Budget;
    use crate::outcome::{EdgeCheck, EdgeKind, EdgeMismatch, Outcome, Termination};
    use crate::recipe::Recipe;

    /// A run that faulted at the end of memory, with all its traces.
    fn faulted() -> Outcome {
        let mut edge = EdgeCheck::default();
        edge.mismatch(EdgeMismatch {
            kind: EdgeKind::Faulted,
            operator: "f64.copysign".to_owned(),
            function: 0,
            address: 65_528,
            memory_bytes: 65_536,
            what: "out of bounds".to_owned(),
        });
        let mut outcome = Outcome::infrastructure(1, String::new());
        outcome.phase = crate::outcome::Phase::Run;
        outcome.edge = Some(edge);
        outcome.stderr_tail = "a segfault at 65528 in f64.copysign".to_owned();
        let frames = vec!["f64.copysign".to_owned()];
        outcome.termination = Termination::Signaled { signal: 6, frames };
        outcome
    }

    #[test]
    fn what_is_security_sensitive_is_in_no_log() {
        let recipe = Recipe::new("accesses")
            .with("count", 1)
            .with_unit("f64.load(local); f64.copysign(prev, local) -> store".parse().unwrap());
        let case = Case::of_recipe(&recipe).unwrap();
        let backend: Backend = "x86_64".parse().unwrap();
        let budget = Budget::new(10, 1 << 30);
        let outcome = faulted();
        let (judged, _) = Court::judge(&case, &backend, &budget, &outcome, None);
        let [judged] = &judged[..] else { panic!("{judged:?}") };
        let (subject, outcome_of_it) = (case.subject.clone(), outcome.clone());
        let finding = Finding::of(judged, subject, backend.clone(), budget, outcome_of_it, (3, 3));
        let ended = Event::JobEnded {
            line: "accesses".to_owned(),
            at: None,
            subject: case.subject.clone(),
            backend: backend.clone(),
            budget,
            outcome: Box::new(outcome),
            violations: vec![judged.signature.to_string()],
            inconclusive: Vec::new(),
        };
        assert!(!ended.is_kept());
        let shown = ended.clone().unnamed().without_secrets();
        assert!(!serde_json::to_string(&shown).unwrap().contains("copysign"));
        // What is no secret itself brings nothing with it that is one.
        let mut plain = finding.clone();
        plain.violation.severity = crate::oracles::Severity::Bug;
        plain.violation.summary.clear();
        plain.violation.key.clear();
        let told = Event::Found { finding: Box::new(plain) }.without_secrets();
        assert!(!serde_json::to_string(&told).unwrap().contains("65528"));
        let warned = judged.unconfirmed(&case, &backend, 2, 3);
        for event in [Event::Found { finding: Box::new(finding) }.without_secrets(), warned] {
            let text = serde_json::to_string(&event).unwrap();
            assert!(!text.contains("copysign") && !text.contains("65528"), "{text}");
        }
    }
}

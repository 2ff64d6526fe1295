//! Everything that happens in a run, as data.

use super::{Case, Finding, Subject};
use crate::engines::Backend;
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::recipe::Proximity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The machine that a run was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and architecture.
    pub system: String,
    /// Processors that may be used.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

/// A cell that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// Name of the line: shape, limit, unit.
    pub line: String,
    /// Where it would have stood.
    pub at: Proximity,
    /// On which backend; `None` for all of them.
    pub backend: Option<Backend>,
    /// Why.
    pub reason: String,
}

/// What is said in public of a security-sensitive finding.
pub(super) const KEPT_APART: &str =
    "security-sensitive; its report is in a folder that only you can read";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The run began; also written again when it is resumed.
    RunStarted {
        /// Version of brink.
        brink: String,
        /// The engine.
        engine: String,
        /// The command's arguments.
        arguments: Vec<String>,
        /// The seed.
        seed: u64,
        /// The machine.
        machine: Machine,
        /// The backends, in order.
        backends: Vec<Backend>,
    },
    /// Jobs were handed to a seat. Not kept.
    JobsStarted {
        /// Name of the line.
        line: String,
        /// Where it stands.
        at: Option<Proximity>,
        /// How many.
        count: usize,
        /// Jobs planned so far, ended ones included.
        planned: u64,
    },
    /// A job ended.
    JobEnded {
        /// Name of the line.
        line: String,
        /// Where it stands.
        at: Option<Proximity>,
        /// The subject.
        subject: Subject,
        /// What compiled it.
        backend: Backend,
        /// Its limits.
        budget: Budget,
        /// What came of it.
        outcome: Box<Outcome>,
        /// Signatures of the violations that the oracles saw.
        violations: Vec<String>,
        /// What the oracles could not tell.
        inconclusive: Vec<String>,
    },
    /// A finding was made and confirmed.
    Found {
        /// The finding.
        finding: Box<Finding>,
    },
    /// A cell was left out.
    Skipped {
        /// Which and why.
        skip: Skip,
    },
    /// Another rung or line has led to the very same module; what came of it stands there.
    Shared {
        /// Name of the line.
        line: String,
        /// Where it stands.
        at: Proximity,
        /// What was run.
        subject: Subject,
        /// On which backend.
        backend: Backend,
    },
    /// A round of a campaign began, or goes on.
    RoundStarted {
        /// Its number, from 0.
        round: u64,
        /// What is done in it.
        step: String,
        /// The time for it, in seconds, where that is limited.
        time_s: Option<u64>,
    },
    /// A round of a campaign was brought to its end.
    RoundEnded {
        /// Its number.
        round: u64,
        /// What was done in it.
        step: String,
        /// Jobs that ended in it.
        jobs: u64,
        /// How many cases of each violation there were, by its signature.
        cases: BTreeMap<String, u64>,
        /// The recipes that it was about, by their ids.
        recipes: Vec<String>,
    },
    /// Something about the run itself that a person should know.
    Warned {
        /// One sentence.
        message: String,
    },
    /// The run ended.
    RunEnded {
        /// Whether it ran to its end, rather than being stopped.
        complete: bool,
        /// Wall time of this part of the run, in milliseconds.
        wall_ms: u64,
        /// CPU time of all jobs, in milliseconds.
        jobs_cpu_ms: u64,
        /// CPU time of all child processes, in milliseconds.
        children_cpu_ms: u64,
        /// Seats.
        seats: usize,
    },
}

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
            | Event::Warned { .. }
            | Event::RunEnded { .. } => true,
        }
    }

    /// Whether the log of a campaign's round keeps it: what is needed to go on with the round.
    pub fn is_of_round(&self) -> bool {
        self.is_kept() && !self.is_lasting()
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
            Event::JobEnded { .. }
            | Event::Found { .. }
            | Event::RunStarted { .. }
            | Event::JobsStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RoundStarted { .. }
            | Event::RoundEnded { .. }
            | Event::Warned { .. }
            | Event::RunEnded { .. } => {}
        }
        self
    }

    /// The end of a job that is not judged by itself.
    pub(super) fn unjudged(
        line: String,
        case: &Case,
        backend: &Backend,
        budget: Budget,
        outcome: Outcome,
    ) -> Event {
        Event::JobEnded {
            line,
            at: None,
            subject: case.subject.clone(),
            backend: backend.clone(),
            budget,
            outcome: Box::new(outcome),
            violations: Vec::new(),
            inconclusive: Vec::new(),
        }
    }

    /// The end of a run.
    pub fn ended(complete: bool, stats: &crate::sandbox::PoolStats, seats: usize) -> Event {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Event::RunEnded {
            complete,
            wall_ms: ms(stats.wall),
            jobs_cpu_ms: stats.jobs_cpu_us / 1_000,
            children_cpu_ms: stats.children_cpu_us / 1_000,
            seats,
        }
    }
}

/// An event as the log keeps it: with the time that the run had taken by then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stamped {
    /// Wall time of the run so far, all of its parts together, in milliseconds.
    #[serde(default)]
    pub ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Who is told of events; called from all seats.
pub trait Observer: Sync {
    /// Something happened.
    fn observe(&self, event: Event);
}

/// Is told and tells nobody: for runs that a command makes on the side.
pub(super) struct Silent;

impl Observer for Silent {
    fn observe(&self, _: Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Case, Court};
    use crate::outcome::{EdgeCheck, EdgeKind, EdgeMismatch, Termination};
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
        let finding = Finding {
            signature: judged.signature.clone(),
            violation: judged.violation.clone(),
            subject: case.subject.clone(),
            backend: backend.clone(),
            peers: Vec::new(),
            budget,
            outcome: outcome.clone(),
            seen: (3, 3),
            growth: None,
        };
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
        let warned = judged.unconfirmed(&case, &backend, 2, 3);
        for event in [Event::Found { finding: Box::new(finding) }.without_secrets(), warned] {
            let text = serde_json::to_string(&event).unwrap();
            assert!(!text.contains("copysign") && !text.contains("65528"), "{text}");
        }
    }
}

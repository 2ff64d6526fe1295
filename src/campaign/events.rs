//! Everything that happens in a run, as data.

mod keeping;

use super::{Case, Finding, Judged, Subject};
use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles::Inconclusive;
use crate::outcome::Outcome;
use crate::recipe::Proximity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use self::keeping::KEPT_APART;

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

/// What has expectations that something differs from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expecting {
    /// A case of the regression corpus.
    #[default]
    Regression,
    /// A limit test.
    LimitTest,
}

/// What came out other than expected, every time that it was run, and no oracle has a word for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What it is of.
    #[serde(default)]
    pub of: Expecting,
    /// The case or test, by its name.
    pub case: String,
    /// On what.
    pub backend: Backend,
    /// What was expected.
    pub expected: String,
    /// What was seen, in words that tell nobody what is security-sensitive.
    pub seen: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference { of, case, backend, expected, seen } = self;
        let of = match of {
            Expecting::Regression => "regression",
            Expecting::LimitTest => "limit test",
        };
        write!(f, "{of} {case} on {backend}: expected {expected}, but {seen}")
    }
}

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
    /// A case of the regression corpus, or a limit test, differs.
    Differed {
        /// Which, and how.
        difference: Difference,
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
    /// The end of a job outside a plan of proximities, and what the oracles said of it.
    pub(super) fn judged(
        line: String,
        case: &Case,
        backend: &Backend,
        budget: Budget,
        outcome: Outcome,
        judged: &[Judged],
        inconclusive: &[Inconclusive],
    ) -> Event {
        Event::JobEnded {
            line,
            at: None,
            subject: case.subject.clone(),
            backend: backend.clone(),
            budget,
            outcome: Box::new(outcome),
            violations: judged.iter().map(|judged| judged.signature.to_string()).collect(),
            inconclusive: inconclusive.iter().map(ToString::to_string).collect(),
        }
    }

    /// The end of a job that is not judged by itself.
    pub(super) fn unjudged(
        line: String,
        case: &Case,
        backend: &Backend,
        budget: Budget,
        outcome: Outcome,
    ) -> Event {
        Event::judged(line, case, backend, budget, outcome, &[], &[])
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

//! How a child ended: the whole space of endings, those that prove nothing included.

use super::EngineVerdict;
use serde::{Deserialize, Serialize};

/// Which clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// CPU time of the job.
    Cpu,
    /// Time on the wall.
    Wall,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Termination {
    /// It reported what the engine said.
    Completed {
        /// What the engine said.
        verdict: EngineVerdict,
    },
    /// It ran over its time.
    TimedOut {
        /// Which clock ran out.
        clock: Clock,
    },
    /// It asked for more memory than its budget.
    OutOfMemory {
        /// The request that was one too many, in bytes; 0 where it is not known.
        requested_bytes: u64,
    },
    /// A Rust panic.
    Panicked {
        /// `file:line:column`.
        location: String,
        /// The message.
        message: String,
        /// Function names, innermost first.
        frames: Vec<String>,
    },
    /// The compile thread ran over its stack.
    StackOverflow {
        /// Function names, innermost first.
        frames: Vec<String>,
    },
    /// Killed by a signal that is a fault of its own.
    Signaled {
        /// Signal number.
        signal: i32,
        /// Function names, innermost first; empty where the signal left none.
        frames: Vec<String>,
    },
    /// It wrote more than its budget.
    OutputLimit,
    /// Killed by a SIGKILL that nobody here sent: the machine's memory killer, or a person.
    Ambiguous,
    /// The machinery failed: never a finding.
    Infrastructure {
        /// What failed.
        message: String,
    },
}

impl Termination {
    /// Short name for tables and signatures.
    pub fn name(&self) -> &'static str {
        match self {
            Termination::Completed { verdict } => verdict.name(),
            Termination::TimedOut { .. } => "timeout",
            Termination::OutOfMemory { .. } => "out-of-memory",
            Termination::Panicked { .. } => "panic",
            Termination::StackOverflow { .. } => "stack-overflow",
            Termination::Signaled { .. } => "signal",
            Termination::OutputLimit => "output-limit",
            Termination::Ambiguous => "ambiguous",
            Termination::Infrastructure { .. } => "infrastructure",
        }
    }
}

//! What came of a job: how the child ended, where it was, what it measured, what the engine said.
//!
//! The whole space of endings is modelled. Failure of the machinery around an engine
//! ([`Termination::Infrastructure`]) and endings that prove nothing ([`Termination::Ambiguous`])
//! are told apart from findings here, so that no oracle has to guess.

mod edge;
mod execution;
mod machine;
mod shortage;
mod termination;
mod verdict;

pub use self::edge::{EdgeCheck, EdgeKind, EdgeMismatch};
pub use self::execution::{ExecutionCheck, WrongCall, WrongKind};
pub use self::machine::{MachineCheck, Mismatch, MismatchKind};
pub use self::shortage::{ShortageCheck, ShortageFault, Stage};
pub use self::termination::{Clock, Termination};
pub use self::verdict::{
    Artifact, EngineVerdict, MESSAGE_BYTES_MAX, Refusal, RefusalKind, Validation, shorten,
};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where in its work a job is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing of the job has begun.
    Start,
    /// Reading the module and configuring the engine.
    Load,
    /// The engine's validator.
    Validate,
    /// The compiler, translation included, up to and with the serialised artifact.
    Compile,
    /// Running what was compiled, at the end of memory and beside an interpreter.
    Run,
    /// Instantiating what was compiled and calling it, as an embedder does.
    Execute,
    /// A second compilation, to compare.
    Repeat,
    /// Everything is done.
    Done,
}

impl Phase {
    /// Every phase in order.
    pub const ALL: [Phase; 8] = [
        Phase::Start,
        Phase::Load,
        Phase::Validate,
        Phase::Compile,
        Phase::Run,
        Phase::Execute,
        Phase::Repeat,
        Phase::Done,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Start => "start",
            Phase::Load => "load",
            Phase::Validate => "validate",
            Phase::Compile => "compile",
            Phase::Run => "run",
            Phase::Execute => "execute",
            Phase::Repeat => "repeat",
            Phase::Done => "done",
        })
    }
}

/// What was measured, in long form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurements {
    /// Size of the module, in bytes.
    pub module_bytes: u64,
    /// CPU time of the job's thread, in microseconds.
    pub cpu_us: u64,
    /// Wall time of the job, in microseconds.
    pub wall_us: u64,
    /// Sum of all allocations, in bytes; repeats exactly from run to run on most modules.
    pub allocated_bytes: u64,
    /// Greatest sum of live allocations, in bytes.
    pub peak_live_bytes: u64,
    /// Greatest resident memory of the process (`VmHWM`), in bytes; in a batch of small jobs, that
    /// of the batch so far.
    pub peak_resident_bytes: u64,
    /// Wall time by phase, in microseconds.
    pub phases_us: Vec<(Phase, u64)>,
    /// Time of Cranelift's passes without the passes within them, in microseconds, greatest first.
    pub passes_us: Vec<(String, u64)>,
    /// What Cranelift's passes allocated without the passes within them, in bytes, greatest first;
    /// as repeatable as [`Measurements::allocated_bytes`].
    #[serde(default)]
    pub passes_bytes: Vec<(String, u64)>,
    /// The pass that was running when the job ended, where one was.
    pub last_pass: Option<String>,
}

impl Measurements {
    /// The pass that took the longest, where passes were timed.
    pub fn dominant_pass(&self) -> Option<&str> {
        self.passes_us.first().map(|(pass, _)| pass.as_str())
    }
}

/// All that is known of one job's run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The job's number.
    pub job: u64,
    /// Where it was when it ended.
    pub phase: Phase,
    /// How it ended.
    pub termination: Termination,
    /// What the engine's validator said, apart from its compiler.
    pub validation: Validation,
    /// What was measured.
    pub measurements: Measurements,
    /// The end of what the child wrote to its standard error.
    pub stderr_tail: String,
    /// What a look at the machine code brought, where one was taken.
    #[serde(default)]
    pub machine: Option<MachineCheck>,
    /// What running it at the end of memory brought, where that was asked for.
    #[serde(default)]
    pub edge: Option<EdgeCheck>,
    /// What instantiating and calling it brought, where that was asked for.
    #[serde(default)]
    pub execution: Option<ExecutionCheck>,
    /// What failing allocations brought, where that was asked for.
    #[serde(default)]
    pub shortage: Option<ShortageCheck>,
}

impl Outcome {
    /// Whether it says anything of the engine, rather than of the machine.
    pub fn says_something(&self) -> bool {
        !matches!(
            self.termination,
            Termination::Infrastructure { .. }
                | Termination::Ambiguous
                | Termination::TimedOut { clock: Clock::Wall }
        )
    }

    /// Whether the process was killed by a fault in what was compiled, or in its runtime on its behalf.
    /// Not where memory was refused on purpose, which is a matter of its own.
    pub fn faults_in_execution(&self) -> bool {
        self.phase == Phase::Execute
            && self.shortage.is_none()
            && matches!(
                self.termination,
                Termination::Signaled { .. } | Termination::StackOverflow { .. }
            )
    }

    /// Whether it shows machine code that accesses what it should not.
    pub fn is_sensitive(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.mismatch_count > 0)
            || self.edge.as_ref().is_some_and(|edge| edge.mismatch_count > 0)
            || self.execution.as_ref().is_some_and(|execution| !execution.wrong.is_empty())
            || self.faults_in_execution()
    }

    /// Takes out what is security-sensitive: what was found, and the words and the place in which
    /// an engine tells of it.
    pub fn hide(&mut self) {
        self.machine = None;
        self.edge = None;
        self.execution = None;
        self.stderr_tail.clear();
        if let Termination::Signaled { frames, .. } | Termination::StackOverflow { frames } =
            &mut self.termination
        {
            frames.clear();
        }
    }

    /// The outcome of a job that never ran.
    pub fn infrastructure(job: u64, message: String) -> Outcome {
        Outcome {
            job,
            phase: Phase::Start,
            termination: Termination::Infrastructure { message },
            validation: Validation::NotRun,
            measurements: Measurements::default(),
            stderr_tail: String::new(),
            machine: None,
            edge: None,
            execution: None,
            shortage: None,
        }
    }
}

//! What came of failing allocations.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What rounds with a failing allocation each brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortageCheck {
    /// Rounds in which an allocation failed.
    pub rounds: u64,
    /// Whether the last round went through without reaching the allocation that was to fail.
    pub complete: bool,
    /// Rounds that ended with the error that is promised.
    pub errors: u64,
    /// Rounds that went well although an allocation failed: the engine did without it.
    pub survived: u64,
    /// Allocations that were granted, since the function that makes them is known to abort.
    pub granted: u64,
    /// What went wrong; the first few.
    pub faults: Vec<ShortageFault>,
    /// Why nothing was run, if so.
    pub failure: Option<String>,
}

/// Where a round was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Making an engine that has no compiler.
    Engine,
    /// Making a store.
    Store,
    /// Loading the module, which registers its types.
    Module,
    /// Making types of functions.
    Types,
    /// Making host functions of such types in a store.
    Functions,
    /// Making a linker and defining host functions in it.
    Linker,
    /// Instantiating.
    Instance,
    /// Calling.
    Call,
    /// Using the engine once the failure is over.
    Afterwards,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Stage; 9] = [
        Stage::Engine,
        Stage::Store,
        Stage::Module,
        Stage::Types,
        Stage::Functions,
        Stage::Linker,
        Stage::Instance,
        Stage::Call,
        Stage::Afterwards,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Engine => "engine",
            Stage::Store => "store",
            Stage::Module => "module",
            Stage::Types => "types",
            Stage::Functions => "functions",
            Stage::Linker => "linker",
            Stage::Instance => "instance",
            Stage::Call => "call",
            Stage::Afterwards => "afterwards",
        })
    }
}

/// A round that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortageFault {
    /// Which allocation failed.
    pub allocation: u64,
    /// Where.
    pub stage: Stage,
    /// What happened.
    pub what: String,
    /// The function of the engine that aborted, where that is what happened.
    pub aborted_in: Option<String>,
}

impl fmt::Display for ShortageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShortageFault { allocation, stage, what, .. } = self;
        write!(f, "with allocation {allocation} failing, stage {stage}: {what}")
    }
}

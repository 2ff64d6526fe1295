//! Failing allocations: which of them, while what was compiled is loaded, linked and called.

use serde::{Deserialize, Serialize};

/// Which allocations to fail, one in each round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The first, counted from 1.
    pub first: u64,
    /// Up to this one each is failed; of those behind it, as many again, evenly spread.
    pub each: u64,
    /// Functions of the engine whose own allocations are granted: they are known to abort.
    pub granted: Vec<String>,
    /// A fault that is committed on purpose, to prove that it is seen.
    pub planted: Option<PlantedShortage>,
}

/// Faults of an engine that is short of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlantedShortage {
    /// It aborts.
    Abort,
    /// It fails with an error that is not of memory.
    OtherError,
    /// It cannot be used afterwards.
    BrokenAfterwards,
    /// It fails with an error that is not of memory, and aborts in the round after that.
    OtherErrorThenAbort,
}

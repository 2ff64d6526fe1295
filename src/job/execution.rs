//! Runs of what was compiled: instantiated by an allocator, and called.

use crate::promises::Promise;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What to do with a module once it is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Where its memories, tables and heaps come from.
    pub allocator: Allocator,
    /// What to call, and what must come of it.
    pub promises: Vec<Promise>,
}

/// Stack of the code that is run, in bytes: Wasmtime's default.
const STACK_BYTES_MAX: u64 = 512 << 10;

impl Execution {
    /// Stack of the code that is run on a thread with so much of it, in bytes.
    pub fn stack_bytes(of_thread: u64) -> u64 {
        STACK_BYTES_MAX.min(of_thread / 2)
    }
}

/// Where an instance's memories, tables and heaps come from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Allocator {
    /// Each from the system, when it is needed.
    #[default]
    OnDemand,
    /// From slots that are set aside beforehand.
    Pooling,
}

impl Allocator {
    /// Whether it is what jobs have unless told otherwise.
    pub fn is_default(&self) -> bool {
        *self == Allocator::default()
    }

    /// Every allocator.
    pub const ALL: [Allocator; 2] = [Allocator::OnDemand, Allocator::Pooling];
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Allocator::OnDemand => "on-demand",
            Allocator::Pooling => "pooling",
        })
    }
}

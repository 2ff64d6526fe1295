//! A job: a module, a backend and a budget.

mod edge;
mod execution;
mod shortage;

pub use self::edge::{Argument, EDGE_BASE, EdgeCall, EdgeFunction, EdgeRun, Expected};
pub use self::execution::{Allocator, Execution};
pub use self::shortage::{PlantedShortage, Shortage};

use crate::engines::Backend;
use crate::proposals::Proposal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Modules up to this many bytes travel inside the job; larger ones as a file that the worker maps.
pub const INLINE_BYTES_MAX: u64 = 64 * 1024;

/// Where the module of a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleSource {
    /// Here.
    Inline(#[serde(with = "bytes")] Vec<u8>),
    /// In a file, which must stay until the job has ended.
    File(PathBuf),
    /// Nowhere: a fault that the worker commits on purpose, to prove that it is seen.
    Planted(Planted),
}

/// Faults for the self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Planted {
    /// Completes as a job should.
    Nothing,
    /// Panics.
    Panic,
    /// Calls `abort`.
    Abort,
    /// Reads through a wild pointer.
    Fault,
    /// Computes for ever.
    Loop,
    /// Waits for ever without computing.
    Sleep,
    /// Allocates for ever, in pieces.
    Allocate,
    /// Asks for more address space than there is.
    AllocateAtOnce,
    /// Maps memory behind the allocator's back.
    MapMemory,
    /// Recurses for ever.
    StackOverflow,
    /// Writes to standard error for ever.
    Write,
    /// Ignores every signal that can be ignored, starts a child of its own, and computes.
    IgnoreSignals,
    /// Exits with code 0 and no word.
    ExitSilently,
    /// Sends bytes that are no message.
    BadFrame,
    /// Is killed by SIGKILL from nobody here.
    KilledFromOutside,
    /// Completes at a cost that is known beforehand, in CPU time, allocations and code: no fault,
    /// but what tells whether costs are measured as they are.
    Cost {
        /// How the cost grows.
        curve: Curve,
        /// The size that it grows with.
        size: u64,
    },
}

/// How a planted cost grows with a size N.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Curve {
    /// As N.
    Linear,
    /// As N log N.
    LinearLog,
    /// As N^1.5.
    Power15,
    /// As N^2.
    Square,
    /// As N^3.
    Cube,
    /// As 2^N.
    Exponential,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Curve; 6] = [
        Curve::Linear,
        Curve::LinearLog,
        Curve::Power15,
        Curve::Square,
        Curve::Cube,
        Curve::Exponential,
    ];

    /// The cost at a size, in steps of planted work.
    pub fn steps(self, size: u64) -> u64 {
        match self {
            Curve::Linear => size,
            Curve::LinearLog => {
                // In sixteenths of a doubling, so that it grows smoothly between powers of two.
                let whole = u64::from(size.max(1).ilog2());
                let part = ((size.max(1) << 4) >> whole) & 0xf;
                size.saturating_mul((whole << 4) + part) >> 4
            }
            Curve::Power15 => size.saturating_mul(size.isqrt()),
            Curve::Square => size.saturating_mul(size),
            Curve::Cube => size.saturating_mul(size).saturating_mul(size),
            Curve::Exponential => {
                1_u64.checked_shl(u32::try_from(size).unwrap_or(u32::MAX)).unwrap_or(u64::MAX)
            }
        }
    }
}

/// The limits of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// CPU time, in seconds.
    pub cpu_s: u64,
    /// Wall time, in seconds: larger than the CPU time, so that a busy machine makes no finding.
    pub wall_s: u64,
    /// Live allocations, in bytes.
    pub memory_bytes: u64,
    /// Bytes written to standard error.
    pub output_bytes: u64,
}

impl Budget {
    /// A budget of CPU time and memory, with wall time and output to go with them.
    pub const fn new(cpu_s: u64, memory_bytes: u64) -> Budget {
        Budget {
            cpu_s,
            wall_s: cpu_s.saturating_mul(3).saturating_add(5),
            memory_bytes,
            output_bytes: 1 << 20,
        }
    }
}

/// One compilation to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Number, unique within a run.
    pub id: u64,
    /// The module.
    pub module: ModuleSource,
    /// Proposals that the module needs and that an engine has off by default.
    pub proposals: BTreeSet<Proposal>,
    /// What compiles it.
    pub backend: Backend,
    /// Its limits.
    pub budget: Budget,
    /// The file that the artifact is written to, if it is wanted; it must exist.
    pub artifact: Option<PathBuf>,
    /// Whether to compile twice and compare, where the first compilation is quick.
    pub repeat: bool,
    /// What to call at the end of memory once it is compiled.
    pub edge: Option<EdgeRun>,
    /// How to run it once it is compiled.
    pub execution: Option<Execution>,
    /// Which allocations to fail while it is run.
    pub shortage: Option<Shortage>,
}

/// Byte strings as one piece rather than a list of numbers.
mod bytes {
    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut out = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    out.push(byte);
                }
                Ok(out)
            }
        }
        d.deserialize_byte_buf(Bytes)
    }
}

//! What came of running code at the end of memory.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What running a module's functions at the end of memory brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCheck {
    /// Functions that were called.
    pub functions: u64,
    /// Calls of them.
    pub calls: u64,
    /// Whether every call was compared with that of an interpreter.
    pub compared: bool,
    /// What is not as it must be; the first few.
    pub mismatches: Vec<EdgeMismatch>,
    /// How many there are.
    pub mismatch_count: u64,
    /// Why nothing was run, if so.
    pub failure: Option<String>,
}

/// How many mismatches are kept.
const KEPT: usize = 256;

/// In which way a call went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// All that it accesses is in memory, and yet it trapped.
    Trapped,
    /// It accesses what is not in memory, and did not trap.
    NotTrapped,
    /// It ended otherwise than the same call in an interpreter.
    OtherEnd,
    /// It left other bytes in memory, or gave other values away, than in an interpreter.
    OtherBytes,
    /// It reached what is neither memory nor guarded: a fault of the process.
    Faulted,
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EdgeKind::Trapped => "trapped",
            EdgeKind::NotTrapped => "not-trapped",
            EdgeKind::OtherEnd => "other-end",
            EdgeKind::OtherBytes => "other-bytes",
            EdgeKind::Faulted => "faulted",
        })
    }
}

/// A call that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeMismatch {
    /// In which way.
    pub kind: EdgeKind,
    /// The Wasm operator that the function is about.
    pub operator: String,
    /// The place of the function among those that were called.
    pub function: u32,
    /// The address that it was given.
    pub address: u64,
    /// Size of the memory, in bytes.
    pub memory_bytes: u64,
    /// What happened, in the engine's words, where it has some.
    pub what: String,
}

impl EdgeMismatch {
    /// What the bug is called: the operator whose code is wrong, whatever fed it and however its
    /// addresses are made.
    pub fn key(&self) -> String {
        format!("{} {}", self.kind, self.operator)
    }
}

impl fmt::Display for EdgeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EdgeMismatch { kind, operator, address, memory_bytes, what, .. } = self;
        write!(
            f,
            "{operator}, called with address {address} and {memory_bytes} bytes of memory, "
        )?;
        match kind {
            EdgeKind::Trapped => write!(f, "trapped although all it accesses is there: {what}"),
            EdgeKind::NotTrapped => {
                f.write_str("did not trap although it accesses what lies past the end")
            }
            EdgeKind::OtherEnd => write!(f, "ended otherwise than when interpreted: {what}"),
            EdgeKind::OtherBytes => write!(f, "did otherwise than when interpreted: {what}"),
            EdgeKind::Faulted => f.write_str("made the process fault"),
        }
    }
}

impl EdgeCheck {
    /// A run that could not be made.
    pub fn failed(reason: String) -> EdgeCheck {
        EdgeCheck { failure: Some(reason), ..EdgeCheck::default() }
    }

    /// Adds a mismatch.
    pub fn mismatch(&mut self, mismatch: EdgeMismatch) {
        self.mismatch_count += 1;
        if self.mismatches.len() < KEPT {
            self.mismatches.push(mismatch);
        }
    }
}

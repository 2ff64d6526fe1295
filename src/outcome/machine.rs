//! What machine code does with linear memory, held against what the module asked for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a look at the machine code of an artifact brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineCheck {
    /// Machine code that was looked at, in bytes.
    pub code_bytes: u64,
    /// Functions that were looked at.
    pub functions: u64,
    /// Machine instructions that access linear memory.
    pub accesses: u64,
    /// What is not as the module asked for; the first few of each kind and operator.
    pub mismatches: Vec<Mismatch>,
    /// How many there are.
    pub mismatch_count: u64,
    /// What could not be told, each a sentence; the first few of them.
    pub unsure: Vec<String>,
    /// How many there are.
    pub unsure_count: u64,
    /// Why nothing can be said of the code, if so.
    pub failure: Option<String>,
}

/// How many doubts are kept, and mismatches of one kind and operator.
const KEPT: usize = 16;

/// How many mismatches are kept in all.
const KEPT_MAX: usize = 4_096;

/// In which way an access is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MismatchKind {
    /// More bytes than the Wasm access: past its end.
    Wider,
    /// Fewer bytes than the Wasm access: a trap may go missing.
    Narrower,
    /// The Wasm access has no machine access.
    Missing,
    /// The machine access has no Wasm access.
    Surplus,
    /// Reaches linear memory without saying that it may trap there.
    Unmarked,
    /// A bit of memory that an index in a register picks: any byte, near or far.
    BitIndex,
}

impl fmt::Display for MismatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MismatchKind::Wider => "wider",
            MismatchKind::Narrower => "narrower",
            MismatchKind::Missing => "missing",
            MismatchKind::Surplus => "surplus",
            MismatchKind::Unmarked => "unmarked",
            MismatchKind::BitIndex => "bit-index",
        })
    }
}

/// One machine access that is not what the module asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// In which way.
    pub kind: MismatchKind,
    /// The Wasm operator that the instruction is for, by its name.
    pub operator: String,
    /// The Wasm accesses that it may stand for, by their names.
    pub accesses: Vec<String>,
    /// Their width, in bytes; 0 where there is none.
    pub expected_bytes: u32,
    /// Width of the machine access, in bytes; 0 where there is none.
    pub actual_bytes: u32,
    /// The instruction, disassembled; empty where there is none.
    pub instruction: String,
    /// Its offset in the code.
    pub code_offset: u32,
    /// Index of the function in the module.
    pub function: u32,
    /// Offset of the operator in the module.
    pub position: Option<u32>,
}

impl Mismatch {
    /// What the bug is called: the operator whose code is wrong, whatever fed it and however its
    /// addresses are made.
    pub fn key(&self) -> String {
        format!("{} {}", self.kind, self.operator)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { kind, operator, expected_bytes, actual_bytes, instruction, .. } = self;
        let accesses = self.accesses.join(" or ");
        match kind {
            MismatchKind::Wider | MismatchKind::Narrower => write!(
                f,
                "`{instruction}` accesses {actual_bytes} bytes for {operator} of {accesses}, which \
                 accesses {expected_bytes}"
            ),
            MismatchKind::Missing => {
                write!(f, "nothing in the code accesses the {expected_bytes} bytes of {operator}")
            }
            MismatchKind::Surplus => write!(
                f,
                "`{instruction}` accesses {actual_bytes} bytes for {operator}, which asked for no \
                 such access"
            ),
            MismatchKind::Unmarked => write!(
                f,
                "`{instruction}` accesses {actual_bytes} bytes of linear memory for {operator} and \
                 does not say that it may trap"
            ),
            MismatchKind::BitIndex => write!(
                f,
                "`{instruction}` picks a bit of memory by an index in a register, for {operator}"
            ),
        }
    }
}

impl MachineCheck {
    /// A check that could not be made.
    pub fn failed(reason: String) -> MachineCheck {
        MachineCheck { failure: Some(reason), ..MachineCheck::default() }
    }

    /// Adds a mismatch.
    pub fn mismatch(&mut self, mismatch: Mismatch) {
        self.mismatch_count += 1;
        let same =
            |other: &&Mismatch| other.kind == mismatch.kind && other.operator == mismatch.operator;
        // None hides another.
        if self.mismatches.iter().filter(same).count() < KEPT && self.mismatches.len() < KEPT_MAX {
            self.mismatches.push(mismatch);
        }
    }

    /// Adds a doubt.
    pub fn doubt(&mut self, sentence: String) {
        self.unsure_count += 1;
        if self.unsure.len() < KEPT {
            self.unsure.push(sentence);
        }
    }
}

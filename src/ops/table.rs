//! The vocabulary of the operator table: what one row can say.
//!
//! A row is data, not code: types, immediates and a little framing are enough to type-check, to
//! encode and to describe every WebAssembly operator, so that adding an operator means adding a
//! line. The names are those of the core specification (<https://webassembly.github.io/spec/core/>)
//! and of `wasmparser`.

use std::hash::{Hash, Hasher};

pub use crate::ops::kinds::Type;
pub use crate::ops::parts::{Callee, Declared, Frame, Immediate, Piece, Tag};
pub use crate::proposals::Proposal;

/// How an operator touches linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessKind {
    /// Reads [`Access::bytes`] bytes.
    Load,
    /// Writes [`Access::bytes`] bytes.
    Store,
    /// Reads and writes the same bytes atomically.
    ReadModifyWrite,
    /// `memory.atomic.wait*`: reads atomically, then waits.
    Wait,
    /// `memory.atomic.notify`: checks the address, reads nothing.
    Notify,
    /// `memory.copy`, `memory.fill`, `memory.init`: a run whose length is an operand.
    Bulk,
}

/// One access to linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// What is done.
    pub kind: AccessKind,
    /// Width in bytes of the access in memory, not of the value: 1 for `v128.load8_splat`. For
    /// [`AccessKind::Bulk`] the granule, 1.
    pub bytes: u8,
}

/// How the operator is spelt in the binary format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Opcode {
    /// One byte.
    Byte(u8),
    /// A prefix byte (0xFB to 0xFE), then an unsigned LEB128 number.
    Prefixed(u8, u32),
}

/// One row of the operator table: a WebAssembly operator as one concrete, well-typed instantiation
/// over what the prelude declares.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// The name in the text format, such as `i32.add`; unique.
    pub name: &'static str,
    /// The variant of `wasmparser::Operator`, such as `I32Add`; unique.
    pub ident: &'static str,
    /// The proposal that introduced it.
    pub proposal: Proposal,
    /// The binary spelling; unique.
    pub opcode: Opcode,
    /// What follows the opcode.
    pub immediates: &'static [Immediate],
    /// Operand types, bottom of the stack first. They are those of the framed operator.
    pub params: &'static [Type],
    /// Result types, top of the stack last. They are those of the framed operator.
    pub results: &'static [Type],
    /// The access to linear memory, if it makes one.
    pub access: Option<Access>,
    /// Whether running it can trap. A call counts only when the call itself can; leaving by an
    /// exception is not a trap.
    pub can_trap: bool,
    /// What stands around it.
    pub frame: Frame,
}

impl Operator {
    /// A plain row: no immediates, no memory access, no trap, no frame.
    pub(crate) const fn new(
        proposal: Proposal,
        (name, ident): (&'static str, &'static str),
        opcode: Opcode,
        params: &'static [Type],
        results: &'static [Type],
    ) -> Operator {
        Operator {
            name,
            ident,
            proposal,
            opcode,
            immediates: &[],
            params,
            results,
            access: None,
            can_trap: false,
            frame: Frame::NONE,
        }
    }

    /// The row with these immediates.
    pub(crate) const fn with(mut self, immediates: &'static [Immediate]) -> Operator {
        self.immediates = immediates;
        self
    }

    /// The row, which can trap.
    pub(crate) const fn traps(mut self) -> Operator {
        self.can_trap = true;
        self
    }

    /// The row with a memory access, which can always trap.
    pub(crate) const fn touches(mut self, kind: AccessKind, bytes: u8) -> Operator {
        self.access = Some(Access { kind, bytes });
        self.traps()
    }

    /// The row with code around it.
    pub(crate) const fn framed(
        mut self,
        before: &'static [Piece],
        after: &'static [Piece],
    ) -> Operator {
        self.frame = Frame { before, after };
        self
    }

    /// The type of the last result, the one that `prev` passes on.
    pub fn last_result(&self) -> Option<Type> {
        self.results.last().copied()
    }

    /// The type that a one-step link of this operator carries: that of operand 0 when it equals the
    /// last result's.
    pub fn link_type(&self) -> Option<Type> {
        self.params.first().copied().filter(|param| self.last_result() == Some(*param))
    }

    /// The type that a one-step join of this operator carries: a link type that operand 1 has as
    /// well.
    pub fn join_type(&self) -> Option<Type> {
        self.link_type().filter(|carried| self.params.get(1) == Some(carried))
    }
}

/// Rows are identified by their `wasmparser` name, which is unique in the table.
impl PartialEq for Operator {
    fn eq(&self, other: &Operator) -> bool {
        self.ident == other.ident
    }
}

impl Eq for Operator {}

impl Hash for Operator {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ident.hash(state);
    }
}

/// An operator of `wasmparser` that has no row, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excuse {
    /// The variant of `wasmparser::Operator`.
    pub ident: &'static str,
    /// The reason, a fragment fit for "has no row: ...".
    pub reason: &'static str,
}

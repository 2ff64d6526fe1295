//! Tail calls and typed function references.

use crate::ops::mvp::{END, LEAVES, XOR};
use crate::ops::table::Piece::{BlockResult, Const, Raw};
use crate::ops::table::Type::{self, Func, FuncRef, I32, TailFunc};
use crate::ops::table::{Callee, Declared, Immediate, Opcode, Operator, Piece, Proposal};

const DROP: Piece = Raw(&[0x1a]);

const fn op(
    proposal: Proposal,
    names: (&'static str, &'static str),
    code: u8,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    Operator::new(proposal, names, Opcode::Byte(code), params, results)
}

/// A tail call: the callee has the results of the host function, none.
const fn tail(names: (&'static str, &'static str), code: u8, params: &'static [Type]) -> Operator {
    op(Proposal::TailCall, names, code, params, &[]).framed(LEAVES, &[END])
}

/// A row of the function-references proposal.
const fn typed(
    names: (&'static str, &'static str),
    code: u8,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    op(Proposal::FunctionReferences, names, code, params, results)
}

pub(super) const ROWS: &[Operator] = &[
    tail(("return_call", "ReturnCall"), 0x12, &[I32]).with(&[Immediate::Callee(Callee::Sink(I32))]),
    tail(("return_call_indirect", "ReturnCallIndirect"), 0x13, &[I32, I32])
        .with(&[Immediate::Type(Declared::Tail), Immediate::CallTable])
        .traps(),
    typed(("call_ref", "CallRef"), 0x14, &[I32, Func], &[I32])
        .with(&[Immediate::Type(Declared::Unary)])
        .traps(),
    typed(("return_call_ref", "ReturnCallRef"), 0x15, &[I32, TailFunc], &[])
        .with(&[Immediate::Type(Declared::Tail)])
        .traps()
        .framed(LEAVES, &[END]),
    typed(("ref.as_non_null", "RefAsNonNull"), 0xd4, &[Func], &[Func]).traps(),
    // The result tells whether the reference was null.
    typed(("br_on_null", "BrOnNull"), 0xd5, &[FuncRef], &[I32])
        .with(&[Immediate::Number(0)])
        .framed(&[BlockResult(I32), Const(I32)], &[DROP, Const(I32), XOR, END]),
    // Null becomes null by another way.
    typed(("br_on_non_null", "BrOnNonNull"), 0xd6, &[FuncRef], &[FuncRef])
        .with(&[Immediate::Number(0)])
        .framed(&[BlockResult(FuncRef)], &[Const(FuncRef), END]),
];

//! Exception handling, the form with `exnref`.

use crate::ops::mvp::{END, LEAVES};
use crate::ops::table::Type::{self, ExnRef, I32};
use crate::ops::table::{Callee, Declared, Immediate, Opcode, Operator, Piece, Proposal, Tag};

const fn op(
    name: &'static str,
    ident: &'static str,
    code: u8,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    Operator::new(Proposal::Exceptions, (name, ident), Opcode::Byte(code), params, results)
}

pub(super) const ROWS: &[Operator] = &[
    // The block takes the payload when the call throws, the result when it returns.
    op("try_table", "TryTable", 0x1f, &[I32], &[I32])
        .with(&[Immediate::BlockType(Declared::Unary), Immediate::Catch(Tag::Exception)])
        .framed(&[Piece::BlockResult(I32)], &[Piece::Call(Callee::Unary), END, END]),
    op("throw", "Throw", 0x08, &[I32], &[])
        .with(&[Immediate::Tag(Tag::Exception)])
        .framed(LEAVES, &[END]),
    op("throw_ref", "ThrowRef", 0x0a, &[ExnRef], &[]).traps().framed(LEAVES, &[END]),
];

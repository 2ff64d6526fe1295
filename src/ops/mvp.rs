//! WebAssembly 1.0 without its arithmetic: control, parametric, variable, memory and constant
//! operators.
//!
//! Control operators come with a frame. What follows an unconditional branch is dead code that
//! compilers skip, so such rows stand in a block that a loaded value may leave early; blocks do
//! something that an optimiser cannot fold.

use crate::ops::table::AccessKind::{Load, Store};
use crate::ops::table::Piece::{BlockResult, Const, Guard, Raw, Repeat};
use crate::ops::table::Type::{self, Addr, F32, F64, I32, I64};
use crate::ops::table::{Callee, Declared, Immediate, Opcode, Operator, Piece, Proposal};

/// The `end` of a block.
pub(super) const END: Piece = Raw(&[0x0b]);
/// The `else` of an `if`.
const ELSE: Piece = Raw(&[0x05]);
/// `i32.xor`, which tells one path from another.
pub(super) const XOR: Piece = Raw(&[0x73]);
/// Around operators that do not come back.
pub(super) const LEAVES: &[Piece] = &[Piece::Block, Guard];

const fn op(
    name: &'static str,
    ident: &'static str,
    code: u8,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    Operator::new(Proposal::Mvp, (name, ident), Opcode::Byte(code), params, results)
}

/// A load of this width in bytes.
const fn load(
    name: &'static str,
    ident: &'static str,
    code: u8,
    results: &'static [Type],
    bytes: u8,
) -> Operator {
    op(name, ident, code, &[Addr], results).with(&[Immediate::MemArg]).touches(Load, bytes)
}

/// A store of this width in bytes.
const fn store(
    name: &'static str,
    ident: &'static str,
    code: u8,
    params: &'static [Type],
    bytes: u8,
) -> Operator {
    op(name, ident, code, params, &[]).with(&[Immediate::MemArg]).touches(Store, bytes)
}

pub(super) const ROWS: &[Operator] = &[
    op("unreachable", "Unreachable", 0x00, &[], &[]).traps().framed(LEAVES, &[END]),
    op("nop", "Nop", 0x01, &[], &[]),
    op("block", "Block", 0x02, &[I32], &[I32])
        .with(&[Immediate::BlockType(Declared::Unary)])
        .framed(&[], &[Guard, Const(I32), XOR, END]),
    op("loop", "Loop", 0x03, &[I32], &[I32])
        .with(&[Immediate::BlockType(Declared::Unary)])
        .framed(&[], &[Const(I32), XOR, Repeat, END]),
    op("if", "If", 0x04, &[I32], &[I32])
        .with(&[Immediate::BlockResult(I32)])
        .framed(&[], &[Const(I32), ELSE, Const(I32), END]),
    op("br", "Br", 0x0c, &[I32], &[I32])
        .with(&[Immediate::Number(0)])
        .framed(&[BlockResult(I32)], &[END]),
    op("br_if", "BrIf", 0x0d, &[I32, I32], &[I32])
        .with(&[Immediate::Number(0)])
        .framed(&[BlockResult(I32)], &[Const(I32), XOR, END]),
    op("br_table", "BrTable", 0x0e, &[I32, I32], &[I32])
        .with(&[Immediate::Labels(&[0, 1, 2, 1])])
        .framed(
            &[BlockResult(I32), BlockResult(I32), BlockResult(I32)],
            &[END, Const(I32), XOR, END, Const(I32), XOR, END],
        ),
    op("return", "Return", 0x0f, &[], &[]).framed(LEAVES, &[END]),
    op("call", "Call", 0x10, &[I32], &[I32]).with(&[Immediate::Callee(Callee::Unary)]),
    op("call_indirect", "CallIndirect", 0x11, &[I32, I32], &[I32])
        .with(&[Immediate::Type(Declared::Unary), Immediate::CallTable])
        .traps(),
    op("drop", "Drop", 0x1a, &[I32], &[]),
    op("select", "Select", 0x1b, &[I64, I64, I32], &[I64]),
    op("local.get", "LocalGet", 0x20, &[], &[I64]).with(&[Immediate::Local(I64)]),
    op("local.set", "LocalSet", 0x21, &[I64], &[]).with(&[Immediate::Local(I64)]),
    op("local.tee", "LocalTee", 0x22, &[I64], &[I64]).with(&[Immediate::Local(I64)]),
    op("global.get", "GlobalGet", 0x23, &[], &[I64]).with(&[Immediate::Global(I64)]),
    op("global.set", "GlobalSet", 0x24, &[I64], &[]).with(&[Immediate::Global(I64)]),
    load("i32.load", "I32Load", 0x28, &[I32], 4),
    load("i64.load", "I64Load", 0x29, &[I64], 8),
    load("f32.load", "F32Load", 0x2a, &[F32], 4),
    load("f64.load", "F64Load", 0x2b, &[F64], 8),
    load("i32.load8_s", "I32Load8S", 0x2c, &[I32], 1),
    load("i32.load8_u", "I32Load8U", 0x2d, &[I32], 1),
    load("i32.load16_s", "I32Load16S", 0x2e, &[I32], 2),
    load("i32.load16_u", "I32Load16U", 0x2f, &[I32], 2),
    load("i64.load8_s", "I64Load8S", 0x30, &[I64], 1),
    load("i64.load8_u", "I64Load8U", 0x31, &[I64], 1),
    load("i64.load16_s", "I64Load16S", 0x32, &[I64], 2),
    load("i64.load16_u", "I64Load16U", 0x33, &[I64], 2),
    load("i64.load32_s", "I64Load32S", 0x34, &[I64], 4),
    load("i64.load32_u", "I64Load32U", 0x35, &[I64], 4),
    store("i32.store", "I32Store", 0x36, &[Addr, I32], 4),
    store("i64.store", "I64Store", 0x37, &[Addr, I64], 8),
    store("f32.store", "F32Store", 0x38, &[Addr, F32], 4),
    store("f64.store", "F64Store", 0x39, &[Addr, F64], 8),
    store("i32.store8", "I32Store8", 0x3a, &[Addr, I32], 1),
    store("i32.store16", "I32Store16", 0x3b, &[Addr, I32], 2),
    store("i64.store8", "I64Store8", 0x3c, &[Addr, I64], 1),
    store("i64.store16", "I64Store16", 0x3d, &[Addr, I64], 2),
    store("i64.store32", "I64Store32", 0x3e, &[Addr, I64], 4),
    op("memory.size", "MemorySize", 0x3f, &[], &[Addr]).with(&[Immediate::Memory]),
    op("memory.grow", "MemoryGrow", 0x40, &[Addr], &[Addr]).with(&[Immediate::Memory]),
    op("i32.const", "I32Const", 0x41, &[], &[I32]).with(&[Immediate::Value(I32)]),
    op("i64.const", "I64Const", 0x42, &[], &[I64]).with(&[Immediate::Value(I64)]),
    op("f32.const", "F32Const", 0x43, &[], &[F32]).with(&[Immediate::Value(F32)]),
    op("f64.const", "F64Const", 0x44, &[], &[F64]).with(&[Immediate::Value(F64)]),
];

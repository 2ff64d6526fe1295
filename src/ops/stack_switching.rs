//! Stack switching: typed continuations. Wasmtime 48 has them on x86-64 only.

use crate::ops::mvp::END;
use crate::ops::table::Piece::{BlockType, Const, Raw};
use crate::ops::table::Type::{self, BoundCont, Cont, ExnRef, Func, I32, SwitchCont};
use crate::ops::table::{Declared, Immediate, Opcode, Operator, Piece, Proposal, Tag};

const DROP: Piece = Raw(&[0x1a]);

/// The block of an effect handler. It gives a number and the continuation that suspended, or null
/// when the resumed one returned; the latter is dropped.
const HANDLER: &[Piece] = &[BlockType(Declared::Handler)];
const HANDLED: &[Piece] = &[Const(Cont), END, DROP];

const CONT: Immediate = Immediate::Type(Declared::ContUnary);
const HANDLE: Immediate = Immediate::Handle(Tag::Effect);

/// Every operator on continuations traps on a null or used one, and `suspend` without a handler.
const fn op(
    name: &'static str,
    ident: &'static str,
    code: u8,
    params: &'static [Type],
    results: &'static [Type],
) -> Operator {
    Operator::new(Proposal::StackSwitching, (name, ident), Opcode::Byte(code), params, results)
        .traps()
}

pub(super) const ROWS: &[Operator] = &[
    op("cont.new", "ContNew", 0xe0, &[Func], &[Cont]).with(&[CONT]),
    op("cont.bind", "ContBind", 0xe1, &[I32, Cont], &[BoundCont])
        .with(&[CONT, Immediate::Type(Declared::ContThunk)]),
    op("suspend", "Suspend", 0xe2, &[I32], &[I32]).with(&[Immediate::Tag(Tag::Effect)]),
    op("resume", "Resume", 0xe3, &[I32, Cont], &[I32])
        .with(&[CONT, HANDLE])
        .framed(HANDLER, HANDLED),
    op("resume_throw", "ResumeThrow", 0xe4, &[I32, Cont], &[I32])
        .with(&[CONT, Immediate::Tag(Tag::Exception), HANDLE])
        .framed(HANDLER, HANDLED),
    op("resume_throw_ref", "ResumeThrowRef", 0xe5, &[ExnRef, Cont], &[I32])
        .with(&[CONT, HANDLE])
        .framed(HANDLER, HANDLED),
    op("switch", "Switch", 0xe6, &[I32, SwitchCont], &[I32])
        .with(&[Immediate::Type(Declared::ContSwitch), Immediate::Tag(Tag::Switch)]),
];

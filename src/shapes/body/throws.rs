//! An exception thrown through many frames, each with clauses that do not catch it.
//!
//! Finds unwinders that lose their way, stop at the wrong clause or take stack or time for each frame,
//! and exceptions that leave the module.

use super::{axis, code, index};
use crate::ops::Proposal;
use crate::promises::{End, Promise, STACK_BYTES_MIN};
use crate::shapes::parts::param;
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{BlockType, Catch, InstructionSink, ValType};

/// A throw from D calls deep through frames that each have C clauses for another tag.
pub(crate) struct Throws;

/// The tag that is thrown, and the one that others wait for.
const THROWN: u32 = 0;
const OTHER: u32 = 1;

/// What is thrown.
const VALUE: i64 = 42;

/// A frame takes no more.
const FRAME_BYTES_MAX: u64 = 512;

/// So many frames fit any stack, and so many none.
const DEPTH_FITS: u64 = STACK_BYTES_MIN / FRAME_BYTES_MAX;
const DEPTH_FITS_NOT: u64 = 100_000;

impl Shape for Throws {
    fn id(&self) -> &'static str {
        "throws"
    }

    fn summary(&self) -> &'static str {
        "a throw from D calls deep, through C clauses for another tag in each frame"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("depth", "calls between the throw and its catch", 0, 1_000_000, 10),
            param("clauses", "clauses in each frame that do not catch it", 0, 10_001, 1),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("catches", "clauses")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (depth, clauses) = (args.get("depth"), args.get("clauses"));
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Exceptions);
        let thrown = builder.func_type(&[ValType::I64], &[]);
        let other = builder.func_type(&[], &[]);
        for ty in [thrown, other] {
            builder.tags.push(&[0x00, u8::try_from(ty).expect("the first types")]);
        }
        let frame_type = builder.func_type(&[ValType::I64], &[ValType::I64]);
        let run_type = builder.func_type(&[], &[ValType::I64]);
        let frame = index(builder.next_function());
        let body = code(|code| descend(code, frame, index(clauses)));
        builder.function(frame_type, 1, &[], Rope::from(body));
        let body = code(|code| {
            let catch = Catch::One { tag: THROWN, label: 0 };
            code.block(BlockType::Result(ValType::I64)).try_table(BlockType::Empty, [catch]);
            code.i64_const(depth.cast_signed()).call(frame).return_().end().unreachable().end();
        });
        let run = builder.function(run_type, 0, &[], Rope::from(body));
        builder.export_function(b"run", run, 1);
        let body = code(|code| {
            code.i64_const(depth.cast_signed()).call(frame);
        });
        let uncaught = builder.function(run_type, 0, &[], Rope::from(body));
        builder.export_function(b"uncaught", uncaught, 1);
        builder.usage.raise("block-results", 1);
        builder.usage.raise("catches", clauses.max(1));
        builder.usage.raise("nesting-depth", if clauses > 0 { 3 } else { 2 });
        let ends = [("run", End::Returns(vec![VALUE])), ("uncaught", End::Throws)];
        builder.promises = ends.map(|(export, end)| promise(export, end, depth)).to_vec();
        builder.finish()
    }
}

/// Throws where the parameter is 0, else calls itself with one less, among clauses.
fn descend(code: &mut InstructionSink<'_>, frame: u32, clauses: u32) {
    if clauses > 0 {
        let catches = (0..clauses).map(|_| Catch::One { tag: OTHER, label: 0 });
        code.block(BlockType::Empty).try_table(BlockType::Empty, catches.collect::<Vec<_>>());
    }
    code.local_get(0).i64_eqz().if_(BlockType::Empty).i64_const(VALUE).throw(THROWN).end();
    code.local_get(0).i64_const(1).i64_sub().call(frame).i64_const(1).i64_add().return_();
    if clauses > 0 {
        code.end().end().i64_const(-1);
    }
}

fn promise(export: &str, end: End, depth: u64) -> Promise {
    if depth <= DEPTH_FITS {
        Promise::of(export, end)
    } else if depth < DEPTH_FITS_NOT {
        Promise::of(export, end).or(End::StackOverflow)
    } else {
        Promise::of(export, End::StackOverflow)
    }
}

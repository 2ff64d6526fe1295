//! A function with many locals alive across a call of itself: large frames, and deep recursion.
//!
//! Finds values that are spilled to the wrong place, frames that outgrow what a stack check or an
//! addressing mode holds, and stack overflows that are seen too late.

use super::{axis, code, index};
use crate::promises::{End, Promise, STACK_BYTES_MIN};
use crate::shapes::parts::param;
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{BlockType, InstructionSink, MemArg, ValType};

/// A function of L locals, all alive across a call of itself, D deep.
pub(crate) struct Frames;

const PAGE_BYTES: u64 = 65_536;
const WORD_BYTES: u64 = 8;

/// Wasm stack that no engine has, in bytes; a frame takes so much at least, and so much at most for
/// itself and for each local.
const STACK_BYTES_MAX: u64 = 1 << 20;
const FRAME_BYTES_MIN: u64 = 16;
const FRAME_BYTES_MAX: u64 = 1_024;
const LOCAL_BYTES_MAX: u64 = 24;

impl Shape for Frames {
    fn id(&self) -> &'static str {
        "frames"
    }

    fn summary(&self) -> &'static str {
        "a function of L locals, all alive across a call of itself, D deep"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("locals", "locals, the one parameter not counted", 1, 50_000, 100),
            param("depth", "calls of itself", 0, 10_000_000, 3),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[axis("function-locals", "locals")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (locals, depth) = (args.get("locals"), args.get("depth"));
        let mut builder = ModuleBuilder::new();
        builder.memory((locals * WORD_BYTES).div_ceil(PAGE_BYTES), false, 1);
        let frame_type = builder.func_type(&[ValType::I64], &[ValType::I64]);
        let run_type = builder.func_type(&[], &[ValType::I64]);
        let frame = builder.next_function();
        let declared = [(index(locals), ValType::I64)];
        let body = Rope::from(code(|code| recurse(code, index(locals), index(frame))));
        builder.function(frame_type, 1, &declared, body);
        builder.usage.raise("block-results", 1);
        builder.usage.raise("nesting-depth", 1);
        for (name, depth) in [("run", depth), ("again", 0)] {
            let body = code(|code| {
                fill(code, locals);
                code.i64_const(depth.cast_signed()).call(index(frame));
            });
            let entry = builder.function(run_type, 0, &[(1, ValType::I32)], Rope::from(body));
            builder.export_function(name.as_bytes(), entry, 1);
            builder.promises.push(promise(name, locals, depth));
        }
        builder.finish()
    }
}

/// Fills memory with what the locals start with.
fn fill(code: &mut InstructionSink<'_>, locals: u64) {
    let (at, word) = (0, MemArg { offset: 0, align: 3, memory_index: 0 });
    code.loop_(BlockType::Empty);
    code.local_get(at).i32_const(3).i32_shl();
    code.local_get(at).i64_extend_i32_u().i64_const(3).i64_mul().i64_const(1).i64_add();
    code.i64_store(word).local_get(at).i32_const(1).i32_add().local_tee(at);
    code.i32_const(index(locals).cast_signed()).i32_lt_u().br_if(0).end();
}

/// Loads all locals, calls itself, and adds them up. The callee might write to memory, so that no
/// compiler may load again what it has loaded.
fn recurse(code: &mut InstructionSink<'_>, locals: u32, frame: u32) {
    let depth = 0;
    for k in 0..locals {
        let word = MemArg { offset: u64::from(k) * WORD_BYTES, align: 3, memory_index: 0 };
        code.i32_const(0).i64_load(word).local_get(depth).i64_add().local_set(k + 1);
    }
    code.local_get(depth).i64_eqz().if_(BlockType::Result(ValType::I64));
    code.i64_const(0).else_();
    code.local_get(depth).i64_const(1).i64_sub().call(frame).i64_const(1).i64_add().end();
    (0..locals).for_each(|k| _ = code.local_get(k + 1).i64_add());
}

/// What a call so deep comes to: each frame adds its locals, which are 3k + 1 and the depth each.
fn promise(name: &str, locals: u64, depth: u64) -> Promise {
    let (frames, locals_wide) = (u128::from(depth) + 1, u128::from(locals));
    let starts = 3 * locals_wide * (locals_wide - 1) / 2 + locals_wide;
    let depths = frames * u128::from(depth) / 2;
    let sum = frames * starts + locals_wide * depths + u128::from(depth);
    let low = u64::try_from(sum & u128::from(u64::MAX)).expect("64 bits");
    let returns = Promise::returns(name, low.cast_signed());
    let frames = depth + 1;
    if frames * (FRAME_BYTES_MAX + LOCAL_BYTES_MAX * locals) <= STACK_BYTES_MIN {
        returns
    } else if frames * FRAME_BYTES_MIN > STACK_BYTES_MAX {
        Promise::of(name, End::StackOverflow)
    } else {
        returns.or(End::StackOverflow)
    }
}

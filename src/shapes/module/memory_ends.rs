//! Memories that are used at both of their ends, and past the last byte.
//!
//! Finds what many and large memories cost when a module is instantiated, memories that overlap, and
//! bounds that are computed in too few bits.

use crate::promises::{End, Promise};
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, MEMORY64, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{InstructionSink, MemArg, ValType};

/// N memories of P pages; functions that store to both ends of each, load that again, and load past
/// the end of the first.
pub(crate) struct MemoryEnds;

/// Bytes of a page, and of what is loaded.
const PAGE_BYTES: u64 = 65_536;
const WORD_BYTES: u64 = 8;

/// What is stored first in the first memory; one more in each that follows.
const FIRST: i64 = 256;

impl Shape for MemoryEnds {
    fn id(&self) -> &'static str {
        "memory-ends"
    }

    fn summary(&self) -> &'static str {
        "N memories of P pages that are used at both ends, and past the last byte"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("count", "memories", 1, 101, 2),
            param("pages", "pages of each", 1, (1 << 48) + 1, 1),
            MEMORY64,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("memories", "count"), axis("memory32-pages", "pages")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (count, pages) = (args.get("count"), args.get("pages"));
        let memory64 = args.get(MEMORY64.name) == 1;
        let mut builder = ModuleBuilder::new();
        builder.memory(pages, memory64, count);
        let ty = builder.func_type(&[], &[ValType::I64]);
        let bytes = pages.wrapping_mul(PAGE_BYTES);
        let address = |code: &mut InstructionSink<'_>, at: u64| {
            if memory64 {
                code.i64_const(at.cast_signed());
            } else {
                // The low 32 bits: a larger memory is none that could be instantiated.
                code.i32_const(index(at & u64::from(u32::MAX)).cast_signed());
            }
        };
        let last = bytes.wrapping_sub(WORD_BYTES);
        let word = |memory_index: u32| MemArg { offset: 0, align: 3, memory_index };
        let body = code(|code| {
            for (memory, value) in (0..index(count)).zip(1..) {
                address(code, last);
                code.i64_const(value).i64_store(word(memory));
                address(code, 0);
                code.i64_const(value + FIRST).i64_store(word(memory));
            }
            code.i64_const(0);
            for memory in 0..index(count) {
                address(code, last);
                code.i64_load(word(memory)).i64_add();
                address(code, 0);
                code.i64_load(word(memory)).i64_const(3).i64_mul().i64_add();
                code.memory_size(memory);
                if !memory64 {
                    code.i64_extend_i32_u();
                }
                code.i64_add();
            }
        });
        let run = builder.function(ty, 0, &[], Rope::from(body));
        builder.export_function(b"run", run, 1);
        let past = code(|code| {
            address(code, bytes.wrapping_sub(1));
            code.i64_load(MemArg { offset: 0, align: 0, memory_index: 0 });
        });
        let past = builder.function(ty, 0, &[], Rope::from(past));
        builder.export_function(b"past", past, 1);
        let each = |value: i64| value + 3 * (value + FIRST);
        let values: i64 = (1..=i64::from(index(count))).map(each).sum();
        let sizes = count.wrapping_mul(pages).cast_signed();
        builder.promises = vec![
            Promise::returns("run", values.wrapping_add(sizes)),
            Promise::of("past", End::OutOfBounds),
        ];
        builder.finish()
    }
}

//! Active data segments that fill a memory, each other than its neighbours, and a sum over all of it.
//!
//! Finds what initialisation costs when a module is instantiated, and segments that are lost, cut or
//! written to the wrong place, whether by the image of a memory or one after the other.

use super::count;
use crate::promises::Promise;
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape, leb};
use wasm_encoder::{BlockType, MemArg, ValType};

/// N active data segments of B bytes, end to end, and a function that sums up the memory, each byte
/// by its place.
pub(crate) struct DataImage;

const PAGE_BYTES: u64 = 65_536;

impl Shape for DataImage {
    fn id(&self) -> &'static str {
        "data-image"
    }

    fn summary(&self) -> &'static str {
        "N active data segments of B bytes, end to end, and a function that sums them up"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("data segments", 100_001, 20),
            param("bytes", "bytes of each segment", 1, 64, 3),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("data-segments", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (count, bytes) = (args.get("count"), args.get("bytes"));
        let total = count * bytes;
        let mut builder = ModuleBuilder::new();
        builder.memory(total.div_ceil(PAGE_BYTES).max(1), false, 1);
        builder.data.push_each(count, |k, out| {
            out.push(0x00);
            out.extend(code(|code| {
                code.i32_const(index(k * bytes).cast_signed()).end();
            }));
            leb(bytes, out);
            out.extend((k * bytes..(k + 1) * bytes).map(content));
        });
        builder.usage.raise("const-expr-ops", u64::from(count > 0));
        let ty = builder.func_type(&[], &[ValType::I64]);
        let body = code(|code| {
            let (at, sum) = (0, 1);
            let byte = MemArg { offset: 0, align: 0, memory_index: 0 };
            code.loop_(BlockType::Empty);
            code.local_get(at).i64_load8_u(byte).local_get(at).i64_extend_i32_u();
            code.i64_const(1).i64_add().i64_mul().local_get(sum).i64_add().local_set(sum);
            code.local_get(at).i32_const(1).i32_add().local_tee(at);
            code.i32_const(index(total.max(1)).cast_signed()).i32_lt_u().br_if(0).end();
            code.local_get(sum);
        });
        builder.usage.raise("nesting-depth", 1);
        let locals = [(1, ValType::I32), (1, ValType::I64)];
        let run = builder.function(ty, 0, &locals, Rope::from(body));
        builder.export_function(b"run", run, 1);
        let sum: u64 = (0..total).map(|at| u64::from(content(at)) * (at + 1)).sum();
        builder.promises = vec![Promise::returns("run", sum.cast_signed())];
        builder.finish()
    }
}

/// What the memory holds at a place; 251 is prime, so that pages differ.
fn content(at: u64) -> u8 {
    u8::try_from(at % 251).expect("below 251") + 1
}

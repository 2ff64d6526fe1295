//! A list of large structs that the garbage collector must keep, and the end of its heap.
//!
//! Finds what allocation and collection do with objects of many fields: offsets that no addressing mode
//! holds, fields that are not copied, and a heap that runs out.

use super::field;
use super::rec_groups::reference;
use crate::ops::Proposal;
use crate::promises::{End, Promise};
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape, leb};
use wasm_encoder::{BlockType, ConstExpr, HeapType, InstructionSink, ValType};

/// A list of N structs of F fields, made, and then summed up.
pub(crate) struct StructHeap;

/// The type of the structs, and the global that is the list.
const NODE: u32 = 0;
const LIST: u32 = 0;

/// A list of so many bytes fits any heap, and one of so many fits none that a job has.
const FITS_BYTES: u64 = 8 << 20;
const FITS_NOT_BYTES: u64 = 512 << 20;

impl Shape for StructHeap {
    fn id(&self) -> &'static str {
        "struct-heap"
    }

    fn summary(&self) -> &'static str {
        "a list of N structs of F fields that is made on the heap and summed up"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param(
                "fields",
                "fields of each struct, the last is the next of the list",
                2,
                10_001,
                16,
            ),
            param("count", "structs", 1, 1_000_000, 10),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("struct-fields", "fields")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (fields, count) = (args.get("fields"), args.get("count"));
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Gc);
        let mut node = vec![0x5f];
        leb(fields, &mut node);
        (1..fields).for_each(|_| field(ValType::I64, true, &mut node));
        field(reference(NODE.into()), true, &mut node);
        builder.types.push(&node);
        builder.usage.raise("struct-fields", fields);
        let ty = builder.func_type(&[], &[ValType::I64]);
        builder.global(reference(NODE.into()), &ConstExpr::ref_null(HeapType::Concrete(NODE)));
        let (next, last) = (index(fields - 1), index(fields - 2));
        let body = code(|code| {
            make(code, count, last, next);
            sum(code, last, next);
        });
        builder.usage.raise("nesting-depth", 1);
        let locals = [(2, ValType::I64), (1, reference(NODE.into()))];
        let run = builder.function(ty, 0, &locals, Rope::from(body));
        builder.export_function(b"run", run, 1);
        builder.promises = vec![promise(fields, count)];
        builder.finish()
    }
}

/// What comes of it: each struct holds its number, and in its last number field twice as much.
fn promise(fields: u64, count: u64) -> Promise {
    let numbers = count * (count - 1) / 2;
    let sum = if fields > 2 { numbers * 3 } else { numbers * 2 };
    let returns = Promise::returns("run", sum.cast_signed());
    match count * fields * 8 {
        bytes if bytes <= FITS_BYTES => returns,
        bytes if bytes < FITS_NOT_BYTES => returns.or(End::HeapExhausted),
        _ => Promise::of("run", End::HeapExhausted),
    }
}

/// The locals: a number, the sum, a struct.
const NUMBER: u32 = 0;
const SUM: u32 = 1;
const STRUCT: u32 = 2;

fn make(code: &mut InstructionSink<'_>, count: u64, last: u32, next: u32) {
    code.loop_(BlockType::Empty);
    code.struct_new_default(NODE).local_set(STRUCT);
    code.local_get(STRUCT).local_get(NUMBER).struct_set(NODE, 0);
    code.local_get(STRUCT).local_get(NUMBER).i64_const(1).i64_shl().struct_set(NODE, last);
    code.local_get(STRUCT).global_get(LIST).struct_set(NODE, next);
    code.local_get(STRUCT).global_set(LIST);
    code.local_get(NUMBER).i64_const(1).i64_add().local_tee(NUMBER);
    code.i64_const(count.cast_signed()).i64_lt_u().br_if(0).end();
}

fn sum(code: &mut InstructionSink<'_>, last: u32, next: u32) {
    code.global_get(LIST).local_set(STRUCT);
    code.loop_(BlockType::Empty);
    code.local_get(SUM).local_get(STRUCT).struct_get(NODE, last).i64_add();
    if last > 0 {
        code.local_get(STRUCT).struct_get(NODE, 0).i64_add();
    }
    code.local_set(SUM);
    code.local_get(STRUCT).struct_get(NODE, next).local_tee(STRUCT);
    code.ref_is_null().i32_eqz().br_if(0).end();
    code.local_get(SUM);
}

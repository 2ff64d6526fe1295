//! A table that is used at both of its ends, and one past the last.
//!
//! Finds what making a large table costs when a module is instantiated, and bounds that are checked in
//! too few bits.

use crate::ops::Proposal;
use crate::promises::{End, Promise};
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{HeapType, RefType, TableType, ValType};

/// A table of N entries; functions that set its last one, look at both ends, and get one past it.
pub(crate) struct TableEnds;

impl Shape for TableEnds {
    fn id(&self) -> &'static str {
        "table-ends"
    }

    fn summary(&self) -> &'static str {
        "a table of N entries that is used at both ends, and past the last"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("size", "entries of the table", 0, 10_000_001, 64),
            param("maximum", "most entries it may grow to; 0 for no such limit", 0, 10_000_001, 0),
            param(
                "grow",
                "entries that one more function grows it by, where any",
                0,
                10_000_001,
                0,
            ),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("table-entries", "size")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (minimum, maximum) = (args.get("size"), args.get("maximum"));
        let maximum = (maximum > 0).then_some(maximum.max(minimum));
        let (element_type, table64, shared) = (RefType::FUNCREF, false, false);
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::ReferenceTypes);
        builder.table(&TableType { element_type, table64, minimum, maximum, shared }, 1);
        let ty = builder.func_type(&[], &[ValType::I64]);
        let at = |entry: u64| index(entry).cast_signed();
        let run = builder.next_function();
        let body = code(|code| {
            if minimum > 0 {
                code.i32_const(at(minimum - 1)).ref_func(index(run)).table_set(0);
            }
            code.table_size(0).i64_extend_i32_u().i64_const(4).i64_mul();
            // Twice whether the last is null, and once whether the first is.
            for (entry, weight) in [(minimum.wrapping_sub(1), 2), (0, 1)] {
                if minimum > 0 {
                    code.i32_const(at(entry)).table_get(0).ref_is_null().i64_extend_i32_u();
                    code.i64_const(weight).i64_mul().i64_add();
                }
            }
        });
        builder.function(ty, 0, &[], Rope::from(body));
        builder.export_function(b"run", run, 1);
        let past = code(|code| {
            code.i32_const(at(minimum)).table_get(0).ref_is_null().i64_extend_i32_u();
        });
        let past = builder.function(ty, 0, &[], Rope::from(past));
        builder.export_function(b"past", past, 1);
        let grown = args.get("grow");
        if grown > 0 {
            let body = code(|code| {
                code.ref_null(HeapType::FUNC).i32_const(at(grown)).table_grow(0).i64_extend_i32_s();
            });
            let grow = builder.function(ty, 0, &[], Rope::from(body));
            builder.export_function(b"grow", grow, 1);
        }
        let first_is_null = u64::from(minimum > 1);
        builder.promises = vec![
            Promise::returns("run", (minimum * 4 + first_is_null).cast_signed()),
            Promise::of("past", End::OutOfBounds),
        ];
        if grown > 0 {
            // Past what it may grow to it must fail; below that, an engine may.
            let fits = maximum.is_none_or(|maximum| minimum + grown <= maximum);
            let grows = End::Returns(vec![minimum.cast_signed()]);
            let fails = Promise::returns("grow", -1);
            builder.promises.push(if fits { fails.or(grows) } else { fails });
        }
        builder.finish()
    }
}

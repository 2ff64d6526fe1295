//! One table with many entries, and the element segment that fills them.
//!
//! Finds what is done for each entry: initialisation that the start-up code unrolls, images of
//! tables that are built while compiling, functions that escape and so need a way in from outside.

use super::{
    LITERAL_BYTES_MAX, MILLION, MODULE_BYTES_MAX, OWN_FUNCTIONS_MAX, Use, fit, segments, small,
};
use crate::shapes::parts::{axis, code, cycle, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{RefType, TableType, ValType};

/// A table of N entries and a segment of M; used by `call_indirect`.
pub(crate) struct TableEntries(pub(crate) Use);

impl Shape for TableEntries {
    fn id(&self) -> &'static str {
        self.0.pick(["table-entries", "table-entries-used", "table-entries-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "a table of N entries and an element segment of M",
            "a table of N entries, an element segment of M, and one function that calls each entry",
            "a table of N entries, an element segment of M, and for each a function that calls it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("size", "entries of the table", 0, 10_000_001, 64),
            param("items", "entries of the segment", 0, 10_000_001, 64),
            param("functions", "functions that the segment goes through in turn", 1, MILLION, 4),
            segments::MODE,
            param("expressions", "1 for items that are expressions", 0, 1, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("table-entries", "size"), axis("segment-entries", "items")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let functions = fit(args.get("functions"), 16, LITERAL_BYTES_MAX);
        let expressions = args.get("expressions") == 1;
        let items = fit(args.get("items"), 6, MODULE_BYTES_MAX);
        let minimum = args.get("size");
        let mut builder = ModuleBuilder::new();
        let ty = builder.func_type(&[], &[ValType::I32]);
        builder.function_each(ty, functions, |k, out| {
            out.extend(code(|code| {
                code.i32_const(small(index(k)));
            }));
        });
        let (element_type, table64, maximum, shared) = (RefType::FUNCREF, false, None, false);
        builder.table(&TableType { element_type, table64, minimum, maximum, shared }, 1);
        let mut segment = segments::element_head(&mut builder, args.get("mode"), expressions);
        segment.push_leb(items);
        segment.append(cycle(items, functions, |k, rope| {
            rope.push_with(|out| {
                if expressions {
                    out.push(0xd2);
                }
                leb(u64::from(k), out);
                if expressions {
                    out.push(0x0b);
                }
            });
        }));
        builder.elements.push_rope(segment);
        builder.usage.raise("segment-entries", items);
        builder.usage.raise("const-expr-ops", u64::from(expressions && items > 0));
        let uses = self.0.pick([0, minimum, minimum.min(OWN_FUNCTIONS_MAX - functions.min(1))]);
        self.0.finish_sum(builder, uses, |code, k| {
            code.i32_const(i32::try_from(k).expect("a table is below 2^31"))
                .call_indirect(0, index(ty));
        })
    }
}

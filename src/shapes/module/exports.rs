//! Exports: many of one thing, or one of each of many.
//!
//! Finds what is done for each export: a name that is hashed and kept, a function that must be
//! callable from outside, a global that no alias analysis may keep to itself.

use super::{
    LITERAL_BYTES_MAX, MILLION, NAME_BYTES, Use, count, fit, name, name_bytes, small, sum,
};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, code, index, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape, leb};
use wasm_encoder::{ExportKind, RefType, TableType, ValType};

/// N exports; used by reading and writing globals or calling functions.
pub(crate) struct Exports(pub(crate) Use);

impl Shape for Exports {
    fn id(&self) -> &'static str {
        self.0.pick(["exports", "exports-used", "exports-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N exports of one entity",
            "N exports, each of its own entity, and one function that uses each entity",
            "N exports, each of its own entity, and for each a function that uses it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const COUNT: Param = count("exports", MILLION, 50);
        const DECLARED: &[Param] = &[
            COUNT,
            param("kind", "0 global, 1 function, 2 table, 3 memory, 4 tag", 0, 4, 0),
            NAME_BYTES,
        ];
        const USED: &[Param] = &[COUNT, param("kind", "0 global, 1 function", 0, 1, 0), NAME_BYTES];
        self.0.pick([DECLARED, USED, USED])
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("exports", "count"), axis("name-bytes", "name-bytes")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let names = args.get("name-bytes");
        let item_bytes = 5 + name_bytes(names) + self.0.pick([0, 16, 32]);
        let count = fit(args.get("count"), item_bytes, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let entities = if self.0.is_used() { count } else { 1 };
        let kind = declare(&mut builder, args.get("kind"), entities);
        builder.export_each(kind, 0, count, |k, out| {
            name(k, names, out);
            if entities > 1 { k } else { 0 }
        });
        self.0.finish(builder, count, |code, k| {
            if kind == ExportKind::Global {
                code.global_get((k + 1) % index(count)).global_set(k);
            } else {
                code.call(k);
            }
        })
    }
}

/// Declares `count` entities of the kind of this number, one if they are not to be used.
fn declare(builder: &mut ModuleBuilder, kind: u64, count: u64) -> ExportKind {
    match kind {
        0 => {
            let init = Rope::from(vec![0x41, 0x00, 0x0b]);
            builder.global_repeat(ValType::I32, true, init, 1, count);
            ExportKind::Global
        }
        1 => {
            let ty = builder.func_type(&[], &[]);
            let sum = sum(builder);
            let body = code(|code| {
                code.global_get(sum).i32_const(small(1)).i32_add().global_set(sum);
            });
            builder.function_repeat(ty, 0, &[], Rope::from(body), count);
            ExportKind::Func
        }
        2 => {
            let (element_type, table64, shared) = (RefType::FUNCREF, false, false);
            let ty = TableType { element_type, table64, minimum: 1, maximum: None, shared };
            builder.table(&ty, 1);
            ExportKind::Table
        }
        3 => {
            builder.memory(1, false, 1);
            ExportKind::Memory
        }
        _ => {
            let ty = builder.func_type(&[], &[]);
            builder.tags.push_each(1, |_, out| {
                out.push(0x00);
                leb(ty, out);
            });
            builder.proposals.insert(Proposal::Exceptions);
            ExportKind::Tag
        }
    }
}

//! Long names at the border of a module.
//!
//! Finds what copies, hashes, compares or prints names: linkers, symbol tables, error messages.

use super::{LITERAL_BYTES_MAX, MODULE_BYTES_MAX, fit, name, name_bytes};
use crate::shapes::parts::{axis, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{EntityType, ExportKind, GlobalType, ValType};

/// Imports, exports and custom sections with names of B bytes.
pub(crate) struct Names;

impl Shape for Names {
    fn id(&self) -> &'static str {
        "names"
    }

    fn summary(&self) -> &'static str {
        "imports, exports and custom sections with names of B bytes"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("bytes", "bytes of each name, or as few more as make it unique", 0, 100_001, 40),
            param("imports", "imported globals", 0, 100_000, 4),
            param("exports", "exports of one global", 0, 100_000, 4),
            param("customs", "empty custom sections", 0, 100_000, 2),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("name-bytes", "bytes")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let bytes = args.get("bytes");
        // The names of imports and of exports share the memory.
        let item_bytes = 2 * (12 + name_bytes(bytes));
        let some = |param| fit(args.get(param), item_bytes, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        builder.import_each(EntityType::Global(ty), 0, some("imports"), |k, out| {
            name(k, bytes, out);
        });
        let init = Rope::from(super::segments::offset(0));
        let global = builder.global_repeat(ValType::I32, true, init, 1, 1);
        builder.export_each(ExportKind::Global, 0, some("exports"), |k, out| {
            name(k, bytes, out);
            global
        });
        let mut custom = Vec::new();
        name(0, bytes, &mut custom);
        let customs = fit(args.get("customs"), 8 + name_bytes(bytes), MODULE_BYTES_MAX);
        builder.custom(&custom, Rope::new(), customs);
        builder.finish()
    }
}

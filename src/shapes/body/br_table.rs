//! `br_table` with E entries over T targets, N times.
//!
//! Finds limits of jump tables (Wasmtime refuses more than 65,520 entries), their placement in the
//! code, and what the control-flow graph does with many edges to few blocks or to as many blocks.

use super::{Body, axis, body_bytes};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape, leb};
use wasm_encoder::BlockType;

const BR_TABLE: u8 = 0x0e;

/// Steps from target to target in the table: odd, so that all targets of a power of two occur, and
/// not 1, so that neighbours differ.
const STRIDE: u64 = 7_919;

/// `block block ... global.get br_table end set end set`.
pub(crate) struct BrTable;

impl Shape for BrTable {
    fn id(&self) -> &'static str {
        "br-table"
    }

    fn summary(&self) -> &'static str {
        "N br_tables of E entries that lead to T blocks"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "entries",
                summary: "entries of each table, the default not counted",
                min: 0,
                max: 8_000_000,
                default: 100,
            },
            Param {
                name: "targets",
                summary: "different targets of each table",
                min: 1,
                max: 1_000_000,
                default: 10,
            },
            Param { name: "count", summary: "tables", min: 1, max: 500_000, default: 2 },
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const {
            &[
                axis("br-table-entries", "entries"),
                body_bytes("entries"),
                body_bytes("targets"),
                body_bytes("count"),
            ]
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let (entries, targets) = (args.get("entries"), args.get("targets"));
        let index = body.condition();
        body.emit_repeat(targets, |code| _ = code.block(BlockType::Empty));
        body.emit(|code| _ = code.global_get(index));
        body.code.push_with(|out| {
            out.push(BR_TABLE);
            leb(entries, out);
            (0..entries).for_each(|k| leb(k * STRIDE % targets, out));
            leb(targets - 1, out);
        });
        body.land(index, targets);
        body.code = crate::shapes::Rope::repeat(body.code, args.get("count"));
        body.builder.usage.raise("br-table-entries", entries);
        body.builder.usage.raise("nesting-depth", targets);
        body.finish(args)
    }
}

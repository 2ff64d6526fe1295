//! Data and element segments.
//!
//! Finds what is done for each segment: copying while compiling, images of memories and tables that
//! grow with offsets, initialisation that the start-up code unrolls, a flag for each dropped one.

use super::{MILLION, MODULE_BYTES_MAX, Use, VARIETY, count, fit, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, code, cycle, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use wasm_encoder::{RefType, TableType, ValType};

/// N data segments; used by `memory.init` and `data.drop`.
pub(crate) struct DataSegments(pub(crate) Use);

impl Shape for DataSegments {
    fn id(&self) -> &'static str {
        self.0.pick(["data-segments", "data-segments-used", "data-segments-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N data segments of B bytes",
            "N data segments of B bytes and one function that copies from and drops each",
            "N data segments of B bytes and for each a function that copies from and drops it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("data segments", 100_001, 20),
            param("bytes", "bytes of each segment", 0, 1 << 30, 16),
            param("mode", "0 active, 1 passive", 0, 1, 1),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("data-segments", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (bytes, passive) = (args.get("bytes"), args.get("mode") == 1);
        let count = fit(args.get("count"), bytes + 16, MODULE_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.memory(1, false, 1);
        let segments = cycle(count, VARIETY, |k, rope| {
            if passive {
                rope.push(&[0x01]);
            } else {
                rope.push(&[0x00]);
                rope.push(&offset(small(k) * 1_000));
            }
            rope.push_leb(bytes);
            rope.push_repeat(vec![b'a'], bytes);
        });
        builder.data.push_encoded(segments, count);
        builder.usage.raise("const-expr-ops", u64::from(!passive && count > 0));
        if passive || self.0.is_used() {
            builder.proposals.insert(Proposal::BulkMemory);
        }
        self.0.finish(builder, count, |code, k| {
            code.i32_const(small(k)).i32_const(0).i32_const(small(k)).memory_init(0, k);
            code.data_drop(k);
        })
    }
}

/// N element segments; used by `table.init` and `elem.drop`.
pub(crate) struct ElementSegments(pub(crate) Use);

/// The parameter for what becomes of an element segment.
pub(crate) const MODE: Param = param("mode", "0 active, 1 passive, 2 declarative", 0, 2, 0);

impl Shape for ElementSegments {
    fn id(&self) -> &'static str {
        self.0.pick(["element-segments", "element-segments-used", "element-segments-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N element segments of M entries",
            "N element segments of M entries and one function that copies from and drops each",
            "N element segments of M entries and for each a function that copies from and drops it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const fn params(most: u64) -> [Param; 3] {
            let items = param("items", "entries of each segment", 0, 10_000_001, 4);
            [count("element segments", most, 20), items, MODE]
        }
        const DECLARED: [Param; 3] = params(10_000_001);
        // Each has code of its own, which is held in memory.
        const USED: [Param; 3] = params(MILLION);
        if self.0.is_used() { &USED } else { &DECLARED }
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("element-segments", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let items = args.get("items");
        let count = fit(args.get("count"), items + 16, MODULE_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let ty = builder.func_type(&[], &[ValType::I32]);
        let body = code(|code| {
            code.i32_const(1);
        });
        builder.function(ty, 0, &[], Rope::from(body));
        let (element_type, table64, maximum, shared) = (RefType::FUNCREF, false, None, false);
        builder.table(&TableType { element_type, table64, minimum: 64, maximum, shared }, 1);
        if count > 0 {
            let mut segment = element_head(&mut builder, args.get("mode"), false);
            segment.push_leb(items);
            segment.push_repeat(vec![0x00], items);
            builder.elements.push_repeat(segment, count);
            builder.usage.raise("segment-entries", items);
        }
        if self.0.is_used() {
            builder.proposals.insert(Proposal::BulkMemory);
        }
        self.0.finish(builder, count, |code, k| {
            code.i32_const(small(k)).i32_const(0).i32_const(small(k)).table_init(0, k);
            code.elem_drop(k);
        })
    }
}

/// The first bytes of an element segment of functions for table 0, up to its number of items.
pub(super) fn element_head(builder: &mut ModuleBuilder, mode: u64, expressions: bool) -> Rope {
    let mut head = Rope::new();
    // Bit 2 of the flags says expressions; those that are not active say their type or kind.
    let flags = [0x00, 0x01, 0x03][usize::try_from(mode).expect("one of three modes")];
    head.push(&[flags | u8::from(expressions) << 2]);
    builder.proposals.extend(expressions.then_some(Proposal::ReferenceTypes));
    if mode == 0 {
        builder.usage.raise("const-expr-ops", 1);
        head.push(&offset(0));
    } else {
        builder.proposals.insert(Proposal::BulkMemory);
        head.push(&[if expressions { 0x70 } else { 0x00 }]);
    }
    head
}

/// The expression of a constant offset.
pub(super) fn offset(at: i32) -> Vec<u8> {
    code(|code| {
        code.i32_const(at).end();
    })
}

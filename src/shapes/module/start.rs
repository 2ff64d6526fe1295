//! What runs when a module starts: initialisers, a start function, functions that it calls.
//!
//! Finds what the start-up code of an engine unrolls, and what treats the start function in a way
//! of its own.

use super::{MILLION, Use, fit, segments, small};
use crate::shapes::parts::{axis, code, cycle, index, padded, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, PAD, Param, Rope, Shape, VARIANTS};
use wasm_encoder::{MemArg, RefType, TableType, ValType};

/// N things that happen at the start.
pub(crate) struct Start(pub(crate) Use);

/// One page, where all stores and segments fall.
const MEMORY_PAGES: u64 = 1;

impl Shape for Start {
    fn id(&self) -> &'static str {
        self.0.pick(["start", "start-used", "start-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N each of active data segments, active element segments and initialised globals",
            "a start function that stores N times",
            "a start function that calls N functions, each of which stores once",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const BYTES: Param = param("bytes", "bytes of each segment", 0, 1_000, 4);
        const DECLARED: &[Param] = &[super::count("things of each kind", 100_001, 20), BYTES];
        const USED: &[Param] = &[super::count("stores", 2_000_000, 50), VARIANTS, PAD];
        const SPREAD: &[Param] = &[super::count("functions", MILLION, 20), VARIANTS];
        self.0.pick([DECLARED, USED, SPREAD])
    }

    fn axes(&self) -> &'static [Axis] {
        const DECLARED: &[Axis] =
            &[axis("data-segments", "count"), axis("element-segments", "count")];
        const USED: &[Axis] = &[padded("function-body-bytes", "count", "pad")];
        const SPREAD: &[Axis] = &[axis("functions", "count")];
        self.0.pick([DECLARED, USED, SPREAD])
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let count = args.get("count");
        let mut builder = ModuleBuilder::new();
        builder.memory(MEMORY_PAGES, false, 1);
        match self.0 {
            Use::Declared => initialisers(&mut builder, count, args.get("bytes")),
            Use::OneFunction => {
                let mut body = cycle(count, args.get("variants"), |k, rope| rope.push(&store(k)));
                body.push_repeat(vec![0x01], args.get("pad"));
                let ty = builder.func_type(&[], &[]);
                builder.start = Some(builder.function(ty, 0, &[], body));
            }
            Use::OwnFunctions => calls(&mut builder, count, args.get("variants")),
        }
        builder.finish()
    }
}

/// Adds `count` active data segments of `bytes` bytes, element segments and globals.
fn initialisers(builder: &mut ModuleBuilder, count: u64, bytes: u64) {
    let count = fit(count, bytes + 16, super::LITERAL_BYTES_MAX);
    let ty = builder.func_type(&[], &[]);
    let function = builder.function(ty, 0, &[], Rope::new());
    let (element_type, table64, maximum, shared) = (RefType::FUNCREF, false, None, false);
    builder.table(&TableType { element_type, table64, minimum: 64, maximum, shared }, 1);
    if count == 0 {
        return;
    }
    builder.data.push_each(count, |k, out| {
        let k = index(k);
        out.push(0x00);
        out.extend(segments::offset(small(k / 64) * 1_000 + small(k)));
        crate::shapes::leb(bytes, out);
        (0..bytes).for_each(|_| out.push(0xaa));
    });
    builder.elements.push_each(count, |k, out| {
        out.push(0x00);
        out.extend(segments::offset(small(index(k))));
        out.extend([0x01, 0x00]);
    });
    builder.usage.raise("segment-entries", 1);
    let init = code(|code| {
        code.ref_func(index(function)).end();
    });
    builder.global_repeat(ValType::Ref(RefType::FUNCREF), true, Rope::from(init), 1, count);
    builder.proposals.insert(crate::ops::Proposal::ReferenceTypes);
}

/// Adds `count` functions that store, and one that calls each, as many as its body holds.
fn calls(builder: &mut ModuleBuilder, count: u64, variants: u64) {
    let ty = builder.func_type(&[], &[]);
    let variants = variants.min(count);
    builder.function_each(ty, count, |k, out| out.extend(store(index(k % variants))));
    let body = super::as_many_as_fit(count, |code, k| {
        code.call(k);
    });
    builder.start = Some(builder.function(ty, 0, &[], body));
}

/// A store of one constant at an address of its own.
fn store(k: u32) -> Vec<u8> {
    let at = MemArg { offset: u64::from(k % 4_096) * 4, align: 2, memory_index: 0 };
    code(|code| {
        code.i32_const(0).i32_const(small(k)).i32_store(at);
    })
}

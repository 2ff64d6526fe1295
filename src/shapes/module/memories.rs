//! Memories, many of them, and their declared size.
//!
//! Finds what is done for each memory: its base and bound in the VM context, which bounds checks a
//! declared size lets a compiler leave out, sizes of which a byte count overflows.

use super::{LITERAL_BYTES_MAX, Use, count, fit};
use crate::shapes::parts::{axis, param};
use crate::shapes::{Args, Axis, MEMORY64, Module, ModuleBuilder, Param, Shape};
use wasm_encoder::{Encode, MemArg, MemoryType};

/// N memories; used by a load and a store.
pub(crate) struct Memories(pub(crate) Use);

impl Shape for Memories {
    fn id(&self) -> &'static str {
        self.0.pick(["memories", "memories-used", "memories-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N memories",
            "N memories and one function that loads from and stores to each",
            "N memories and for each a function that loads from and stores to it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("memories", 100_001, 4),
            param("pages", "pages of each memory", 0, 65_537, 1),
            MEMORY64,
            param("accesses", "loads and stores of each memory", 1, 1_000, 2),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("memories", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let accesses = args.get("accesses");
        let use_bytes = self.0.pick([0, 0, 24 * accesses]);
        let count = fit(args.get("count"), 4 + use_bytes, LITERAL_BYTES_MAX);
        let memory64 = args.get("memory64") == 1;
        let mut builder = ModuleBuilder::new();
        builder.memory(args.get("pages"), memory64, count);
        self.0.finish(builder, count, |code, memory_index| {
            for access in 0..accesses {
                // Addresses come from the memory, so that no bounds check folds.
                let at = |offset| MemArg { offset, align: 2, memory_index };
                let address = i32::from(memory64);
                for _ in 0..2 {
                    if memory64 {
                        code.i64_const(address.into()).i64_load32_u(at(4 * access));
                    } else {
                        code.i32_const(address).i32_load(at(4 * access));
                    }
                }
                if memory64 {
                    code.i64_store32(at(4 * access + 4));
                } else {
                    code.i32_store(at(4 * access + 4));
                }
            }
        })
    }
}

/// N memories that declare P pages; what a declared size alone changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MemoryPages {
    /// With 32-bit addresses.
    Memory32,
    /// With 64-bit addresses.
    Memory64,
}

impl Shape for MemoryPages {
    fn id(&self) -> &'static str {
        match self {
            MemoryPages::Memory32 => "memory32-pages",
            MemoryPages::Memory64 => "memory64-pages",
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            MemoryPages::Memory32 => "memories with 32-bit addresses that declare P pages",
            MemoryPages::Memory64 => "memories with 64-bit addresses that declare P pages",
        }
    }

    fn params(&self) -> &'static [Param] {
        const COUNT: Param = param("count", "memories", 1, 101, 1);
        const MAXIMUM: Param = param(
            "maximum",
            "1 to declare the pages as the maximum rather than the minimum",
            0,
            1,
            0,
        );
        const PAGES32: &[Param] =
            &[param("pages", "pages of each memory", 0, 65_537, 1), COUNT, MAXIMUM];
        const PAGES64: &[Param] =
            &[param("pages", "pages of each memory", 0, (1 << 48) + 1, 1), COUNT, MAXIMUM];
        match self {
            MemoryPages::Memory32 => PAGES32,
            MemoryPages::Memory64 => PAGES64,
        }
    }

    fn axes(&self) -> &'static [Axis] {
        const PAGES32: &[Axis] = &[axis("memory32-pages", "pages")];
        const PAGES64: &[Axis] = &[axis("memory64-pages", "pages")];
        match self {
            MemoryPages::Memory32 => PAGES32,
            MemoryPages::Memory64 => PAGES64,
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let pages = args.get("pages");
        let maximum = (args.get("maximum") == 1).then_some(pages);
        let minimum = if maximum.is_some() { 0 } else { pages };
        let memory64 = matches!(self, MemoryPages::Memory64);
        let ty = MemoryType { minimum, maximum, memory64, shared: false, page_size_log2: None };
        let mut builder = ModuleBuilder::new();
        let mut item = Vec::new();
        ty.encode(&mut item);
        builder.memories.push_repeat(item, args.get("count"));
        builder.memory_usage(&ty);
        builder.finish()
    }
}

//! Body shapes: one function whose body repeats something.
//!
//! Each file is one form of body; this one holds what they share. A body stands in the exported
//! function `run`, after whatever it calls. What a shape cannot see by itself (bytes, locals,
//! counts) the module builder measures; what only the shape knows (depths, heights, lengths of
//! immediates) it raises in the builder's usage.

pub(crate) mod accesses;
pub(crate) mod blocks_params;
pub(crate) mod br_table;
pub(crate) mod branches;
pub(crate) mod calls;
pub(crate) mod calls_results;
pub(crate) mod catches;
pub(crate) mod chain;
pub(crate) mod consts;
pub(crate) mod diamonds;
pub(crate) mod frames;
pub(crate) mod handlers;
pub(crate) mod live;
pub(crate) mod locals;
pub(crate) mod locals_loops;
pub(crate) mod loops;
pub(crate) mod nest;
pub(crate) mod operand_stack;
pub(crate) mod params_forward;
pub(crate) mod repeat;
mod scalar;
pub(crate) mod throws;
pub(crate) mod tree;
mod values;
pub(crate) mod wide_calls;

use super::{Args, Axis, FENCE, Module, ModuleBuilder, PAD, Rope, VARIANTS, leb};
use crate::ops::{Prelude, Proposal, Unit};
use wasm_encoder::{BlockType, ConstExpr, InstructionSink, ValType};

pub(crate) use super::parts::{axis, code, cycle, index, ints};

/// One `nop`.
const NOP: u8 = 0x01;

/// The axis of a shape that fills a body by `param`, exactly with the help of [`PAD`].
pub(crate) const fn body_bytes(param: &'static str) -> Axis {
    Axis { limit: "function-body-bytes", param, pad: Some(PAD.name) }
}

/// A body under construction: the prelude of the recipe's unit, parameters, locals, and the code.
pub(crate) struct Body {
    pub(crate) builder: ModuleBuilder,
    pub(crate) prelude: Prelude,
    params: Vec<ValType>,
    /// Results of the function; most bodies have none.
    pub(crate) results: Vec<ValType>,
    locals: Vec<(u32, ValType)>,
    local_count: u32,
    /// The code so far, without the final `end`.
    pub(crate) code: Rope,
}

impl Body {
    /// An empty body with the parameters and locals of the unit's prelude, if there is a unit.
    pub(crate) fn new(args: &Args<'_>) -> Body {
        let prelude = args.prelude();
        let mut builder = ModuleBuilder::with_prelude(&prelude);
        builder.proposals.extend(args.unit_if_any().into_iter().flat_map(Unit::proposals));
        Body {
            builder,
            params: prelude.params().to_vec(),
            results: Vec::new(),
            locals: prelude.locals().to_vec(),
            local_count: prelude.local_count(),
            prelude,
            code: Rope::new(),
        }
    }

    /// Adds a parameter and returns its index. Parameters precede all locals, so this is for
    /// bodies whose prelude and shape have declared none yet.
    pub(crate) fn param(&mut self, ty: ValType) -> u32 {
        assert!(self.locals.is_empty(), "parameters precede all locals");
        self.params.push(ty);
        self.local_count += 1;
        self.local_count - 1
    }

    /// Declares `count` more locals and returns the index of the first.
    pub(crate) fn locals(&mut self, count: u32, ty: ValType) -> u32 {
        let first = self.local_count;
        if count > 0 {
            self.locals.push((count, ty));
            self.local_count += count;
        }
        first
    }

    /// Declares the memory of [`scalar`]; for bodies whose prelude has none.
    pub(crate) fn memory(&mut self) {
        self.builder.memory(scalar::MEMORY_PAGES, false, 1);
    }

    /// Declares a mutable `i32` global and returns its index: a condition that no compiler knows.
    pub(crate) fn condition(&mut self) -> u32 {
        index(self.builder.global(ValType::I32, &ConstExpr::i32_const(0)))
    }

    /// Declares a tag without values and returns its index.
    pub(crate) fn tag(&mut self, type_index: u64) -> u32 {
        let index = index(self.builder.tags.count());
        let mut item = vec![0x00];
        leb(type_index, &mut item);
        self.builder.tags.push(&item);
        index
    }

    /// Imports a function of `params` and `results` and returns its index.
    pub(crate) fn import(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let ty = self.builder.func_type(params, results);
        let arity = params.len() + results.len();
        let name = format!("f{}", self.builder.imports.count());
        index(self.builder.import_function(name.as_bytes(), ty, arity as u64))
    }

    /// A block type of `params` and `results`.
    pub(crate) fn block_type(&mut self, params: &[ValType], results: &[ValType]) -> BlockType {
        self.builder.usage.raise("block-params", params.len() as u64);
        self.builder.usage.raise("block-results", results.len() as u64);
        if !params.is_empty() || results.len() > 1 {
            self.builder.proposals.insert(Proposal::MultiValue);
        }
        match (params, results) {
            ([], []) => BlockType::Empty,
            ([], [result]) => BlockType::Result(*result),
            _ => BlockType::FunctionType(index(self.builder.func_type(params, results))),
        }
    }

    /// Appends a few instructions.
    pub(crate) fn emit(&mut self, write: impl FnOnce(&mut InstructionSink<'_>)) {
        self.code.push_with(|out| write(&mut InstructionSink::new(out)));
    }

    /// Appends the instructions of `write(code, k)` for each k below `count`.
    pub(crate) fn emit_each(
        &mut self,
        count: u64,
        mut write: impl FnMut(&mut InstructionSink<'_>, u64),
    ) {
        self.emit(|code| (0..count).for_each(|k| write(code, k)));
    }

    /// Appends the same instructions `count` times.
    pub(crate) fn emit_repeat(&mut self, count: u64, write: impl FnOnce(&mut InstructionSink<'_>)) {
        self.code.push_repeat(code(write), count);
    }

    /// The code of a fence, if the recipe wants one and the copies of the unit do repeat.
    pub(crate) fn fence(&mut self, args: &Args<'_>, repeats: bool) -> Vec<u8> {
        if !repeats || args.get(FENCE.name) == 0 {
            return Vec::new();
        }
        let callee = self.import(&[], &[]);
        code(|code| _ = code.call(callee))
    }

    /// `count` pieces of code, of which the k-th is `write(prelude, k, out)` for k below the
    /// recipe's number of variants, after which a fence follows and they repeat as copied bytes.
    pub(crate) fn variants(
        &mut self,
        args: &Args<'_>,
        count: u64,
        mut write: impl FnMut(&Prelude, u32, &mut Vec<u8>),
    ) -> Rope {
        let variants = args.get(VARIANTS.name);
        let fence = self.fence(args, count > variants);
        cycle(count, variants, |k, rope| {
            rope.push_with(|out| write(&self.prelude, k, out));
            if u64::from(k) + 1 == variants {
                rope.push(&fence);
            }
        })
    }

    /// Ends `count` blocks, each of which leaves its number in the `global` on the way out.
    pub(crate) fn land(&mut self, global: u32, count: u64) {
        self.emit_each(count, |code, k| {
            code.end().i32_const(index(k).cast_signed()).global_set(global);
        });
    }

    /// The module of this one function, exported so that no compiler may drop it.
    pub(crate) fn finish(mut self, args: &Args<'_>) -> Module {
        self.code.push_repeat(vec![NOP], args.get(PAD.name));
        let ty = self.builder.func_type(&self.params, &self.results);
        let params = self.params.len() as u64;
        let index = self.builder.function(ty, params, &self.locals, self.code);
        self.builder.export_function(b"run", index, params + self.results.len() as u64);
        self.builder.finish()
    }
}

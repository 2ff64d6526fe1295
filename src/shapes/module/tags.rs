//! Exception tags.
//!
//! Finds what is done for each tag: exception tables, landing pads, the layout of a payload, values
//! that live across calls that may throw.

use super::{MILLION, Use, count, push_ints, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, index, ints, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape, leb};
use wasm_encoder::{BlockType, Catch, InstructionSink, ValType};

/// N tags; used by throwing and catching.
pub(crate) struct Tags(pub(crate) Use);

impl Shape for Tags {
    fn id(&self) -> &'static str {
        self.0.pick(["tags", "tags-used", "tags-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N exception tags",
            "N exception tags and one function that throws and catches each",
            "N exception tags and for each a function that throws and catches it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] =
            &[count("tags", MILLION, 20), param("params", "values that each carries", 0, 1_000, 2)];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("tags", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let params = args.get("params");
        let use_bytes = self.0.pick([0, 0, 3 * params + 32]);
        let count = super::fit(args.get("count"), use_bytes, super::LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::Exceptions);
        let values = ints(params);
        let ty = builder.func_type(&values, &[]);
        builder.tags.push_repeat(tag(ty), count);
        // A block of two results and more takes its type from the type section.
        let block = (self.0.is_used() && params > 1).then(|| builder.func_type(&[], &values));
        if count > 0 {
            raise_use(self.0, &mut builder);
            if self.0.is_used() {
                builder.usage.raise("block-results", params);
            }
        }
        self.0.finish_sum(builder, count, |code, k| {
            throw_and_catch(code, k, params, block.map(index));
            if params == 0 {
                code.i32_const(small(k));
            }
            (1..params).for_each(|_| {
                code.i32_add();
            });
        })
    }
}

/// A tag as an item of its section.
fn tag(ty: u64) -> Vec<u8> {
    let mut item = vec![0x00];
    leb(ty, &mut item);
    item
}

/// Records what [`throw_and_catch`] uses of limits.
pub(super) fn raise_use(usage: Use, builder: &mut ModuleBuilder) {
    if usage.is_used() {
        builder.usage.raise("catches", 1);
        builder.usage.raise("nesting-depth", 2);
    }
}

/// Throws `tag` with `params` values, catches it, and leaves them on the operand stack. `block` is
/// the type of a block of as many results where there are two and more.
pub(super) fn throw_and_catch(
    code: &mut InstructionSink<'_>,
    tag: u32,
    params: u64,
    block: Option<u32>,
) {
    let block = match (params, block) {
        (0, _) => BlockType::Empty,
        (_, Some(ty)) => BlockType::FunctionType(ty),
        (_, None) => BlockType::Result(ValType::I32),
    };
    code.block(block).try_table(BlockType::Empty, [Catch::One { tag, label: 0 }]);
    push_ints(code, tag, params);
    code.throw(tag).end().unreachable().end();
}

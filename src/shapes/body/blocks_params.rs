//! N blocks with P parameters each: the product of two limits.
//!
//! A block type is one small number whatever it stands for, so 7 bytes move 1,000 values through a
//! merge; the body limit allows a million such blocks. Finds memory and time that grow with blocks
//! times values: SSA construction, loop headers, edge moves, operand stacks copied per block.

use super::values::Values;
use super::{Body, axis, body_bytes};
use crate::ops::Proposal;
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::{BlockType, Catch, InstructionSink};

/// Which block it is, and so where the values meet.
const KIND: Param = Param {
    name: "kind",
    summary: "0 block (merge at its end), 1 loop (merge at its header), 2 try_table",
    min: 0,
    max: 2,
    default: 0,
};

/// `block change br_if end block change br_if end ...` over P values.
pub(crate) struct BlocksParams;

impl Shape for BlocksParams {
    fn id(&self) -> &'static str {
        "blocks-params"
    }

    fn summary(&self) -> &'static str {
        "N blocks, loops or try_tables in a row that pass P values through a merge"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param {
                name: "blocks",
                summary: "blocks in a row",
                min: 1,
                max: 1_500_000,
                default: 50,
            },
            Param {
                name: "params",
                summary: "parameters and results of each block",
                min: 0,
                max: 1_100,
                default: 20,
            },
            KIND,
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const {
            &[
                body_bytes("blocks"),
                axis("block-params", "params"),
                axis("block-results", "params"),
                axis("function-params", "params"),
                axis("function-results", "params"),
            ]
        }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let blocks = args.get("blocks");
        let values = Values::import(&mut body, args.get("params"));
        let condition = body.condition();
        let rest = |code: &mut InstructionSink<'_>| {
            values.change(code);
            code.global_get(condition).br_if(0);
            // What falls through differs from what branches, or there would be nothing to merge.
            values.change(code);
            code.end();
        };
        let nesting = match args.get(KIND.name) {
            0 => {
                body.emit(|code| values.make(code));
                body.emit_repeat(blocks, |code| rest(code.block(values.block)));
                1
            }
            1 => {
                body.emit(|code| values.make(code));
                body.emit_repeat(blocks, |code| rest(code.loop_(values.block)));
                1
            }
            _ => {
                body.builder.proposals.insert(Proposal::Exceptions);
                body.builder.usage.raise("catches", 1);
                body.emit(|code| values.make(code.block(BlockType::Empty)));
                body.emit_repeat(blocks, |code| {
                    rest(code.try_table(values.block, [Catch::All { label: 0 }]));
                });
                2
            }
        };
        body.emit(|code| values.take(code));
        if nesting == 2 {
            body.emit(|code| _ = code.end());
        }
        body.builder.usage.raise("nesting-depth", nesting);
        body.finish(args)
    }
}

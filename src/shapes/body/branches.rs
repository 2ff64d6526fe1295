//! N forward branches out of D nested blocks.
//!
//! Finds the cost of branches whose target is not known yet: label fix-ups, veneers and islands
//! where a branch reaches too short (a published quadratic case on aarch64), predecessors of one
//! block, edges of the control-flow graph.

use super::{Body, body_bytes};
use crate::shapes::{Args, Axis, Module, PAD, Param, Shape};
use wasm_encoder::BlockType;

/// `block block ... br_if 0 br_if 1 ... end set end set`.
pub(crate) struct Branches;

impl Shape for Branches {
    fn id(&self) -> &'static str {
        "branches"
    }

    fn summary(&self) -> &'static str {
        "N conditional forward branches out of D nested blocks"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "count", summary: "branches", min: 1, max: 2_500_000, default: 200 },
            Param {
                name: "targets",
                summary: "blocks around the branches, which go to each in turn",
                min: 1,
                max: 1_000_000,
                default: 4,
            },
            PAD,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[body_bytes("count"), body_bytes("targets")] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let mut body = Body::new(args);
        let targets = args.get("targets");
        let condition = body.condition();
        body.emit_repeat(targets, |code| _ = code.block(BlockType::Empty));
        body.emit_each(args.get("count"), |code, k| {
            code.global_get(condition).br_if(super::index(k % targets));
        });
        body.land(condition, targets);
        body.builder.usage.raise("nesting-depth", targets);
        body.finish(args)
    }
}
